/* A node of a cluster that announces a peer ten times a second until it is killed, and prints
   "heard" for each peer of other nodes, and its log.

     interface INTERFACE OTHER */

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <time.h>

#include "livesync.h"

static void print_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *unused ) {
  (void)info_hash; (void)peer; (void)unused;
  puts( "heard" );
}

static void print_log( int level, const char *message, void *unused ) {
  (void)level; (void)unused;
  printf( "log: %s\n", message );
}

int main( int argc, char **argv ) {
  static const uint8_t info_hash[20] = { 0xab };
  static const livesync_peer_t peer = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 192,0,2,1 }, 6881, 0, 0 };
  const struct timespec tenth = { 0, 100000000 };
  livesync_config_t config;
  livesync_t *handle;

  if( argc != 3 ) return 2;
  setvbuf( stdout, NULL, _IOLBF, 0 );
  livesync_config_init( &config, sizeof config );
  config.interface = argv[1];
  config.allow = argv[2];
  config.add_peer = print_peer;
  config.log = print_log;
  if( livesync_open( &config, &handle ) || livesync_start( handle, 0 ) ) return 1;
  for( ;; ) {
    livesync_announce( handle, info_hash, &peer );
    nanosleep( &tenth, NULL );
  }
}
