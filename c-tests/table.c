/* Handles with a table of their own, with a thread of the library and polled; and
   handles that only hear, or only speak. Prints "ok", or what is wrong. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "livesync.h"

enum { PATIENCE_MS = 20000, MANY = 5000, SMALL_TABLE = 65536 };

/* The ways to run a handle. */
enum { OWN_THREAD, POLLING };

/* The handles of a test, in one cluster. */
struct cluster {
  livesync_t *handles[3];
  int way;
};

static void test_peers( int port, int way );
static void test_scrape_sync( int port, int way );
static void test_lifetimes( int port, int way );
static void test_small_table( int port, int way );
static void test_who_hears_whom( int port, int way );
static void test_without_table( int port );
static void test_callbacks_and_table( int port );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  int way;
  for( way = OWN_THREAD; way <= POLLING; ++way ) {
    test_peers( port, way );
    test_scrape_sync( port, way );
    test_lifetimes( port, way );
    test_small_table( port, way );
    test_who_hears_whom( port, way );
  }
  test_without_table( port );
  test_callbacks_and_table( port );
  puts( "ok" );
  return 0;
}

static void fail( const char *what ) { puts( what ); exit( 1 ); }

static int64_t now_ms( void ) {
  struct timespec now;
  clock_gettime( CLOCK_MONOTONIC, &now );
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static livesync_config_t settings( int port ) {
  livesync_config_t config;
  if( livesync_config_init( &config, sizeof config ) ) fail( "config_init" );
  config.interface = "127.0.0.1";
  config.allow = "127.0.0.1";
  config.port = (uint16_t)port;
  config.loopback = 1;
  config.ipv6 = 1;
  config.table = 1;
  return config;
}

/* The handle with this number, under the number plus 1 as id. */
static livesync_t *start( struct cluster *cluster, unsigned number, const livesync_config_t *config ) {
  livesync_t **handle = &cluster->handles[number];
  if( livesync_open( config, handle ) ) fail( "open" );
  if( cluster->way == POLLING ? livesync_start_polling( *handle, number + 1 ) : livesync_start( *handle, number + 1 ) )
    fail( "start" );
  return *handle;
}

static void close_all( struct cluster *cluster ) {
  int i;
  for( i = 0; i < 3; ++i )
    if( livesync_close( cluster->handles[i] ) ) fail( "close" );
}

/* A moment in which everything goes on. Without a thread it is processed here, at fixed
   times; a table leaves no events. */
static void let_happen( struct cluster *cluster ) {
  struct timespec moment = { 0, 1000000 };
  livesync_event_t event;
  int i;
  nanosleep( &moment, NULL );
  for( i = 0; cluster->way == POLLING && i < 3; ++i ) {
    if( !cluster->handles[i] ) continue;
    if( livesync_process( cluster->handles[i] ) ) fail( "process" );
    if( livesync_poll_events( cluster->handles[i], &event, 1, sizeof event ) )
      fail( "an event although there is a table" );
  }
}

static void let_happen_for( struct cluster *cluster, int ms ) {
  int64_t end = now_ms() + ms;
  while( now_ms() < end ) let_happen( cluster );
}

static void hash_of( unsigned torrent, uint8_t *info_hash ) {
  memset( info_hash, 0xab, 20 );
  memcpy( info_hash, &torrent, sizeof torrent );
}

static livesync_peer_t ipv4_peer( uint16_t port, uint8_t flags ) {
  livesync_peer_t peer = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 192,0,2,1 }, port, flags, 0 };
  return peer;
}

static livesync_peer_t ipv6_peer( uint16_t port, uint8_t flags ) {
  livesync_peer_t peer = { { 0x20,0x01,0x0d,0xb8, 0,0,0,0, 0,0,0,0, 0,0,0,1 }, port, flags, 0 };
  return peer;
}

static int announce( livesync_t *handle, unsigned torrent, livesync_peer_t peer ) {
  uint8_t info_hash[20];
  hash_of( torrent, info_hash );
  return livesync_announce( handle, info_hash, &peer );
}

