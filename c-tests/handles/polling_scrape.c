/* Scrape sync in a host loop, by events and by callbacks: A has all torrents, B a single
   one, of which it knows a larger count. */

#include <stdio.h>
#include <stdlib.h>

#include "polled.h"

enum { BETTER = 7 };

static void test_scrape_sync( int port, int way );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  test_scrape_sync( port, BY_EVENTS );
  test_scrape_sync( port, BY_CALLBACKS );
  puts( "ok" );
  return 0;
}

static void test_scrape_sync( int port, int way ) {
  static struct node two[2];
  struct node *a = &two[0], *b = &two[1];
  livesync_stats_t stats;
  livesync_node_t nodes[4];
  uint32_t i;

  for( i = 0; i < 2; ++i ) {
    livesync_config_t config = new_node( &two[i], port, way );
    config.scrape = 1;
    config.first_beacon_delay_ms = 50;
    config.beacon_interval_ms = 50;
    start( &two[i], &config, i + 1 );
  }
  a->torrents = TORRENTS;
  for( i = 0; i < TORRENTS; ++i ) a->downloaded[i] = downloads_of( i );
  b->torrents = 1;
  b->downloaded[BETTER] = downloads_of( BETTER ) + 1;

  wait_for( two, &b->torrents, TORRENTS, "b did not learn all torrents" );
  wait_for( two, &a->raised, 1, "a did not learn the better count" );
  turn_for( two, 200 );
  for( i = 0; i < TORRENTS; ++i ) {
    uint64_t expected = downloads_of( i ) + ( i == BETTER );
    if( a->downloaded[i] != expected || b->downloaded[i] != expected ) fail( "not the same downloads" );
  }
  if( a->torrents != TORRENTS || a->raised != 1 || b->raised ) fail( "learned too much" );
  if( a->walked < TORRENTS / PORTION || a->looked_up || b->walked || b->looked_up != 1 ) fail( "too many tasks" );
  if( !a->counted || !b->counted ) fail( "too few tasks" );

  stats = stats_of( a->handle );
  if( stats.torrents_sent != TORRENTS || stats.torrents_heard != 1 || stats.torrents_failed ) fail( "torrents told by a" );
  if( !stats.beacons_sent || !stats.beacons_heard || !stats.inquiries_heard || stats.inquiries_sent )
    fail( "packets told by a" );
  if( stats.scrape_state != LIVESYNC_SCRAPE_IDLE ) fail( "a is not done" );
  stats = stats_of( b->handle );
  if( stats.torrents_sent != 1 || stats.torrents_heard != TORRENTS || stats.torrents_not_remembered )
    fail( "what b heard" );
  if( !stats.inquiries_sent || stats.inquiries_heard || stats.records_heard || stats.drops_scrape_unsupported )
    fail( "how b heard" );
  if( stats.scrape_state != LIVESYNC_SCRAPE_IDLE ) fail( "b is not done" );
  if( livesync_nodes( b->handle, nodes, 4, sizeof *nodes ) != 1 || nodes->torrents != TORRENTS || !nodes->beacons )
    fail( "the beacons of a" );
  close_two( two );
}
