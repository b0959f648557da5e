/* Callers that were compiled with an older or a newer livesync.h: their structs are shorter
   or longer. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "polled.h"

static void test_config_sizes( void );
static void test_event_sizes( int port );
static void test_stats_sizes( int port );
static void test_node_sizes( int port );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  test_config_sizes();
  test_event_sizes( port );
  test_stats_sizes( port );
  test_node_sizes( port );
  puts( "ok" );
  return 0;
}

static void test_config_sizes( void ) {
  livesync_config_t config;
  size_t size;
  for( size = 0; size < sizeof config; ++size ) {
    livesync_t *handle = NULL;
    int error;
    memset( &config, 0xee, sizeof config );
    error = livesync_config_init( &config, size );
    /* No struct ends in the middle of a pointer. */
    if( size < sizeof( size_t ) + sizeof( char * ) || size % sizeof( char * ) ) {
      if( error != LIVESYNC_E_ARGUMENT ) fail( "a size that cannot be" );
      continue;
    }
    if( error ) fail( "an older struct" );
    config.interface = "127.0.0.1";
    if( livesync_open( &config, &handle ) || livesync_close( handle ) ) fail( "a handle of an older struct" );
  }
}

/* Returns whether bytes are as they were before the call. */
static int untouched( const void *bytes, size_t from, size_t end ) {
  for( ; from < end; ++from )
    if( ( (const uint8_t *)bytes )[from] != 0xee ) return 0;
  return 1;
}

static void test_event_sizes( int port ) {
  struct { livesync_event_t event; uint64_t later[2]; } newer[2];
  const size_t old_size = offsetof( livesync_event_t, torrent );
  livesync_event_t older[3], event;
  struct node two[2], *a = &two[0], *b = &two[1];
  livesync_peer_t peer = ipv4_peer( 6881, LIVESYNC_PEER_SEEDING );
  int64_t end = now_ms() + PATIENCE_MS;
  uint32_t torrent;
  size_t i;

  start_two( two, port, BY_EVENTS );
  b->way = EVENTS_WAIT;
  for( torrent = 1; torrent <= 4; ++torrent ) announce( a->handle, torrent, peer );
  while( stats_of( b->handle ).events_waiting < 4 ) {
    if( now_ms() > end ) fail( "no events to wait" );
    turn( two, 100 );
  }
  if( livesync_poll_events( b->handle, NULL, 1, sizeof event ) != LIVESYNC_E_ARGUMENT ) fail( "events to nowhere" );
  if( livesync_poll_events( b->handle, &event, 1, 0 ) != LIVESYNC_E_ARGUMENT ) fail( "events of no size" );
  if( livesync_poll_events( b->handle, &event, 0, sizeof event ) != 0 ) fail( "events without room" );

  memset( older, 0xee, sizeof older );
  if( livesync_poll_events( b->handle, older, 2, old_size ) != 2 ) fail( "two events for an older caller" );
  for( i = 0; i < 2; ++i ) {
    memset( &event, 0, sizeof event );
    memcpy( &event, (uint8_t *)older + i * old_size, old_size );
    if( event.event_type != LIVESYNC_EVENT_ADD_PEER || number_of( event.info_hash ) != i + 1 ||
        memcmp( &event.peer, &peer, sizeof peer ) )
      fail( "an event for an older caller" );
  }
  if( !untouched( older, 2 * old_size, sizeof older ) ) fail( "more than an older caller knows" );

  memset( newer, 0xee, sizeof newer );
  if( livesync_poll_events( b->handle, &newer[0].event, 2, sizeof *newer ) != 2 )
    fail( "two events for a newer caller" );
  for( i = 0; i < 2; ++i ) {
    if( newer[i].event.event_type != LIVESYNC_EVENT_ADD_PEER || number_of( newer[i].event.info_hash ) != i + 3 )
      fail( "an event for a newer caller" );
    if( newer[i].later[0] || newer[i].later[1] ) fail( "more than we know" );
  }
  if( livesync_poll_events( b->handle, &event, 1, sizeof event ) != 0 ) fail( "one event more" );
  close_two( two );
}

/* Returns when the second node has received one peer of the first. */
static void start_two_and_announce( struct node *two, int port ) {
  start_two( two, port, BY_EVENTS );
  announce( two[0].handle, 1, ipv4_peer( 1, 0 ) );
  wait_for( two, &two[1].added, 1, "not heard" );
}

static void test_stats_sizes( int port ) {
  struct { livesync_stats_t stats; uint64_t later[2]; } newer;
  const size_t old_size = offsetof( livesync_stats_t, nodes );
  livesync_stats_t older;
  struct node two[2];

  start_two_and_announce( two, port );
  memset( &older, 0xee, sizeof older );
  if( livesync_stats( two[1].handle, &older, old_size ) || older.size != old_size || older.tracker_id != 2 )
    fail( "older stats" );
  if( !untouched( &older, old_size, sizeof older ) ) fail( "more than older stats have" );
  memset( &newer, 0xee, sizeof newer );
  if( livesync_stats( two[1].handle, &newer.stats, sizeof newer ) || newer.stats.size != sizeof newer.stats )
    fail( "newer stats" );
  if( newer.stats.nodes != 1 || newer.later[0] || newer.later[1] ) fail( "more stats than we know" );
  close_two( two );
}

static void test_node_sizes( int port ) {
  struct { livesync_node_t node; uint64_t later; } newer;
  const size_t old_size = offsetof( livesync_node_t, records );
  livesync_node_t older;
  struct node two[2];

  start_two_and_announce( two, port );
  memset( &older, 0xee, sizeof older );
  if( livesync_nodes( two[1].handle, &older, 1, old_size ) != 1 || older.tracker_id != 1 || !older.packets )
    fail( "an older node" );
  if( !untouched( &older, old_size, sizeof older ) ) fail( "more than an older node has" );
  memset( &newer, 0xee, sizeof newer );
  if( livesync_nodes( two[1].handle, &newer.node, 1, sizeof newer ) != 1 ) fail( "a newer node" );
  if( newer.node.records != 1 || newer.later ) fail( "more of a node than we know" );
  close_two( two );
}
