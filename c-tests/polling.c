/* Two handles in one process, in one cluster, driven by one poll(2) loop on one thread:
   first all by events, then the same by callbacks. Prints "ok", or what is wrong. */

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "livesync.h"

enum { PATIENCE_MS = 20000, TORRENTS = 1000, PORTION = 97, BETTER = 7, FLOOD = 20000 };

/* How a handle of a test is used. */
enum { BY_EVENTS = 0, BY_CALLBACKS = 1, EVENTS_WAIT = 2 };

struct node {
  livesync_t *handle;
  int port, way, in_process;
  int64_t due;
  /* Peers. */
  unsigned added, removed, packets;
  livesync_peer_t last;
  uint8_t last_hash[20];
  /* Torrents: by number, how often they were downloaded; 0 for those not known. */
  uint64_t downloaded[TORRENTS];
  unsigned torrents, raised, counted, walked, looked_up;
  /* The id that took the place of one that somebody else has. */
  unsigned renamed;
  uint32_t new_id;
};

/* The only thread that may be called back. */
static pthread_t loop_thread;

static const livesync_peer_t ipv4 = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 192,0,2,1 }, 6881, LIVESYNC_PEER_SEEDING, 0 };
static const livesync_peer_t ipv6 = { { 0x20,0x01,0x0d,0xb8, 0,0,0,0, 0,0,0,0, 0,0,0,9 }, 6882, 0, 0 };

static void test_states( int port );
static void test_peers( int port, int way );
static void test_scrape_sync( int port, int way );
static void test_same_id( int port, int way );
static void test_other_thread( int port );
static void test_event_sizes( int port );
static void test_stats_sizes( int port );
static void test_backpressure( int port );
static void test_stop_and_start( int port );
static void test_close( int port );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  int way;
  loop_thread = pthread_self();
  test_states( port );
  for( way = BY_EVENTS; way <= BY_CALLBACKS; ++way ) {
    test_peers( port, way );
    test_scrape_sync( port, way );
    test_same_id( port, way );
  }
  test_other_thread( port );
  test_event_sizes( port );
  test_stats_sizes( port );
  test_backpressure( port );
  test_stop_and_start( port );
  test_close( port );
  puts( "ok" );
  return 0;
}

static void fail( const char *what ) { puts( what ); exit( 1 ); }

