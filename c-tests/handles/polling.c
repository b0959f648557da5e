/* Two handles in a host loop: the allowed calls in each state, and the events that wake the
   loop; peers and a new id, by events and by callbacks. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "polled.h"

static void test_states( int port );
static void test_peers( int port, int way );
static void test_same_id( int port, int way );
static void test_other_thread( int port );
static void test_no_room( int port );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  int way;
  test_states( port );
  for( way = BY_EVENTS; way <= BY_CALLBACKS; ++way ) {
    test_peers( port, way );
    test_same_id( port, way );
  }
  test_other_thread( port );
  test_no_room( port );
  puts( "ok" );
  return 0;
}

/* A loop that does not turn: a bounded number of announces waits for it. */
static void test_no_room( int port ) {
  enum { ROOM = 16384 };
  struct node node;
  livesync_config_t config = new_node( &node, port, BY_EVENTS );
  livesync_peer_t peer = ipv4_peer( 1, 0 );
  uint8_t hash[20] = { 7 };
  uint64_t taken = 0;
  int code;
  /* No waiting announce is late. */
  config.flush_ms = 600000;
  config.listen = 0;
  start( &node, &config, 1 );
  while( ( code = livesync_try_announce( node.handle, hash, &peer ) ) == LIVESYNC_OK && taken < 2 * ROOM ) ++taken;
  /* The first announce finds the loop late, and is taken at once. */
  if( code != LIVESYNC_E_FULL || taken < ROOM || taken > ROOM + 1 ) fail( "another number of announces has room" );
  if( livesync_try_announce( node.handle, hash, NULL ) != LIVESYNC_E_ARGUMENT ) fail( "nobody was announced" );
  if( livesync_announce( node.handle, hash, &peer ) ) fail( "it does not make room itself" );
  if( livesync_try_announce( node.handle, hash, &peer ) ) fail( "there is no room again" );
  if( stats_of( node.handle ).records_announced != taken + 2 ) fail( "an announce is lost" );
  if( livesync_close( node.handle ) ) fail( "close" );
}

static void test_states( int port ) {
  struct node node;
  livesync_config_t config = new_node( &node, port, BY_EVENTS );
  livesync_peer_t peer = ipv4_peer( 1, 0 );
  livesync_event_t event;
  uint8_t hash[20] = { 0 };
  int run;

  if( livesync_start_polling( NULL, 1 ) != LIVESYNC_E_ARGUMENT || livesync_fd( NULL ) != LIVESYNC_E_ARGUMENT ||
      livesync_next_timeout_ms( NULL ) != LIVESYNC_E_ARGUMENT || livesync_process( NULL ) != LIVESYNC_E_ARGUMENT ||
      livesync_poll_events( NULL, &event, 1, sizeof event ) != LIVESYNC_E_ARGUMENT )
    fail( "something of nothing" );
  config.log_level = LIVESYNC_LOG_OFF;
  if( livesync_open( &config, &node.handle ) ) fail( "open" );
  /* Not yet; then, in the other of the two ways. */
  for( run = 0; run < 2; ++run ) {
    if( livesync_fd( node.handle ) != LIVESYNC_E_STATE ) fail( "a descriptor" );
    if( livesync_next_timeout_ms( node.handle ) != LIVESYNC_E_STATE ) fail( "a timeout" );
    if( livesync_process( node.handle ) != LIVESYNC_E_STATE ) fail( "processed" );
    if( livesync_answer_count( node.handle, 1 ) != LIVESYNC_E_STATE ) fail( "counted without question" );
    if( run == 0 && livesync_announce( node.handle, hash, &peer ) != LIVESYNC_E_STATE )
      fail( "announced before the start" );
    if( run == 0 && livesync_start( node.handle, 1 ) ) fail( "start" );
  }
  if( livesync_start_polling( node.handle, 1 ) != LIVESYNC_E_STATE ) fail( "started both ways" );
  if( livesync_stop( node.handle ) || livesync_start_polling( node.handle, 1 ) ) fail( "start_polling after a thread" );
  if( livesync_start_polling( node.handle, 1 ) != LIVESYNC_E_STATE ) fail( "started twice" );
  if( livesync_start( node.handle, 1 ) != LIVESYNC_E_STATE ) fail( "started the other way, too" );
  if( livesync_answer_count( node.handle, 1 ) != LIVESYNC_E_STATE ||
      livesync_answer_walk( node.handle, NULL, 0, NULL ) != LIVESYNC_E_STATE ||
      livesync_answer_look_up( node.handle, NULL ) != LIVESYNC_E_STATE )
    fail( "answered without question" );
  if( livesync_close( node.handle ) ) fail( "close" );
}

static void expect_last( const struct node *node, uint32_t torrent, livesync_peer_t peer, const char *what ) {
  if( number_of( node->last_hash ) != torrent || memcmp( &node->last, &peer, sizeof peer ) ) fail( what );
}