static int peers_of( livesync_t *handle, unsigned torrent, livesync_peer_t *peers, size_t capacity ) {
  uint8_t info_hash[20];
  int count;
  hash_of( torrent, info_hash );
  count = livesync_peers( handle, info_hash, peers, capacity );
  if( count < 0 || (size_t)count > capacity ) fail( "peers" );
  return count;
}

static livesync_counts_t counts_of( livesync_t *handle, unsigned torrent ) {
  livesync_counts_t counts;
  uint8_t info_hash[20];
  hash_of( torrent, info_hash );
  memset( &counts, 0xee, sizeof counts );
  if( livesync_counts( handle, info_hash, &counts, sizeof counts ) || counts.size != sizeof counts ) fail( "counts" );
  return counts;
}

static livesync_stats_t stats_of( livesync_t *handle ) {
  livesync_stats_t stats;
  if( livesync_stats( handle, &stats, sizeof stats ) ) fail( "stats" );
  return stats;
}

static int has_counts( livesync_t *handle, unsigned torrent, uint64_t seeders, uint64_t leechers, uint64_t downloaded ) {
  livesync_counts_t counts = counts_of( handle, torrent );
  return counts.known == 1 && counts.seeders == seeders && counts.leechers == leechers && counts.downloaded == downloaded;
}

/* Waits until the swarm of a torrent is like this. */
static void wait_for_counts( struct cluster *cluster, livesync_t *handle, unsigned torrent, uint64_t seeders,
                             uint64_t leechers, uint64_t downloaded, const char *what ) {
  int64_t end = now_ms() + PATIENCE_MS;
  while( !has_counts( handle, torrent, seeders, leechers, downloaded ) ) {
    if( now_ms() > end ) fail( what );
    let_happen( cluster );
  }
}

static int is_peer( const livesync_peer_t *one, livesync_peer_t other ) {
  return !memcmp( one->ip, other.ip, sizeof one->ip ) && one->port == other.port &&
         ( one->flags & LIVESYNC_PEER_SEEDING ) == ( other.flags & LIVESYNC_PEER_SEEDING );
}

static void test_peers( int port, int way ) {
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = settings( port );
  livesync_t *a = start( &cluster, 0, &config ), *b = start( &cluster, 1, &config ), *both[2];
  livesync_peer_t peers[8];
  livesync_counts_t counts;
  int i;

  both[0] = a, both[1] = b;
  for( i = 0; i < 2; ++i ) {
    if( peers_of( both[i], 1, peers, 8 ) != 0 ) fail( "peers of nothing" );
    counts = counts_of( both[i], 1 );
    if( counts.known || counts.base_offset || counts.seeders || counts.leechers || counts.downloaded )
      fail( "counts of nothing" );
  }

  /* Two are announced to A, and one to B: both know all three. */
  if( announce( a, 1, ipv4_peer( 1, LIVESYNC_PEER_SEEDING ) ) || announce( a, 1, ipv6_peer( 2, 0 ) ) )
    fail( "announce" );
  if( !has_counts( a, 1, 1, 1, 0 ) ) fail( "A does not know what is announced to it" );
  wait_for_counts( &cluster, b, 1, 1, 1, 0, "B did not hear of the peers of A" );
  if( announce( b, 1, ipv4_peer( 3, 0 ) ) ) fail( "announce" );
  wait_for_counts( &cluster, a, 1, 1, 2, 0, "A did not hear of the peer of B" );
  for( i = 0; i < 2; ++i ) {
    if( peers_of( both[i], 1, peers, 8 ) != 3 ) fail( "how many peers" );
    if( !is_peer( &peers[0], ipv4_peer( 3, 0 ) ) ) fail( "the last peer is not the first" );
    if( !is_peer( &peers[1], ipv6_peer( 2, 0 ) ) && !is_peer( &peers[2], ipv6_peer( 2, 0 ) ) ) fail( "no IPv6 peer" );
    if( !is_peer( &peers[1], ipv4_peer( 1, LIVESYNC_PEER_SEEDING ) ) &&
        !is_peer( &peers[2], ipv4_peer( 1, LIVESYNC_PEER_SEEDING ) ) )
      fail( "no IPv4 peer" );
    if( peers_of( both[i], 1, peers, 1 ) != 1 || !is_peer( &peers[0], ipv4_peer( 3, 0 ) ) )
      fail( "the last peer only" );
    if( counts_of( both[i], 1 ).base_offset != 0 ) fail( "an old torrent" );
    if( stats_of( both[i] ).table_torrents != 1 || stats_of( both[i] ).table_peers != 3 )
      fail( "what is in the table" );
  }

  /* One finishes its download, one is announced again, and one leaves. */
  if( announce( a, 1, ipv6_peer( 2, LIVESYNC_PEER_SEEDING | LIVESYNC_PEER_COMPLETED ) ) ) fail( "announce" );
  wait_for_counts( &cluster, b, 1, 2, 1, 1, "a completed download" );
  if( !has_counts( a, 1, 2, 1, 1 ) ) fail( "an own completed download" );
  if( peers_of( b, 1, peers, 8 ) != 3 || !is_peer( &peers[0], ipv6_peer( 2, LIVESYNC_PEER_SEEDING ) ) )
    fail( "announced again" );
  if( announce( b, 1, ipv4_peer( 1, LIVESYNC_PEER_STOPPED ) ) ) fail( "stop" );
  if( !has_counts( b, 1, 1, 1, 1 ) ) fail( "an own stop" );
  wait_for_counts( &cluster, a, 1, 1, 1, 1, "a stop" );
  if( peers_of( a, 1, peers, 8 ) != 2 || peers_of( b, 1, peers, 8 ) != 2 ) fail( "peers after a stop" );

  /* Other torrents have their own peers. */
  if( announce( a, 2, ipv4_peer( 1, 0 ) ) ) fail( "announce" );
  wait_for_counts( &cluster, b, 2, 0, 1, 0, "another torrent" );
  if( !has_counts( b, 1, 1, 1, 1 ) || stats_of( b ).table_torrents != 2 || stats_of( b ).table_peers != 3 )
    fail( "mixed torrents" );
  close_all( &cluster );
}

