/* Sources of both address families at a socket of the program's own: which are allowed, and
   which addresses livesync_nodes() returns for them. */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

static const uint8_t IPV6_LOOPBACK[16] = { 0,0,0,0, 0,0,0,0, 0,0,0,0, 0,0,0,1 };

/* Opens a socket for both families, and returns its port. */
static int dual_stack( uint16_t *port ) {
  struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
  socklen_t length = sizeof address;
  int no = 0, fd = socket( AF_INET6, SOCK_DGRAM, 0 );
  if( fd < 0 || setsockopt( fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no ) ||
      bind( fd, (struct sockaddr *)&address, length ) ||
      getsockname( fd, (struct sockaddr *)&address, &length ) )
    fail( "a socket for both" );
  *port = ntohs( address.sin6_port );
  return fd;
}

/* Sends an announce of a tracker with this id, from an address of this family. */
static void announce_peer( int family, uint16_t port, uint8_t id ) {
  struct sockaddr_in  ipv4 = { .sin_family = AF_INET, .sin_port = htons( port ) };
  struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons( port ), .sin6_addr = in6addr_loopback };
  const struct sockaddr *to = family == AF_INET ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;
  const socklen_t length = family == AF_INET ? sizeof ipv4 : sizeof ipv6;
  uint8_t packet[8 + 28] = { id, id, id, id, 0,0,0,0 };
  const int fd = socket( family, SOCK_DGRAM, 0 );
  ipv4.sin_addr.s_addr = htonl( INADDR_LOOPBACK );
  memset( packet + 8, 0x5a, 20 );
  memcpy( packet + 28, "\xc0\x00\x02\x01\x1a\xe1\x80", 7 );
  if( fd < 0 || sendto( fd, packet, sizeof packet, 0, to, length ) != sizeof packet ) fail( "send" );
  close( fd );
}

static void hear( livesync_t *handle, int fd ) {
  struct pollfd waits = { fd, POLLIN, 0 };
  if( poll( &waits, 1, PATIENCE_MS ) != 1 ) fail( "nothing arrived" );
  if( livesync_receive( handle, fd ) ) fail( "receive" );
}

/* Checks which of both may send with this allow list. */
static void test_allowed( int port, const char *allow, int ipv4, int ipv6 ) {
  livesync_config_t config = local_config( port );
  livesync_node_t nodes[2];
  livesync_stats_t stats;
  livesync_t *handle;
  uint16_t at;
  int fd = dual_stack( &at ), i;
  config.allow = allow;
  if( livesync_open( &config, &handle ) || livesync_start( handle, 1 ) ) fail( allow );
  announce_peer( AF_INET, at, 4 );
  hear( handle, fd );
  announce_peer( AF_INET6, at, 6 );
  hear( handle, fd );
  stats = stats_of( handle );
  if( stats.drops_not_allowed != (uint64_t)( 2 - ipv4 - ipv6 ) ) fail( allow );
  if( livesync_nodes( handle, nodes, 2, sizeof *nodes ) != ipv4 + ipv6 ) fail( allow );
  for( i = 0; i < ipv4 + ipv6; ++i ) {
    const int is_ipv6 = nodes[i].tracker_id == 0x06060606;
    if( is_ipv6 ? !ipv6 : !ipv4 ) fail( allow );
    if( is_ipv6 ? memcmp( nodes[i].ip, IPV6_LOOPBACK, 16 ) : !is_loopback( nodes[i].ip ) ) fail( allow );
  }
  if( livesync_close( handle ) ) fail( "close" );
  close( fd );
}

static void test_refused( int port, const char *allow ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle = NULL;
  config.allow = allow;
  if( livesync_open( &config, &handle ) != LIVESYNC_E_CONFIG || handle ) fail( allow );
}

int main( int argc, char **argv ) {
  const int port = argc > 1 ? atoi( argv[1] ) : 0;
  test_allowed( port, "192.0.2.1, 2001:db8::/32", 0, 0 );
  test_allowed( port, "127.0.0.1", 1, 0 );
  test_allowed( port, "::1", 0, 1 );
  test_allowed( port, "::1/128,127.0.0.0/8", 1, 1 );
  /* Mapped into IPv6, this is an IPv4 network. */
  test_allowed( port, "::ffff:127.0.0.1", 1, 0 );
  test_allowed( port, "::ffff:127.0.0.0/104", 1, 0 );
  test_allowed( port, "::/0", 0, 1 );
  test_refused( port, "::1/129" );
  test_refused( port, "127.0.0.1/33" );
  test_refused( port, "::1 127.0.0" );
  puts( "ok" );
  return 0;
}