static void test_peers( int port, int way ) {
  struct node two[2], *a = &two[0], *b = &two[1];
  livesync_peer_t ipv4 = ipv4_peer( 6881, LIVESYNC_PEER_SEEDING ), ipv6 = ipv6_peer( 6882, 0 );
  livesync_peer_t stopped = ipv4_peer( 6881, LIVESYNC_PEER_STOPPED );
  livesync_stats_t stats;
  livesync_node_t nodes[4];

  start_two( two, port, way );
  announce( a->handle, 1, ipv4 );
  wait_for( two, &b->added, 1, "no IPv4 peer" );
  expect_last( b, 1, ipv4, "another IPv4 peer" );
  announce( a->handle, 2, ipv6 );
  wait_for( two, &b->added, 2, "no IPv6 peer" );
  expect_last( b, 2, ipv6, "another IPv6 peer" );
  announce( b->handle, 3, ipv6 );
  wait_for( two, &a->added, 1, "no IPv6 peer the other way" );
  expect_last( a, 3, ipv6, "another IPv6 peer the other way" );
  announce( b->handle, 4, ipv4 );
  wait_for( two, &a->added, 2, "no IPv4 peer the other way" );
  expect_last( a, 4, ipv4, "another IPv4 peer the other way" );
  announce( a->handle, 1, stopped );
  wait_for( two, &b->removed, 1, "no stop" );
  expect_last( b, 1, stopped, "another stop" );
  if( b->added != 2 || a->removed ) fail( "something else, too" );
  if( way == BY_CALLBACKS && ( b->packets != 3 || a->packets != 2 ) ) fail( "packets applied" );

  stats = stats_of( b->handle );
  if( stats.tracker_id != 2 || stats.scrape_state != LIVESYNC_SCRAPE_OFF || stats.nodes != 1 ) fail( "what b is" );
  if( stats.records_announced != 2 || stats.records_heard != 3 || stats.packets_in < 3 ||
      stats.packets_out != 2 + stats.heartbeats_sent )
    fail( "what b did" );
  if( !stats.bytes_out || !stats.bytes_in || stats.send_errors || stats.events_waiting ) fail( "what b did not" );
  if( stats.packets_missing || stats.packets_lost || stats.packets_unauthenticated || stats.naks_heard )
    fail( "what b missed" );
  if( stats.drops_not_allowed || stats.drops_ipv6_unsupported || stats.drops_unknown_type ) fail( "what b dropped" );
  if( livesync_nodes( b->handle, nodes, 4, sizeof *nodes ) != 1 ) fail( "nodes" );
  if( nodes->tracker_id != 1 || nodes->records != 3 || nodes->packets < 3 || nodes->beacons || nodes->torrents )
    fail( "what b knows of a" );
  if( nodes->packets_missing || nodes->packets_lost || nodes->authenticated ) fail( "what b missed of a" );
  if( !is_loopback( nodes->ip ) || !nodes->port || nodes->last_heard_ms > PATIENCE_MS ) fail( "where a is" );
  close_two( two );
}

static void test_same_id( int port, int way ) {
  struct node two[2], *a = &two[0], *b = &two[1];
  int i;
  for( i = 0; i < 2; ++i ) {
    livesync_config_t config = new_node( &two[i], port, way );
    config.log_level = LIVESYNC_LOG_OFF;
    start( &two[i], &config, 5 );
  }
  announce( b->handle, 1, ipv4_peer( 1, 0 ) );
  wait_for( two, &a->added, 1, "not heard under the same id" );
  turn_for( two, 50 );
  /* The node that received the other's packet first draws a new id; perhaps both do. */
  if( !a->renamed && !b->renamed ) fail( "no new id" );
  for( i = 0; i < 2; ++i ) {
    livesync_stats_t stats = stats_of( two[i].handle );
    if( stats.tracker_id != ( two[i].renamed ? two[i].new_id : 5 ) ) fail( "another new id" );
    if( two[i].renamed > 1 || stats.id_collisions != two[i].renamed ) fail( "how often the ids were the same" );
  }
  if( stats_of( a->handle ).tracker_id == stats_of( b->handle ).tracker_id ) fail( "still the same id" );
  close_two( two );
}

struct late {
  livesync_t *handle;
  int64_t announced;
};

static void *announce_late( void *argument ) {
  struct late *late = argument;
  sleep_ms( 200 );
  late->announced = now_ms();
  announce( late->handle, 1, ipv4_peer( 1, 0 ) );
  return NULL;
}

static void test_other_thread( int port ) {
  struct node two[2];
  struct late late = { NULL, 0 };
  struct pollfd fd = { -1, POLLIN, 0 };
  pthread_t thread;
  int64_t end = now_ms() + PATIENCE_MS;
  int timeout;

  start_two( two, port, BY_EVENTS );
  late.handle = two[0].handle;
  fd.fd = livesync_fd( late.handle );
  /* Both receive a first packet of the other, and then a heartbeat every second: between two
     of them there is no work. */
  do {
    if( now_ms() > end ) fail( "nothing to do, but a short timeout, or readable" );
    turn_for( two, 300 );
    timeout = livesync_next_timeout_ms( late.handle );
  } while( timeout < 500 || poll( &fd, 1, 0 ) != 0 );
  if( pthread_create( &thread, NULL, announce_late, &late ) ) fail( "pthread_create" );
  if( poll( &fd, 1, PATIENCE_MS ) != 1 || !( fd.revents & POLLIN ) ) fail( "an announce did not wake the loop" );
  wait_for( two, &two[1].added, 1, "not heard from another thread" );
  if( pthread_join( thread, NULL ) ) fail( "pthread_join" );
  if( now_ms() - late.announced >= 5000 ) fail( "heard late: at its next look at the group, perhaps" );
  if( livesync_fd( late.handle ) != fd.fd ) fail( "another descriptor" );
  close_two( two );
}
