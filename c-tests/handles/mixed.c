/* A polled handle with callbacks for peers, but none for torrents, so that it has no events;
   calls from inside the log; and the state of a stopped handle. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

enum { PEERS = 5000, TURNS_MS = 500 };

static void test_peers_by_callbacks( int port );
static void test_close_in_log( int port );
static void test_after_stop( int port );
static void test_from_loop_to_thread( int port );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  test_peers_by_callbacks( port );
  test_close_in_log( port );
  test_after_stop( port );
  test_from_loop_to_thread( port );
  puts( "ok" );
  return 0;
}

static void count_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  unsigned *added = user;
  (void)info_hash; (void)peer;
  ++*added;
}

static livesync_t *opened( const livesync_config_t *config ) {
  livesync_t *handle;
  if( livesync_open( config, &handle ) ) fail( "open" );
  return handle;
}

/* Runs a loop with only this handle for this long, and returns the number of turns. */
static unsigned turn_for( livesync_t *handle, int ms ) {
  struct pollfd fd = { livesync_fd( handle ), POLLIN, 0 };
  int64_t end = now_ms() + ms;
  unsigned turns;
  for( turns = 0; now_ms() < end; ++turns ) {
    int timeout = livesync_next_timeout_ms( handle );
    if( timeout > 20 ) timeout = 20;
    if( timeout < 0 || poll( &fd, 1, timeout ) < 0 || livesync_process( handle ) ) fail( "a turn" );
  }
  return turns;
}

/* Other nodes tell each other of more torrents than there is room for events. */
static void test_peers_by_callbacks( int port ) {
  livesync_config_t config = local_config( port ), empty_config;
  livesync_t *full, *empty, *polled;
  livesync_event_t event;
  unsigned added = 0;
  int64_t end = now_ms() + PATIENCE_MS;
  int i;

  config.table = 1;
  config.first_beacon_delay_ms = config.beacon_interval_ms = 50;
  full = opened( &config );
  empty_config = config;
  config.table = 0;
  config.add_peer = config.remove_peer = count_peer;
  config.user = &added;
  polled = opened( &config );
  if( livesync_start( full, 1 ) || livesync_start_polling( polled, 2 ) ) fail( "start" );
  for( i = 0; i < PEERS; ++i ) announce( full, (uint32_t)i, ipv4_peer( 6881, 0 ) );
  turn_for( polled, 500 );
  /* An open handle already receives. */
  empty = opened( &empty_config );
  if( livesync_start( empty, 3 ) ) fail( "start" );
  while( stats_of( empty ).torrents_heard < PEERS ) {
    if( turn_for( polled, TURNS_MS ) > TURNS_MS ) fail( "it spins" );
    if( now_ms() > end ) fail( "nobody told" );
  }
  if( stats_of( polled ).events_waiting ) fail( "events that nobody fetches" );
  if( livesync_poll_events( polled, &event, 1, sizeof event ) ) fail( "an event" );
  if( livesync_poll_events( polled, &event, 1, 7 ) != LIVESYNC_E_ARGUMENT ) fail( "room for nothing" );
  added = 0;
  announce( full, 1, ipv4_peer( 6882, 0 ) );
  turn_for( polled, 500 );
  if( added != 1 ) fail( "it is deaf" );
  if( livesync_close( full ) || livesync_close( empty ) || livesync_close( polled ) ) fail( "close" );
}

static livesync_t *closed_by_log;
static int close_result;

static void close_in_log( int level, const char *message, void *user ) {
  (void)level; (void)message; (void)user;
  close_result = livesync_close( closed_by_log );
}

static void test_close_in_log( int port ) {
  livesync_config_t config = local_config( port );
  int polling;
  for( polling = 0; polling < 2; ++polling ) {
    config.log = close_in_log;
    config.log_level = LIVESYNC_LOG_INFO;
    closed_by_log = opened( &config );
    if( polling ? livesync_start_polling( closed_by_log, 1 ) : livesync_start( closed_by_log, 1 ) ) fail( "start" );
    if( close_result != LIVESYNC_E_STATE ) fail( "closed from inside of the log" );
    if( livesync_close( closed_by_log ) ) fail( "close" );
  }
}

static void test_after_stop( int port ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle = opened( &config );
  livesync_stats_t stats;
  uint8_t info_hash[20];

  hash_of( 1, info_hash );
  if( livesync_answer_merge( handle, info_hash, LIVESYNC_MERGED ) != LIVESYNC_E_STATE ) fail( "nobody asked" );
  if( livesync_answer_merge( handle, info_hash, 77 ) != LIVESYNC_E_ARGUMENT ) fail( "no answer" );
  if( livesync_selftest( &config, 0 ) != LIVESYNC_E_ARGUMENT ) fail( "a test without time" );
  if( livesync_start_polling( handle, 7 ) ) fail( "start" );
  announce( handle, 1, ipv4_peer( 6881, 0 ) );
  if( livesync_stop( handle ) || livesync_process( handle ) != LIVESYNC_E_STATE ) fail( "stop" );
  stats = stats_of( handle );
  /* The announce, and at the end its heartbeat. */
  if( stats.records_announced != 1 || stats.packets_out != 2 ) fail( "the counts are gone" );
  if( stats.tracker_id || stats.uptime_ms || stats.nodes ) fail( "up after a stop" );
  if( livesync_start_polling( handle, 7 ) ) fail( "start" );
  if( stats_of( handle ).records_announced ) fail( "counts of the run before" );
  if( livesync_close( handle ) ) fail( "close" );
}

/* Events that the program has not taken must not keep the thread of the next run from
   receiving. */
static void test_from_loop_to_thread( int port ) {
  livesync_config_t config = local_config( port );
  livesync_t *teller = opened( &config ), *handle = opened( &config );
  int64_t end = now_ms() + PATIENCE_MS;
  int i;

  if( livesync_start( teller, 1 ) || livesync_start_polling( handle, 2 ) ) fail( "start" );
  for( i = 0; i < PEERS; ++i ) announce( teller, (uint32_t)i, ipv4_peer( 6881, 0 ) );
  while( stats_of( handle ).events_waiting < 4096 ) {
    if( now_ms() > end || livesync_process( handle ) ) fail( "no events" );
    sleep_ms( 1 );
  }
  if( livesync_stop( handle ) || livesync_start( handle, 2 ) ) fail( "stop and start" );
  announce( teller, 0, ipv4_peer( 6882, 0 ) );
  while( !stats_of( handle ).records_heard ) {
    if( now_ms() > end ) fail( "it is deaf after a start with a thread" );
    sleep_ms( 1 );
  }
  if( livesync_close( handle ) || livesync_close( teller ) ) fail( "close" );
}
