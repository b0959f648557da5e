/* A callback forks on the receive thread. Its child returns from the callback: the thread
   ends there, and sends none of the parent's packets. */

#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { BEFORE = 5, ALL = 10, OTHER = 100 };

static atomic_int child;

static void add_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  pid_t pid;
  (void)info_hash; (void)peer; (void)user;
  if( child ) return;
  pid = fork();
  if( pid < 0 ) fail( "fork" );
  /* A signal ends a child that hangs. */
  if( !pid ) alarm( PATIENCE_MS / 1000 );
  child = pid ? pid : -1;
}

static int knows_all( livesync_t *handle ) {
  livesync_counts_t counts;
  uint8_t info_hash[20];
  uint32_t torrent;
  for( torrent = 0; torrent < ALL; ++torrent ) {
    hash_of( torrent, info_hash );
    if( livesync_counts( handle, info_hash, &counts, sizeof counts ) ) fail( "counts" );
    if( !counts.known ) return 0;
  }
  return 1;
}

int main( int argc, char **argv ) {
  livesync_config_t config = local_config( argc > 1 ? atoi( argv[1] ) : 9696 );
  livesync_t *forking, *other;
  int64_t end = now_ms() + PATIENCE_MS;
  uint32_t torrent;
  int status;
  config.scrape = 0;
  config.table = 1;
  if( livesync_open( &config, &other ) || livesync_start( other, 2 ) ) fail( "start" );
  config.table = 0;
  config.add_peer = add_peer;
  config.flush_ms = 600000;
  if( livesync_open( &config, &forking ) || livesync_start( forking, 1 ) ) fail( "start one that forks" );
  for( torrent = 0; torrent < BEFORE; ++torrent ) announce( forking, torrent, ipv4_peer( 1, 0 ) );
  announce( other, OTHER, ipv4_peer( 1, 0 ) );
  while( !child ) {
    if( now_ms() > end ) fail( "no callback" );
    sleep_ms( 1 );
  }
  if( waitpid( child, &status, 0 ) != child || status ) fail( "a child does not end well" );
  for( ; torrent < ALL; ++torrent ) announce( forking, torrent, ipv4_peer( 1, 0 ) );
  if( livesync_close( forking ) ) fail( "close" );
  while( !knows_all( other ) ) {
    if( now_ms() > end ) fail( "announces are lost" );
    sleep_ms( 1 );
  }
  if( stats_of( other ).records_heard != ALL ) fail( "announces come twice" );
  if( livesync_close( other ) ) fail( "close the other" );
  puts( "ok" );
  return 0;
}
