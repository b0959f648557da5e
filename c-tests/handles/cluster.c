#include <string.h>

#include "cluster.h"

livesync_config_t table_config( int port ) {
  livesync_config_t config = local_config( port );
  config.table = 1;
  return config;
}

livesync_t *start( struct cluster *cluster, unsigned number, const livesync_config_t *config ) {
  livesync_t **handle = &cluster->handles[number];
  if( livesync_open( config, handle ) ) fail( "open" );
  if( cluster->way == POLLING ? livesync_start_polling( *handle, number + 1 ) : livesync_start( *handle, number + 1 ) )
    fail( "start" );
  return *handle;
}

void close_all( struct cluster *cluster ) {
  int i;
  for( i = 0; i < 3; ++i )
    if( livesync_close( cluster->handles[i] ) ) fail( "close" );
}

void let_happen( struct cluster *cluster ) {
  livesync_event_t event;
  int i;
  sleep_ms( 1 );
  for( i = 0; cluster->way == POLLING && i < 3; ++i ) {
    if( !cluster->handles[i] ) continue;
    if( livesync_process( cluster->handles[i] ) ) fail( "process" );
    if( livesync_poll_events( cluster->handles[i], &event, 1, sizeof event ) )
      fail( "an event although there is a table" );
  }
}

void let_happen_for( struct cluster *cluster, int ms ) {
  int64_t end = now_ms() + ms;
  while( now_ms() < end ) let_happen( cluster );
}

livesync_counts_t counts_of( livesync_t *handle, uint32_t torrent ) {
  livesync_counts_t counts;
  uint8_t info_hash[20];
  hash_of( torrent, info_hash );
  memset( &counts, 0xee, sizeof counts );
  if( livesync_counts( handle, info_hash, &counts, sizeof counts ) || counts.size != sizeof counts ) fail( "counts" );
  return counts;
}

int has_counts( livesync_t *handle, uint32_t torrent, uint64_t seeders, uint64_t leechers, uint64_t downloaded ) {
  livesync_counts_t counts = counts_of( handle, torrent );
  return counts.known == 1 && counts.seeders == seeders && counts.leechers == leechers &&
         counts.downloaded == downloaded;
}

void wait_for_counts( struct cluster *cluster, livesync_t *handle, uint32_t torrent, uint64_t seeders,
                      uint64_t leechers, uint64_t downloaded, const char *what ) {
  int64_t end = now_ms() + PATIENCE_MS;
  while( !has_counts( handle, torrent, seeders, leechers, downloaded ) ) {
    if( now_ms() > end ) fail( what );
    let_happen( cluster );
  }
}
