/* Handles with a table that only listen, or only speak, with a receive thread and polled. */

#include <stdio.h>
#include <stdlib.h>

#include "cluster.h"

static void test_who_hears_whom( int port, int way );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  test_who_hears_whom( port, OWN_THREAD );
  test_who_hears_whom( port, POLLING );
  puts( "ok" );
  return 0;
}

/* Tests a handle that listens and speaks, one that only listens, and one that only speaks. */
static void test_who_hears_whom( int port, int way ) {
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = table_config( port );
  livesync_t *full, *listener, *speaker;
  livesync_peer_t peer = ipv4_peer( 3, 0 );
  uint8_t info_hash[20];
  livesync_stats_t stats;
  livesync_node_t nodes[4];
  int64_t end = now_ms() + PATIENCE_MS;

  config.first_beacon_delay_ms = 50;
  config.beacon_interval_ms = 50;
  full = start( &cluster, 0, &config );
  config.speak = 0;
  listener = start( &cluster, 1, &config );
  config.speak = 1;
  config.listen = 0;
  speaker = start( &cluster, 2, &config );

  announce( full, 1, ipv4_peer( 1, 0 ) );
  announce( speaker, 2, ipv4_peer( 2, 0 ) );
  hash_of( 3, info_hash );
  if( livesync_announce( listener, info_hash, &peer ) != LIVESYNC_E_STATE ) fail( "a listener that speaks" );
  wait_for_counts( &cluster, listener, 1, 0, 1, 0, "the listener did not hear the full one" );
  wait_for_counts( &cluster, listener, 2, 0, 1, 0, "the listener did not hear the speaker" );
  wait_for_counts( &cluster, full, 2, 0, 1, 0, "the full one did not hear the speaker" );
  while( !stats_of( listener ).beacons_heard ) {
    if( now_ms() > end ) fail( "the listener heard no beacon" );
    let_happen( &cluster );
  }
  let_happen_for( &cluster, 300 );

  if( counts_of( full, 3 ).known || counts_of( listener, 3 ).known ) fail( "the listener announced" );
  if( counts_of( speaker, 1 ).known ) fail( "the speaker heard the full one" );
  if( !has_counts( speaker, 2, 0, 1, 0 ) ) fail( "the speaker does not know its own peer" );
  stats = stats_of( listener );
  if( stats.packets_out || stats.records_announced || stats.beacons_sent || stats.inquiries_sent )
    fail( "the listener said something" );
  stats = stats_of( speaker );
  if( stats.packets_in || stats.records_heard || stats.nodes || stats.beacons_heard )
    fail( "the speaker heard something" );
  if( stats.records_announced != 1 || stats.beacons_sent || stats.scrape_state != LIVESYNC_SCRAPE_OFF )
    fail( "what the speaker said" );
  if( livesync_nodes( speaker, nodes, 4, sizeof *nodes ) != 0 ) fail( "nodes of the speaker" );
  if( livesync_nodes( listener, nodes, 4, sizeof *nodes ) != 2 ) fail( "nodes of the listener" );
  if( livesync_nodes( full, nodes, 4, sizeof *nodes ) != 1 || nodes[0].tracker_id != 3 )
    fail( "nodes of the full one" );
  close_all( &cluster );
}