/* B comes up late and empty, and learns of the torrents without their peers. */
static void test_scrape_sync( int port, int way ) {
  enum { TORRENTS = 300 };
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = settings( port );
  livesync_t *a, *b;
  unsigned torrent;

  config.first_beacon_delay_ms = 50;
  config.beacon_interval_ms = 50;
  a = start( &cluster, 0, &config );
  for( torrent = 1; torrent <= TORRENTS; ++torrent )
    if( announce( a, torrent, ipv4_peer( 1, LIVESYNC_PEER_SEEDING | LIVESYNC_PEER_COMPLETED ) ) ) fail( "announce" );
  if( !has_counts( a, 1, 1, 0, 1 ) ) fail( "no completed downloads" );
  let_happen_for( &cluster, 500 );
  b = start( &cluster, 1, &config );
  for( torrent = 1; torrent <= TORRENTS; ++torrent )
    wait_for_counts( &cluster, b, torrent, 0, 0, 1, "B did not learn of a torrent" );
  if( stats_of( b ).table_torrents != TORRENTS || stats_of( b ).table_peers || stats_of( b ).torrents_heard < TORRENTS )
    fail( "what B learned" );

  /* Of two counts both take the larger one. */
  if( announce( b, 1, ipv4_peer( 2, LIVESYNC_PEER_SEEDING | LIVESYNC_PEER_COMPLETED ) ) ) fail( "announce" );
  wait_for_counts( &cluster, a, 1, 2, 0, 2, "A did not count a download" );
  let_happen_for( &cluster, 200 );
  if( !has_counts( a, 1, 2, 0, 2 ) || !has_counts( b, 1, 1, 0, 2 ) ) fail( "counted more than once" );
  close_all( &cluster );
}