static int64_t now_ms( void ) {
  struct timespec now;
  clock_gettime( CLOCK_MONOTONIC, &now );
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Torrents have numbers, and everything about one follows from its number. */

static void hash_of( uint32_t number, uint8_t *info_hash ) {
  memset( info_hash, 0x5a, 20 );
  memcpy( info_hash, &number, sizeof number );
}

static uint32_t number_of( const uint8_t *info_hash ) {
  uint32_t number;
  uint8_t expected[20];
  memcpy( &number, info_hash, sizeof number );
  hash_of( number, expected );
  if( memcmp( info_hash, expected, sizeof expected ) ) fail( "a torrent of nobody" );
  return number;
}

/* More than 32 bits hold, and never 0. */
static uint64_t downloads_of( uint32_t number ) { return number * UINT64_C( 0x100000001 ) + 1; }

static uint32_t age_of( uint32_t number ) { return number % 6 * 10; }

/* What a program does, whether it is called back or polls. */

static void add_peer( struct node *node, const uint8_t *info_hash, const livesync_peer_t *peer ) {
  ++node->added;
  node->last = *peer;
  memcpy( node->last_hash, info_hash, sizeof node->last_hash );
}

static void remove_peer( struct node *node, const uint8_t *info_hash, const livesync_peer_t *peer ) {
  ++node->removed;
  node->last = *peer;
  memcpy( node->last_hash, info_hash, sizeof node->last_hash );
}

static uint64_t count_torrents( struct node *node ) {
  ++node->counted;
  return node->torrents;
}

/* The number of the first torrent is the bucket of the cursor. */
static size_t walk_torrents( struct node *node, livesync_cursor_t *cursor, livesync_torrent_t *torrents, size_t limit ) {
  uint32_t number = cursor->bucket;
  size_t count = 0;
  ++node->walked;
  if( limit > PORTION ) limit = PORTION;
  for( ; number < TORRENTS && count < limit; ++number ) {
    if( !node->downloaded[number] ) continue;
    hash_of( number, torrents[count].info_hash );
    torrents[count].base_offset = age_of( number );
    torrents[count].downloaded = node->downloaded[number];
    ++count;
  }
  memset( cursor, 0, sizeof *cursor );
  if( number < TORRENTS ) cursor->bucket = number;
  else cursor->place = 2;
  return count;
}

static int look_up_torrent( struct node *node, livesync_torrent_t *torrent ) {
  uint32_t number = number_of( torrent->info_hash );
  ++node->looked_up;
  if( number >= TORRENTS || !node->downloaded[number] ) return 0;
  torrent->base_offset = age_of( number );
  torrent->downloaded = node->downloaded[number];
  return 1;
}

static int merge_torrent( struct node *node, const livesync_torrent_t *torrent ) {
  uint32_t number = number_of( torrent->info_hash );
  uint64_t *ours;
  if( number >= TORRENTS ) fail( "a torrent that nobody has" );
  ours = &node->downloaded[number];
  if( torrent->base_offset != age_of( number ) ) fail( "another base offset" );
  if( torrent->downloaded < downloads_of( number ) ) fail( "another count" );
  if( *ours > torrent->downloaded ) return LIVESYNC_KNOWN_BETTER;
  if( !*ours ) ++node->torrents;
  else if( *ours < torrent->downloaded ) ++node->raised;
  *ours = torrent->downloaded;
  return LIVESYNC_MERGED;
}

static void new_tracker_id( struct node *node, uint32_t id ) {
  ++node->renamed;
  node->new_id = id;
}

/* The way of callbacks. */

static struct node *called_back( void *user ) {
  struct node *node = user;
  if( !pthread_equal( pthread_self(), loop_thread ) ) fail( "called back from another thread" );
  if( !node->in_process ) fail( "called back outside of livesync_process()" );
  if( livesync_close( node->handle ) != LIVESYNC_E_STATE ) fail( "closed inside of a callback" );
  return node;
}

static int is_blessed_cb( const uint8_t *ip, void *user ) {
  static const uint8_t loopback[16] = { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 127,0,0,1 };
  called_back( user );
  return !memcmp( ip, loopback, sizeof loopback );
}
static void add_peer_cb( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  add_peer( called_back( user ), info_hash, peer );
}
static void remove_peer_cb( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  remove_peer( called_back( user ), info_hash, peer );
}
static void packet_applied_cb( size_t peers, void *user ) {
  if( !peers ) fail( "an empty packet" );
  ++called_back( user )->packets;
}
static void new_tracker_id_cb( uint32_t id, void *user ) { new_tracker_id( called_back( user ), id ); }
static uint64_t count_torrents_cb( void *user ) { return count_torrents( called_back( user ) ); }
static size_t walk_torrents_cb( livesync_cursor_t *cursor, livesync_torrent_t *torrents, size_t limit, void *user ) {
  return walk_torrents( called_back( user ), cursor, torrents, limit );
}
static int look_up_torrent_cb( livesync_torrent_t *torrent, void *user ) {
  return look_up_torrent( called_back( user ), torrent );
}
static int merge_torrent_cb( const livesync_torrent_t *torrent, void *user ) {
  return merge_torrent( called_back( user ), torrent );
}

/* The way of events. */

static void answer_walk( struct node *node, const livesync_event_t *event ) {
  livesync_torrent_t torrents[TORRENTS];
  livesync_cursor_t cursor = event->cursor;
  size_t count = walk_torrents( node, &cursor, torrents, event->limit );
  if( !event->limit ) fail( "a walk of nothing" );
  if( event->limit < TORRENTS &&
      livesync_answer_walk( node->handle, torrents, event->limit + 1, &cursor ) != LIVESYNC_E_ARGUMENT )
    fail( "walked more than the limit" );
  if( livesync_answer_walk( node->handle, torrents, count, cursor.place == 2 ? NULL : &cursor ) ) fail( "answer_walk" );
  memset( torrents, 0xee, sizeof torrents );
  if( livesync_answer_walk( node->handle, NULL, 0, NULL ) != LIVESYNC_E_STATE ) fail( "walked twice" );
}

static void answer_look_up( struct node *node, const livesync_event_t *event ) {
  livesync_torrent_t torrent;
  memcpy( torrent.info_hash, event->info_hash, sizeof torrent.info_hash );
  if( livesync_answer_look_up( node->handle, look_up_torrent( node, &torrent ) ? &torrent : NULL ) )
    fail( "answer_look_up" );
}

/* What is not said to be set is 0. */
static void handle_event( struct node *node, const livesync_event_t *event ) {
  static const livesync_event_t zeros;
  livesync_event_t rest = *event;
  rest.event_type = 0;
  switch( event->event_type ) {
    case LIVESYNC_EVENT_ADD_PEER:
    case LIVESYNC_EVENT_REMOVE_PEER:
      if( event->event_type == LIVESYNC_EVENT_ADD_PEER ) add_peer( node, event->info_hash, &event->peer );
      else remove_peer( node, event->info_hash, &event->peer );
      memset( rest.info_hash, 0, sizeof rest.info_hash );
      memset( &rest.peer, 0, sizeof rest.peer );
      break;
    case LIVESYNC_EVENT_NEW_TRACKER_ID:
      new_tracker_id( node, event->tracker_id );
      rest.tracker_id = 0;
      break;
    case LIVESYNC_EVENT_COUNT_TORRENTS:
      if( livesync_answer_count( node->handle, count_torrents( node ) ) ) fail( "answer_count" );
      if( livesync_answer_count( node->handle, 0 ) != LIVESYNC_E_STATE ) fail( "counted twice" );
      break;
    case LIVESYNC_EVENT_WALK_TORRENTS:
      answer_walk( node, event );
      memset( &rest.cursor, 0, sizeof rest.cursor );
      rest.limit = 0;
      break;
    case LIVESYNC_EVENT_LOOK_UP_TORRENT:
      answer_look_up( node, event );
      memset( rest.info_hash, 0, sizeof rest.info_hash );
      break;
    case LIVESYNC_EVENT_MERGE_TORRENT:
      if( livesync_answer_merge( node->handle, event->torrent.info_hash, merge_torrent( node, &event->torrent ) ) )
        fail( "answer_merge" );
      if( memcmp( event->info_hash, event->torrent.info_hash, sizeof event->info_hash ) )
        fail( "two torrents to merge" );
      memset( rest.info_hash, 0, sizeof rest.info_hash );
      memset( &rest.torrent, 0, sizeof rest.torrent );
      break;
    default: fail( "an event of no type" );
  }
  if( memcmp( &rest, &zeros, offsetof( livesync_event_t, limit ) + sizeof rest.limit ) )
    fail( "an event with too much in it" );
}

static void take_events( struct node *node ) {
  livesync_event_t events[64];
  int i, count;
  while( ( count = livesync_poll_events( node->handle, events, 64, sizeof *events ) ) > 0 ) {
    if( node->way == BY_CALLBACKS ) fail( "an event although there are callbacks" );
    for( i = 0; i < count; ++i ) handle_event( node, &events[i] );
  }
  if( count < 0 ) fail( "poll_events" );
}

/* The loop. */

static livesync_config_t settings( struct node *node, int port, int way ) {
  livesync_config_t config;
  memset( node, 0, sizeof *node );
  node->port = port;
  node->way = way;
  if( livesync_config_init( &config, sizeof config ) ) fail( "config_init" );
  config.interface = "127.0.0.1";
  config.port = (uint16_t)port;
  config.loopback = 1;
  config.ipv6 = 1;
  config.scrape = 0;
  config.user = node;
  if( way != BY_CALLBACKS ) {
    config.allow = "127.0.0.1";
    return config;
  }
  config.is_blessed = is_blessed_cb;
  config.add_peer = add_peer_cb;
  config.remove_peer = remove_peer_cb;
  config.packet_applied = packet_applied_cb;
  config.new_tracker_id = new_tracker_id_cb;
  config.count_torrents = count_torrents_cb;
  config.walk_torrents = walk_torrents_cb;
  config.look_up_torrent = look_up_torrent_cb;
  config.merge_torrent = merge_torrent_cb;
  return config;
}

static void start( struct node *node, const livesync_config_t *config, uint32_t id ) {
  if( livesync_open( config, &node->handle ) ) fail( "open" );
  if( livesync_start_polling( node->handle, id ) ) fail( "start_polling" );
}

/* Two nodes with the ids 1 and 2, that do not take part in scrape sync. */
static void start_two( struct node *two, int port, int way ) {
  uint32_t i;
  for( i = 0; i < 2; ++i ) {
    livesync_config_t config = settings( &two[i], port, way );
    start( &two[i], &config, i + 1 );
  }
}

static void close_two( struct node *two ) {
  if( livesync_close( two[0].handle ) || livesync_close( two[1].handle ) ) fail( "close" );
}

static void announce( struct node *node, uint32_t torrent, const livesync_peer_t *peer ) {
  uint8_t info_hash[20];
  hash_of( torrent, info_hash );
  if( livesync_announce( node->handle, info_hash, peer ) ) fail( "announce" );
}

static void process( struct node *node ) {
  node->in_process = 1;
  if( livesync_process( node->handle ) ) fail( "process" );
  node->in_process = 0;
}

/* One turn of a loop with two handles. A handle is processed when it says so, and not
   otherwise: what it does not say does not happen. */
static void turn( struct node *two, int limit_ms ) {
  struct pollfd fds[2];
  int64_t now = now_ms();
  int i;
  for( i = 0; i < 2; ++i ) {
    int timeout = livesync_next_timeout_ms( two[i].handle );
    if( timeout < 0 ) fail( "next_timeout" );
    fds[i].fd = livesync_fd( two[i].handle );
    fds[i].events = POLLIN;
    two[i].due = now + timeout;
    if( timeout < limit_ms ) limit_ms = timeout;
  }
  if( poll( fds, 2, limit_ms ) < 0 ) fail( "poll" );
  now = now_ms();
  for( i = 0; i < 2; ++i ) {
    if( !fds[i].revents && now < two[i].due ) continue;
    process( &two[i] );
    if( two[i].way != EVENTS_WAIT ) take_events( &two[i] );
  }
}

static void turn_for( struct node *two, int ms ) {
  int64_t end = now_ms() + ms, left;
  while( ( left = end - now_ms() ) > 0 ) turn( two, (int)left );
}

/* Turns until a counter has a value. */
static void wait_for( struct node *two, const unsigned *counter, unsigned value, const char *what ) {
  int64_t end = now_ms() + PATIENCE_MS, left;
  while( *counter < value ) {
    if( ( left = end - now_ms() ) <= 0 ) fail( what );
    turn( two, (int)left );
  }
  if( *counter > value ) fail( what );
}

static livesync_stats_t stats_of( struct node *node ) {
  livesync_stats_t stats;
  if( livesync_stats( node->handle, &stats, sizeof stats ) || stats.size != sizeof stats ) fail( "stats" );
  return stats;
}

/* The only other node that this one has heard. */
static livesync_node_t other_of( struct node *node ) {
  livesync_node_t nodes[4];
  if( livesync_nodes( node->handle, nodes, 4, sizeof *nodes ) != 1 ) fail( "nodes" );
  return nodes[0];
}

/* The tests. */

static void test_states( int port ) {
  struct node node;
  livesync_config_t config = settings( &node, port, BY_EVENTS );
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
    if( run == 0 && livesync_announce( node.handle, hash, &ipv4 ) != LIVESYNC_E_STATE )
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

static void expect_last( const struct node *node, uint32_t torrent, const livesync_peer_t *peer, const char *what ) {
  if( number_of( node->last_hash ) != torrent || memcmp( &node->last, peer, sizeof *peer ) ) fail( what );
}

static void test_peers( int port, int way ) {
  struct node two[2], *a = &two[0], *b = &two[1];
  livesync_peer_t stopped = ipv4;
  livesync_stats_t stats;
  livesync_node_t other;
  static const uint8_t loopback[16] = { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 127,0,0,1 };

  start_two( two, port, way );
  announce( a, 1, &ipv4 );
  wait_for( two, &b->added, 1, "no IPv4 peer" );
  expect_last( b, 1, &ipv4, "another IPv4 peer" );
  announce( a, 2, &ipv6 );
  wait_for( two, &b->added, 2, "no IPv6 peer" );
  expect_last( b, 2, &ipv6, "another IPv6 peer" );
  announce( b, 3, &ipv6 );
  wait_for( two, &a->added, 1, "no IPv6 peer the other way" );
  expect_last( a, 3, &ipv6, "another IPv6 peer the other way" );
  announce( b, 4, &ipv4 );
  wait_for( two, &a->added, 2, "no IPv4 peer the other way" );
  expect_last( a, 4, &ipv4, "another IPv4 peer the other way" );
  stopped.flags = LIVESYNC_PEER_STOPPED;
  announce( a, 1, &stopped );
  wait_for( two, &b->removed, 1, "no stop" );
  expect_last( b, 1, &stopped, "another stop" );
  if( b->added != 2 || a->removed ) fail( "something else, too" );
  if( way == BY_CALLBACKS && ( b->packets != 3 || a->packets != 2 ) ) fail( "packets applied" );

  stats = stats_of( b );
  if( stats.tracker_id != 2 || stats.scrape_state != LIVESYNC_SCRAPE_OFF || stats.nodes != 1 ) fail( "what b is" );
  if( stats.records_told != 2 || stats.records_heard != 3 || stats.packets_out != 2 || stats.packets_in < 3 )
    fail( "what b did" );
  if( !stats.bytes_out || !stats.bytes_in || stats.send_errors || stats.events_waiting ) fail( "what b did not" );
  if( stats.drops_not_blessed || stats.drops_ipv6_unsupported || stats.drops_unknown_type ) fail( "what b dropped" );
  other = other_of( b );
  if( other.tracker_id != 1 || other.records != 3 || other.packets != 3 || other.beacons || other.torrents )
    fail( "what b knows of a" );
  if( memcmp( other.ip, loopback, sizeof loopback ) || !other.port || other.last_heard_ms > PATIENCE_MS )
    fail( "where a is" );
  close_two( two );
}

/* A has all torrents, B a single one, of which it knows a larger count. */
static void test_scrape_sync( int port, int way ) {
  static struct node two[2];
  struct node *a = &two[0], *b = &two[1];
  livesync_stats_t stats;
  uint32_t i;

  for( i = 0; i < 2; ++i ) {
    livesync_config_t config = settings( &two[i], port, way );
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
  if( a->walked < TORRENTS / PORTION || a->looked_up || b->walked || b->looked_up != 1 ) fail( "asked too much" );
  if( !a->counted || !b->counted ) fail( "asked too little" );

  stats = stats_of( a );
  if( stats.torrents_told != TORRENTS || stats.torrents_heard != 1 || stats.torrents_failed ) fail( "what a told" );
  if( !stats.beacons_sent || !stats.beacons_heard || !stats.inquiries_heard || stats.inquiries_sent )
    fail( "how a told" );
  if( stats.scrape_state != LIVESYNC_SCRAPE_IDLE ) fail( "a is not done" );
  stats = stats_of( b );
  if( stats.torrents_told != 1 || stats.torrents_heard != TORRENTS || stats.torrents_not_remembered )
    fail( "what b heard" );
  if( !stats.inquiries_sent || stats.inquiries_heard || stats.records_heard || stats.drops_scrape_unsupported )
    fail( "how b heard" );
  if( stats.scrape_state != LIVESYNC_SCRAPE_IDLE ) fail( "b is not done" );
  if( other_of( b ).torrents != TORRENTS || !other_of( b ).beacons ) fail( "the beacons of a" );
  close_two( two );
}

static void test_same_id( int port, int way ) {
  struct node two[2], *a = &two[0], *b = &two[1];
  int i;
  for( i = 0; i < 2; ++i ) {
    livesync_config_t config = settings( &two[i], port, way );
    config.log_level = LIVESYNC_LOG_OFF;
    start( &two[i], &config, 5 );
  }
  announce( b, 1, &ipv4 );
  wait_for( two, &a->added, 1, "not heard under the same id" );
  wait_for( two, &a->renamed, 1, "no new id" );
  if( a->new_id == 5 || a->new_id != stats_of( a ).tracker_id || stats_of( a ).id_collisions != 1 )
    fail( "another new id" );
  if( b->renamed || stats_of( b ).tracker_id != 5 ) fail( "both have a new id" );
  close_two( two );
}

struct late {
  livesync_t *handle;
  int64_t announced;
};

static void *announce_late( void *argument ) {
  struct late *late = argument;
  struct timespec moment = { 0, 200000000 };
  uint8_t info_hash[20];
  hash_of( 1, info_hash );
  nanosleep( &moment, NULL );
  late->announced = now_ms();
  if( livesync_announce( late->handle, info_hash, &ipv4 ) ) fail( "announce from another thread" );
  return NULL;
}

static void test_other_thread( int port ) {
  struct node two[2];
  struct late late = { NULL, 0 };
  struct pollfd fd = { -1, POLLIN, 0 };
  pthread_t thread;
  int timeout;

  start_two( two, port, BY_EVENTS );
  turn_for( two, 50 );
  late.handle = two[0].handle;
  fd.fd = livesync_fd( late.handle );
  timeout = livesync_next_timeout_ms( late.handle );
  if( timeout < PATIENCE_MS ) fail( "nothing to do, but a short timeout" );
  if( poll( &fd, 1, 0 ) != 0 ) fail( "nothing to do, but readable" );
  if( pthread_create( &thread, NULL, announce_late, &late ) ) fail( "pthread_create" );
  if( poll( &fd, 1, PATIENCE_MS ) != 1 || !( fd.revents & POLLIN ) ) fail( "an announce did not wake the loop" );
  wait_for( two, &two[1].added, 1, "not heard from another thread" );
  if( pthread_join( thread, NULL ) ) fail( "pthread_join" );
  if( now_ms() - late.announced >= 1000 ) fail( "heard late" );
  if( livesync_fd( late.handle ) != fd.fd ) fail( "another descriptor" );
  close_two( two );
}

/* Callers that know less of the event, or more. */
static void test_event_sizes( int port ) {
  struct { livesync_event_t event; uint64_t later[2]; } newer[2];
  const size_t old_size = offsetof( livesync_event_t, torrent );
  livesync_event_t older[3], event;
  struct node two[2], *a = &two[0], *b = &two[1];
  int64_t end = now_ms() + PATIENCE_MS;
  uint32_t torrent;
  size_t i;

  start_two( two, port, BY_EVENTS );
  b->way = EVENTS_WAIT;
  for( torrent = 1; torrent <= 4; ++torrent ) announce( a, torrent, &ipv4 );
  while( stats_of( b ).events_waiting < 4 ) {
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
        memcmp( &event.peer, &ipv4, sizeof ipv4 ) )
      fail( "an event for an older caller" );
  }
  for( i = 2 * old_size; i < sizeof older; ++i )
    if( ( (uint8_t *)older )[i] != 0xee ) fail( "more than an older caller knows" );

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

/* The same for what is asked of a handle. */
static void test_stats_sizes( int port ) {
  struct { livesync_stats_t stats; uint64_t later[2]; } newer;
  struct { livesync_node_t node; uint64_t later; } newer_node;
  const size_t old_size = offsetof( livesync_stats_t, nodes ), old_node = offsetof( livesync_node_t, records );
  livesync_stats_t older;
  livesync_node_t node;
  struct node two[2];
  size_t i;

  start_two( two, port, BY_EVENTS );
  announce( &two[0], 1, &ipv4 );
  wait_for( two, &two[1].added, 1, "not heard" );

  memset( &older, 0xee, sizeof older );
  if( livesync_stats( two[1].handle, &older, old_size ) || older.size != old_size || older.tracker_id != 2 )
    fail( "older stats" );
  for( i = old_size; i < sizeof older; ++i )
    if( ( (uint8_t *)&older )[i] != 0xee ) fail( "more than older stats have" );
  memset( &newer, 0xee, sizeof newer );
  if( livesync_stats( two[1].handle, &newer.stats, sizeof newer ) || newer.stats.size != sizeof newer.stats )
    fail( "newer stats" );
  if( newer.stats.nodes != 1 || newer.later[0] || newer.later[1] ) fail( "more stats than we know" );

  memset( &node, 0xee, sizeof node );
  if( livesync_nodes( two[1].handle, &node, 1, old_node ) != 1 || node.tracker_id != 1 || node.packets != 1 )
    fail( "an older node" );
  for( i = old_node; i < sizeof node; ++i )
    if( ( (uint8_t *)&node )[i] != 0xee ) fail( "more than an older node has" );
  memset( &newer_node, 0xee, sizeof newer_node );
  if( livesync_nodes( two[1].handle, &newer_node.node, 1, sizeof newer_node ) != 1 ) fail( "a newer node" );
  if( newer_node.node.records != 1 || newer_node.later ) fail( "more of a node than we know" );
  close_two( two );
}

/* How many packets the kernel dropped because a socket at this port was full. */
static unsigned long kernel_drops( int port ) {
  unsigned long all = 0, drops;
  unsigned local;
  char line[256];
  FILE *sockets = fopen( "/proc/net/udp", "r" );
  if( !sockets ) fail( "no /proc/net/udp" );
  while( fgets( line, sizeof line, sockets ) )
    if( sscanf( line, "%*d: %*x:%x %*x:%*x %*x %*x:%*x %*x:%*x %*x %*u %*u %*u %*u %*s %lu", &local, &drops ) == 2 &&
        local == (unsigned)port )
      all += drops;
  fclose( sockets );
  return all;
}

/* B is processed, but takes no events while A announces. */
static void test_backpressure( int port ) {
  enum { MOST_IN_A_PACKET = 64 };
  struct node two[2], *a = &two[0], *b = &two[1];
  livesync_peer_t peer = ipv4;
  livesync_event_t events[64];
  uint32_t torrent, expected = 0;
  unsigned heard = 0;
  int64_t silent_since;
  int i, count;

  start_two( two, port, BY_EVENTS );
  b->way = EVENTS_WAIT;
  for( torrent = 0; torrent < FLOOD; ++torrent ) {
    peer.port = (uint16_t)( torrent + 1 );
    announce( a, torrent, &peer );
    if( torrent % 100 == 0 ) turn( two, 0 );
  }
  turn_for( two, 300 );
  if( stats_of( b ).events_waiting == 0 ) fail( "nothing waits" );
  if( stats_of( b ).events_waiting > FLOOD / 2 ) fail( "the library did not stop receiving" );

  /* Now they are taken: each at most once, in order. */
  for( silent_since = now_ms(); now_ms() - silent_since < 500; turn( two, 50 ) )
    while( ( count = livesync_poll_events( b->handle, events, 64, sizeof *events ) ) > 0 )
      for( silent_since = now_ms(), i = 0; i < count; ++i ) {
        uint32_t number = number_of( events[i].info_hash );
        if( events[i].event_type != LIVESYNC_EVENT_ADD_PEER || events[i].peer.port != (uint16_t)( number + 1 ) )
          fail( "another peer" );
        if( number < expected || number >= FLOOD ) fail( "not in order" );
        expected = number + 1;
        ++heard;
      }
  if( heard != stats_of( b ).records_heard ) fail( "events got lost" );
  if( stats_of( a ).packets_overflowed || stats_of( a ).send_errors ) fail( "packets were not sent" );
  if( heard + kernel_drops( port ) * MOST_IN_A_PACKET < FLOOD ) fail( "packets got lost" );
  announce( a, 1, &ipv6 );
  b->way = BY_EVENTS;
  wait_for( two, &b->added, 1, "nothing heard afterwards" );
  close_two( two );
}

/* Without the other node, which is stopped or closed. */
static void hear_alone( struct node *node, unsigned peers, const char *what ) {
  struct pollfd fd = { -1, POLLIN, 0 };
  int64_t end = now_ms() + PATIENCE_MS;
  fd.fd = livesync_fd( node->handle );
  while( node->added < peers ) {
    if( now_ms() > end ) fail( what );
    poll( &fd, 1, 100 );
    process( node );
    take_events( node );
  }
}

/* What was announced before a stop is sent by the next call, whichever it is. */
static void test_stop_and_start( int port ) {
  struct node two[2], *a = &two[0], *b = &two[1];
  int fd;

  start_two( two, port, BY_EVENTS );
  fd = livesync_fd( a->handle );
  announce( a, 1, &ipv4 );
  if( livesync_stop( a->handle ) ) fail( "stop" );
  if( livesync_process( a->handle ) != LIVESYNC_E_STATE ) fail( "processed after a stop" );
  if( livesync_next_timeout_ms( a->handle ) != LIVESYNC_E_STATE ) fail( "a timeout after a stop" );
  if( stats_of( a ).tracker_id || stats_of( a ).uptime_ms ) fail( "up after a stop" );
  hear_alone( b, 1, "what was announced before a stop is not heard" );

  if( livesync_start_polling( a->handle, 7 ) ) fail( "start again" );
  if( livesync_fd( a->handle ) != fd ) fail( "another descriptor after a stop" );
  announce( b, 2, &ipv6 );
  wait_for( two, &a->added, 1, "does not hear after a start" );
  announce( a, 3, &ipv6 );
  if( livesync_stop( a->handle ) || livesync_start_polling( a->handle, 8 ) ) fail( "stop and start" );
  wait_for( two, &b->added, 2, "what was announced before a start is not heard" );
  announce( a, 4, &ipv4 );
  wait_for( two, &b->added, 3, "not heard after a start" );
  if( stats_of( a ).tracker_id != 8 ) fail( "another id after a start" );
  close_two( two );
}

static void test_close( int port ) {
  struct node two[2];
  start_two( two, port, BY_EVENTS );
  announce( &two[0], 1, &ipv4 );
  announce( &two[0], 2, &ipv6 );
  if( livesync_close( two[0].handle ) ) fail( "close" );
  hear_alone( &two[1], 2, "what was announced right before a close is not heard" );
  if( livesync_close( two[1].handle ) ) fail( "close" );
}
