/* The defaults of a config, the configs that open no handle, and the texts of errors. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static void test_defaults( void );
static void test_refused( int port );
static void test_refused_by_name( int port );
static void test_one_callback_of_four( int port );
static void test_callbacks_and_table( int port );
static void test_bad_peers( int port );
static void test_errors( void );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  test_defaults();
  test_refused( port );
  test_refused_by_name( port );
  test_one_callback_of_four( port );
  test_callbacks_and_table( port );
  test_bad_peers( port );
  test_errors();
  puts( "ok" );
  return 0;
}

static void test_defaults( void ) {
  livesync_config_t config;
  if( livesync_config_init( &config, sizeof config ) ) fail( "config_init" );
  if( config.port != 9696 || config.ttl != 1 || config.flush_ms != 100 ) fail( "defaults" );
  if( config.key_file || config.cluster || config.max_skew_s != 30 || config.repair != 1 ||
      config.auth != LIVESYNC_AUTH_REQUIRE || config.repair_window != 8388608 )
    fail( "defaults of repair and keys" );
}

static void expect_refused( livesync_config_t config, int error, const char *what ) {
  livesync_t *handle = NULL;
  config.log_level = LIVESYNC_LOG_OFF;
  if( livesync_open( &config, &handle ) != error || handle ) fail( what );
}

static void test_refused( int port ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle;
  if( livesync_open( NULL, &handle ) != LIVESYNC_E_ARGUMENT ) fail( "no config" );
  if( livesync_open( &config, NULL ) != LIVESYNC_E_ARGUMENT ) fail( "no out" );
  config.interface = NULL;
  expect_refused( config, LIVESYNC_E_CONFIG, "no interface" );
  config.interface = "192.0.2.99";
  expect_refused( config, LIVESYNC_E_SOCKET, "nobody's interface" );
}

static void begins_cb( int level, const char *message, void *user ) {
  const char **begin = user;
  (void)level;
  if( !strncmp( message, *begin, strlen( *begin ) ) ) *begin = NULL;
}

/* Checks that the log begins with this text. */
static void expect_named( livesync_config_t config, const char *begin ) {
  livesync_t *handle = NULL;
  const char *what = begin;
  config.log = begins_cb;
  config.user = &begin;
  if( livesync_open( &config, &handle ) != LIVESYNC_E_CONFIG || handle || begin ) fail( what );
}

static void test_refused_by_name( int port ) {
  const livesync_config_t good = local_config( port );
  livesync_config_t config = good;
  livesync_t *handle;
  char name[257];
  memset( name, 'x', sizeof name );
  name[256] = 0;
  config.cluster = name;
  expect_named( config, "cluster must be" );
  config.cluster = "";
  expect_named( config, "cluster must be" );
  config.cluster = "caf\xe9";
  expect_named( config, "cluster must be" );
  config = good;
  config.auth = 2;
  expect_named( config, "auth must be" );
  config = good;
  config.max_skew_s = 0;
  expect_named( config, "max_skew_s must be" );
  config = good;
  config.repair_window = 65535;
  expect_named( config, "repair_window must be" );
  config.repair_window = 268435457;
  expect_named( config, "repair_window must be" );
  config = good;
  config.key_file = "";
  expect_named( config, "key_file must be" );
  config.key_file = "/nowhere/caf\xe9";
  expect_named( config, "cannot use the key file /nowhere/" );
  /* The longest name, and every other field at its limit. */
  config = good;
  config.cluster = name + 1;
  config.auth = LIVESYNC_AUTH_ACCEPT;
  config.max_skew_s = 1;
  config.repair = 0;
  config.repair_window = 65536;
  if( livesync_open( &config, &handle ) || livesync_close( handle ) ) fail( "what is allowed" );
}

/* Callbacks that must not be called. */

static void peer_cb( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  (void)info_hash; (void)peer; (void)user;
  fail( "called back" );
}
static uint64_t count_cb( void *user ) { (void)user; fail( "called back" ); return 0; }
static size_t walk_cb( livesync_cursor_t *cursor, livesync_torrent_t *torrents, size_t limit, void *user ) {
  (void)cursor; (void)torrents; (void)limit; (void)user;
  fail( "called back" );
  return 0;
}
static int look_up_cb( livesync_torrent_t *torrent, void *user ) {
  (void)torrent; (void)user;
  fail( "called back" );
  return 0;
}
static int merge_cb( const livesync_torrent_t *torrent, void *user ) {
  (void)torrent; (void)user;
  fail( "called back" );
  return 0;
}

static void test_one_callback_of_four( int port ) {
  livesync_config_t config = local_config( port );
  config.count_torrents = count_cb;
  expect_refused( config, LIVESYNC_E_CONFIG, "one callback of four" );
}

static void expect_refused_with_table( livesync_config_t config, const char *what ) {
  livesync_t *handle;
  config.table = 1;
  expect_refused( config, LIVESYNC_E_CONFIG, what );
  /* The combination of both is refused. */
  config.table = 0;
  if( livesync_open( &config, &handle ) || livesync_close( handle ) ) fail( "callbacks without a table" );
}

static void test_callbacks_and_table( int port ) {
  livesync_config_t config = local_config( port );
  config.add_peer = peer_cb;
  expect_refused_with_table( config, "add_peer and a table" );
  config = local_config( port );
  config.remove_peer = peer_cb;
  expect_refused_with_table( config, "remove_peer and a table" );
  config = local_config( port );
  config.count_torrents = count_cb;
  config.walk_torrents = walk_cb;
  config.look_up_torrent = look_up_cb;
  config.merge_torrent = merge_cb;
  expect_refused_with_table( config, "callbacks for torrents and a table" );
}

static void test_bad_peers( int port ) {
  livesync_config_t config = local_config( port );
  livesync_peer_t peers[3];
  livesync_stats_t stats;
  livesync_t *handle;
  uint8_t info_hash[20];
  int i;
  for( i = 0; i < 3; ++i ) peers[i] = ipv4_peer( 1, 0 );
  peers[0].port = 0;
  memset( peers[1].ip + 12, 0, 4 );
  memset( peers[2].ip, 0, 16 );
  config.table = 1;
  hash_of( 1, info_hash );
  if( livesync_open( &config, &handle ) || livesync_start( handle, 1 ) ) fail( "start" );
  for( i = 0; i < 3; ++i )
    if( livesync_announce( handle, info_hash, &peers[i] ) != LIVESYNC_E_ARGUMENT ) fail( "a bad peer" );
  if( livesync_stats( handle, &stats, sizeof stats ) ) fail( "stats" );
  if( stats.announces_refused != 3 || stats.table_peers ) fail( "bad peers are counted, not kept" );
  if( livesync_close( handle ) ) fail( "close" );
}

static void test_errors( void ) {
  livesync_peer_t peer = ipv4_peer( 1, 0 );
  uint8_t info_hash[20];
  hash_of( 1, info_hash );
  if( livesync_announce( NULL, info_hash, &peer ) != LIVESYNC_E_ARGUMENT ) fail( "NULL" );
  if( !strlen( livesync_strerror( LIVESYNC_E_SOCKET ) ) || !livesync_strerror( 12345 ) ) fail( "strerror" );
  if( livesync_version() != 0x000100 ) fail( "version" );
}