static void test_lifetimes( int port, int way ) {
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = settings( port );
  livesync_t *a, *b;
  livesync_peer_t peers[8];
  int64_t begin = now_ms();

  config.peer_lifetime_s = 1;
  a = start( &cluster, 0, &config );
  config.torrent_lifetime_s = 1;
  b = start( &cluster, 1, &config );
  if( announce( a, 1, ipv4_peer( 1, 0 ) ) || announce( a, 1, ipv4_peer( 2, 0 ) ) ) fail( "announce" );
  wait_for_counts( &cluster, b, 1, 0, 2, 0, "no peers" );
  /* One is announced again and again, the other is not. */
  while( counts_of( a, 1 ).leechers == 2 || counts_of( b, 1 ).leechers == 2 ) {
    if( now_ms() > begin + PATIENCE_MS ) fail( "a peer does not leave" );
    let_happen_for( &cluster, 100 );
    if( announce( a, 1, ipv4_peer( 2, 0 ) ) ) fail( "announce again" );
  }
  if( now_ms() - begin < 900 ) fail( "a peer left early" );
  let_happen_for( &cluster, 200 );
  if( peers_of( a, 1, peers, 8 ) != 1 || !is_peer( peers, ipv4_peer( 2, 0 ) ) ) fail( "another peer left A" );
  if( peers_of( b, 1, peers, 8 ) != 1 || !is_peer( peers, ipv4_peer( 2, 0 ) ) ) fail( "another peer left B" );

  /* Then no more; the torrent stays where torrents live longer. */
  wait_for_counts( &cluster, a, 1, 0, 0, 0, "the last peer does not leave" );
  while( counts_of( b, 1 ).known ) {
    if( now_ms() > begin + PATIENCE_MS ) fail( "a torrent does not leave" );
    let_happen( &cluster );
  }
  if( !counts_of( a, 1 ).known || peers_of( a, 1, peers, 8 ) || peers_of( b, 1, peers, 8 ) ) fail( "what is left" );
  if( stats_of( a ).table_peers || stats_of( a ).table_torrents != 1 || stats_of( a ).table_expired < 2 )
    fail( "what left A" );
  if( stats_of( b ).table_peers || stats_of( b ).table_torrents || stats_of( b ).table_expired < 3 )
    fail( "what left B" );
  close_all( &cluster );
}

/* Many peers in many torrents, of which the newest stay. */
static void test_small_table( int port, int way ) {
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = settings( port );
  livesync_t *a, *b, *both[2];
  livesync_stats_t stats;
  int i, number;

  config.table_bytes = SMALL_TABLE;
  a = start( &cluster, 0, &config );
  b = start( &cluster, 1, &config );
  both[0] = a, both[1] = b;
  for( number = 0; number < MANY; ++number ) {
    if( announce( a, (unsigned)number, ipv4_peer( 1, 0 ) ) ) fail( "announce" );
    if( number % 100 == 0 ) let_happen( &cluster );
  }
  wait_for_counts( &cluster, b, MANY - 1, 0, 1, 0, "the newest peer is not there" );
  for( i = 0; i < 2; ++i ) {
    stats = stats_of( both[i] );
    if( !has_counts( both[i], MANY - 1, 0, 1, 0 ) ) fail( "the newest peer left" );
    if( counts_of( both[i], 0 ).known ) fail( "the oldest torrent did not leave" );
    if( !stats.table_bytes || stats.table_bytes > SMALL_TABLE ) fail( "the table is too large" );
    if( stats.table_peers < 100 || stats.table_peers > SMALL_TABLE / 20 ) fail( "how many peers are in a small table" );
    if( !stats.table_evicted || stats.table_expired ) fail( "how they left" );
  }

  /* One torrent with many peers is no way around it. */
  for( number = 1; number <= MANY; ++number ) {
    if( announce( a, MANY, ipv4_peer( (uint16_t)number, 0 ) ) ) fail( "announce" );
    if( number % 100 == 0 ) let_happen( &cluster );
  }
  for( i = 0; i < 2; ++i ) {
    livesync_peer_t newest;
    int64_t end = now_ms() + PATIENCE_MS;
    while( peers_of( both[i], MANY, &newest, 1 ) != 1 || !is_peer( &newest, ipv4_peer( MANY, 0 ) ) ) {
      if( now_ms() > end ) fail( "the newest peer of the swarm is not there" );
      let_happen( &cluster );
    }
    stats = stats_of( both[i] );
    if( stats.table_bytes > SMALL_TABLE || stats.table_peers >= MANY ) fail( "a swarm that is too large" );
  }
  close_all( &cluster );
}

