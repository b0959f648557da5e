/* A node of a cluster in a poll(2) loop: no thread, no callbacks. It announces two peers
   every second, prints what the others announce, and ends at the end of standard input.

     cc -O2 -o node examples/c/node.c $(pkg-config --cflags --libs livesync)
     ./node 127.0.0.1 9696 7001 */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <livesync.h>

enum { ANNOUNCE_INTERVAL_MS = 1000 };

static const uint8_t ipv4_mapped[12] = { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff };

static livesync_t *open_node( const char *interface, uint16_t port );
static void announce_peers( livesync_t *handle, uint16_t peer_port, int stopped );
static void print_events( livesync_t *handle );
static void print_event( char sign, const livesync_event_t *event );
static int check( int result );
static uint16_t port_of( const char *text );
static int64_t now_ms( void );

int main( int argc, char **argv ) {
  uint16_t port = argc == 4 ? port_of( argv[2] ) : 0;
  uint16_t peer_port = argc == 4 ? port_of( argv[3] ) : 0;
  if( !port || !peer_port ) {
    fputs( "usage: node INTERFACE PORT PEER_PORT\n", stderr );
    return 2;
  }
  setvbuf( stdout, NULL, _IOLBF, 0 );

  livesync_t *handle = open_node( argv[1], port );
  check( livesync_start_polling( handle, 0 ) );
  struct pollfd fds[] = { { check( livesync_fd( handle ) ), POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
  int64_t next_announce = now_ms();
  for( ;; ) {
    int64_t now = now_ms();
    if( now >= next_announce ) {
      announce_peers( handle, peer_port, 0 );
      next_announce = now + ANNOUNCE_INTERVAL_MS;
    }
    /* Sleeps until the library's next deadline or our next announce, whichever comes first. */
    int timeout = check( livesync_next_timeout_ms( handle ) );
    if( timeout > next_announce - now ) timeout = (int)( next_announce - now );
    if( poll( fds, 2, timeout ) < 0 ) continue;

    check( livesync_process( handle ) );
    print_events( handle );
    char ignored[256];
    if( fds[1].revents && read( STDIN_FILENO, ignored, sizeof ignored ) <= 0 ) break;
  }
  announce_peers( handle, peer_port, 1 );
  /* Sends the last announces before it returns. */
  check( livesync_close( handle ) );
  return 0;
}

static livesync_t *open_node( const char *interface, uint16_t port ) {
  livesync_t *handle;
  livesync_config_t config;
  check( livesync_config_init( &config, sizeof config ) );
  config.interface = interface;
  config.allow = interface; /* the other nodes are on this host, too */
  config.port = port;
  config.loopback = 1;
  config.ipv6 = 1;
  config.scrape = 0; /* without a table this node has no torrents to exchange */
  check( livesync_open( &config, &handle ) );
  return handle;
}

static void announce_peers( livesync_t *handle, uint16_t peer_port, int stopped ) {
  livesync_peer_t ipv4 = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 192,0,2,1 }, peer_port, LIVESYNC_PEER_SEEDING, 0 };
  livesync_peer_t ipv6 = { { 0x20,0x01,0x0d,0xb8, 0,0,0,0, 0,0,0,0, 0,0,0,1 }, peer_port, 0, 0 };
  uint8_t info_hash[20];
  memset( info_hash, 0xab, sizeof info_hash );
  if( stopped ) ipv4.flags = ipv6.flags = LIVESYNC_PEER_STOPPED;
  check( livesync_announce( handle, info_hash, &ipv4 ) );
  check( livesync_announce( handle, info_hash, &ipv6 ) );
}

static void print_events( livesync_t *handle ) {
  livesync_event_t events[64];
  int count;
  while( ( count = check( livesync_poll_events( handle, events, 64, sizeof *events ) ) ) > 0 )
    for( int i = 0; i < count; ++i )
      switch( events[i].event_type ) {
        case LIVESYNC_EVENT_ADD_PEER: print_event( '+', &events[i] ); break;
        case LIVESYNC_EVENT_REMOVE_PEER: print_event( '-', &events[i] ); break;
      }
}

static void print_event( char sign, const livesync_event_t *event ) {
  char ip[INET6_ADDRSTRLEN];
  const uint8_t *address = event->peer.ip;
  if( memcmp( address, ipv4_mapped, sizeof ipv4_mapped ) )
    inet_ntop( AF_INET6, address, ip, sizeof ip );
  else
    inet_ntop( AF_INET, address + sizeof ipv4_mapped, ip, sizeof ip );
  printf( "%c ", sign );
  for( size_t i = 0; i < sizeof event->info_hash; ++i ) printf( "%02x", event->info_hash[i] );
  printf( " %s %u\n", ip, event->peer.port );
}

/* Returns the result, or ends the program if it is an error. */
static int check( int result ) {
  if( result < 0 ) {
    fprintf( stderr, "node: %s\n", livesync_strerror( result ) );
    exit( 1 );
  }
  return result;
}

/* Returns 0 if the text is not a port. */
static uint16_t port_of( const char *text ) {
  char *end;
  unsigned long port = strtoul( text, &end, 10 );
  return *end || port > UINT16_MAX ? 0 : (uint16_t)port;
}

static int64_t now_ms( void ) {
  struct timespec now;
  clock_gettime( CLOCK_MONOTONIC, &now );
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
