/* Standard input, output and error in unusual states: closed, or a pipe without a reader.
   Prints one line with the results to the file of the first argument. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include "livesync.h"

enum { LINES = 20 };

static uint8_t hash[20] = { 0xab };
static livesync_peer_t peer = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 },
                                6881, LIVESYNC_PEER_SEEDING, 0 };

static void fail( const char *what, int error ) {
  FILE *out = fopen( getenv( "REPORT" ), "w" );
  fprintf( out, "%s: %d %s\n", what, error, livesync_strerror( error ) );
  exit( 1 );
}

static void check( const char *what, int error ) {
  if( error ) fail( what, error );
}

/* Plays another tracker of this host with another id; the library refuses each of its
   packets. */
static void send_noise( int socket, unsigned short port, unsigned char number ) {
  struct sockaddr_in to;
  unsigned char packet[36] = { 1, 2, 3, 4 };
  memset( &to, 0, sizeof to );
  to.sin_family = AF_INET;
  to.sin_port = htons( port );
  to.sin_addr.s_addr = inet_addr( "224.0.42.5" );
  packet[8] = number;
  sendto( socket, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to );
}

static void run( livesync_t *handle, int polling, int milliseconds ) {
  struct pollfd fd = { -1, POLLIN, 0 };
  if( polling ) {
    int timeout;
    check( "fd", ( fd.fd = livesync_fd( handle ) ) < 0 );
    timeout = livesync_next_timeout_ms( handle );
    if( timeout >= 0 && timeout < milliseconds ) milliseconds = timeout;
    poll( &fd, 1, milliseconds );
    check( "process", livesync_process( handle ) );
  } else {
    usleep( 1000 * milliseconds );
  }
}

/* stdio REPORT PORT closed|full|dead polling|thread */
int main( int argc, char **argv ) {
  livesync_config_t config;
  livesync_stats_t stats;
  livesync_t *handle;
  FILE *out;
  int polling, fd, i, pipes[2], flags, noise, open_fds = 0;
  unsigned short port;
  if( argc != 5 ) return 2;
  setenv( "REPORT", argv[1], 1 );
  port = atoi( argv[2] );
  polling = !strcmp( argv[4], "polling" );
  alarm( 20 );
  livesync_config_init( &config, sizeof config );
  config.interface = "127.0.0.1";
  config.port = port;
  config.loopback = 1;
  config.table = 1;
  config.log_level = LIVESYNC_LOG_DEBUG;
  if( !strcmp( argv[3], "closed" ) ) {
    for( fd = 0; fd < 3; ++fd ) close( fd );
  } else {
    check( "pipe", pipe( pipes ) );
    if( !strcmp( argv[3], "full" ) ) {
      fcntl( pipes[1], F_SETFL, O_NONBLOCK );
      while( write( pipes[1], hash, 1 ) == 1 );
      fcntl( pipes[1], F_SETFL, 0 );
    } else {
      close( pipes[0] );
    }
    dup2( pipes[1], 2 );
  }
  check( "open", livesync_open( &config, &handle ) );
  check( "start", polling ? livesync_start_polling( handle, 7 ) : livesync_start( handle, 7 ) );
  for( fd = 0; fd < 3; ++fd ) open_fds += fcntl( fd, F_GETFD ) != -1;
  /* From here on the noise socket may have a low number; it is ours, not the library's. */
  noise = socket( AF_INET, SOCK_DGRAM, 0 );
  {
    struct in_addr loopback = { htonl( INADDR_LOOPBACK ) };
    setsockopt( noise, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback );
  }
  memset( &stats, 0, sizeof stats );
  for( i = 0; i < 2000; ++i ) {
    if( i < LINES ) send_noise( noise, port, i );
    check( "announce", livesync_announce( handle, hash, &peer ) );
    run( handle, polling, 5 );
    check( "stats", livesync_stats( handle, &stats, sizeof stats ) );
    if( stats.drops_not_allowed >= LINES && stats.packets_out > 0 ) break;
  }
  flags = fcntl( 2, F_GETFL );
  check( "stop", livesync_stop( handle ) );
  check( "close", livesync_close( handle ) );
  close( noise );
  out = fopen( argv[1], "w" );
  fprintf( out, "standard descriptors %d, blocking %d, refused %d, sent %d, lines dropped %d\n",
           open_fds, flags == -1 || !( flags & O_NONBLOCK ), (int)stats.drops_not_allowed,
           stats.packets_out > 0, stats.log_lines_dropped >= LINES );
  fclose( out );
  return 0;
}