/* A handle that hears and speaks, one that only hears, and one that only speaks. */
static void test_who_hears_whom( int port, int way ) {
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = settings( port );
  livesync_t *full, *listener, *speaker;
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

  if( announce( full, 1, ipv4_peer( 1, 0 ) ) || announce( speaker, 2, ipv4_peer( 2, 0 ) ) ) fail( "announce" );
  if( announce( listener, 3, ipv4_peer( 3, 0 ) ) != LIVESYNC_E_STATE ) fail( "a listener that speaks" );
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
  if( stats.packets_out || stats.records_told || stats.beacons_sent || stats.inquiries_sent )
    fail( "the listener said something" );
  stats = stats_of( speaker );
  if( stats.packets_in || stats.records_heard || stats.nodes || stats.beacons_heard )
    fail( "the speaker heard something" );
  if( stats.records_told != 1 || stats.beacons_sent || stats.scrape_state != LIVESYNC_SCRAPE_OFF )
    fail( "what the speaker said" );
  if( livesync_nodes( speaker, nodes, 4, sizeof *nodes ) != 0 ) fail( "nodes of the speaker" );
  if( livesync_nodes( listener, nodes, 4, sizeof *nodes ) != 2 ) fail( "nodes of the listener" );
  if( livesync_nodes( full, nodes, 4, sizeof *nodes ) != 1 || nodes[0].tracker_id != 3 )
    fail( "nodes of the full one" );
  close_all( &cluster );
}

static void test_without_table( int port ) {
  struct cluster cluster = { { NULL, NULL, NULL }, OWN_THREAD };
  livesync_config_t config = settings( port );
  livesync_counts_t counts;
  livesync_peer_t peer;
  livesync_t *handle;
  uint8_t info_hash[20] = { 0 };

  config.table = 0;
  handle = start( &cluster, 0, &config );
  if( livesync_peers( handle, info_hash, &peer, 1 ) != LIVESYNC_E_STATE ) fail( "peers without a table" );
  if( livesync_counts( handle, info_hash, &counts, sizeof counts ) != LIVESYNC_E_STATE )
    fail( "counts without a table" );
  if( livesync_peers( NULL, info_hash, &peer, 1 ) != LIVESYNC_E_ARGUMENT ) fail( "peers of no handle" );
  if( livesync_peers( handle, NULL, &peer, 1 ) != LIVESYNC_E_ARGUMENT ) fail( "peers of no torrent" );
  if( livesync_peers( handle, info_hash, NULL, 1 ) != LIVESYNC_E_ARGUMENT ) fail( "peers to nowhere" );
  if( livesync_counts( NULL, info_hash, &counts, sizeof counts ) != LIVESYNC_E_ARGUMENT ) fail( "counts of no handle" );
  if( livesync_counts( handle, NULL, &counts, sizeof counts ) != LIVESYNC_E_ARGUMENT ) fail( "counts of no torrent" );
  if( livesync_counts( handle, info_hash, NULL, sizeof counts ) != LIVESYNC_E_ARGUMENT ) fail( "counts to nowhere" );
  close_all( &cluster );
}

/* Callbacks that nobody may call. */

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

static void expect_refused( livesync_config_t config, const char *what ) {
  livesync_t *handle = NULL;
  config.log_level = LIVESYNC_LOG_OFF;
  if( livesync_open( &config, &handle ) != LIVESYNC_E_CONFIG || handle ) fail( what );
  /* It is the two of them together. */
  config.table = 0;
  if( livesync_open( &config, &handle ) || livesync_close( handle ) ) fail( "callbacks without a table" );
}

static void test_callbacks_and_table( int port ) {
  livesync_config_t config = settings( port );
  config.add_peer = peer_cb;
  expect_refused( config, "add_peer and a table" );
  config = settings( port );
  config.remove_peer = peer_cb;
  expect_refused( config, "remove_peer and a table" );
  config = settings( port );
  config.count_torrents = count_cb;
  config.walk_torrents = walk_cb;
  config.look_up_torrent = look_up_cb;
  config.merge_torrent = merge_cb;
  expect_refused( config, "callbacks for torrents and a table" );
}
