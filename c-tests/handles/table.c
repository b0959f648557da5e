/* Handles with tables of their own, with receive threads and polled. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

enum { MANY = 5000, SMALL_TABLE = 65536 };

static void test_peers( int port, int way );
static void test_scrape_sync( int port, int way );
static void test_lifetimes( int port, int way );
static void test_small_table( int port, int way );
static void test_without_table( int port );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  int way;
  for( way = OWN_THREAD; way <= POLLING; ++way ) {
    test_peers( port, way );
    test_scrape_sync( port, way );
    test_lifetimes( port, way );
    test_small_table( port, way );
  }
  test_without_table( port );
  puts( "ok" );
  return 0;
}

static int peers_of( livesync_t *handle, uint32_t torrent, livesync_peer_t *peers, size_t capacity ) {
  uint8_t info_hash[20];
  int count;
  hash_of( torrent, info_hash );
  count = livesync_peers( handle, info_hash, peers, capacity );
  if( count < 0 || (size_t)count > capacity ) fail( "peers" );
  return count;
}

static int is_peer( const livesync_peer_t *one, livesync_peer_t other ) {
  return !memcmp( one->ip, other.ip, sizeof one->ip ) && one->port == other.port &&
         ( one->flags & LIVESYNC_PEER_SEEDING ) == ( other.flags & LIVESYNC_PEER_SEEDING );
}

static void test_peers( int port, int way ) {
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = table_config( port );
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

  /* Two peers are announced to A, and one to B: both know all three. */
  announce( a, 1, ipv4_peer( 1, LIVESYNC_PEER_SEEDING ) );
  announce( a, 1, ipv6_peer( 2, 0 ) );
  if( !has_counts( a, 1, 1, 1, 0 ) ) fail( "A does not know what is announced to it" );
  wait_for_counts( &cluster, b, 1, 1, 1, 0, "B did not hear of the peers of A" );
  announce( b, 1, ipv4_peer( 3, 0 ) );
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

  /* One finishes its download, one announces itself once more, and one leaves. */
  announce( a, 1, ipv6_peer( 2, LIVESYNC_PEER_SEEDING | LIVESYNC_PEER_COMPLETED ) );
  wait_for_counts( &cluster, b, 1, 2, 1, 1, "a completed download" );
  if( !has_counts( a, 1, 2, 1, 1 ) ) fail( "an own completed download" );
  if( peers_of( b, 1, peers, 8 ) != 3 || !is_peer( &peers[0], ipv6_peer( 2, LIVESYNC_PEER_SEEDING ) ) )
    fail( "announced again" );
  announce( b, 1, ipv4_peer( 1, LIVESYNC_PEER_STOPPED ) );
  if( !has_counts( b, 1, 1, 1, 1 ) ) fail( "an own stop" );
  wait_for_counts( &cluster, a, 1, 1, 1, 1, "a stop" );
  if( peers_of( a, 1, peers, 8 ) != 2 || peers_of( b, 1, peers, 8 ) != 2 ) fail( "peers after a stop" );

  /* Other torrents have their own peers. */
  announce( a, 2, ipv4_peer( 1, 0 ) );
  wait_for_counts( &cluster, b, 2, 0, 1, 0, "another torrent" );
  if( !has_counts( b, 1, 1, 1, 1 ) || stats_of( b ).table_torrents != 2 || stats_of( b ).table_peers != 3 )
    fail( "mixed torrents" );
  close_all( &cluster );
}

/* B starts late and empty, and learns the torrents without their peers. */
static void test_scrape_sync( int port, int way ) {
  enum { TORRENTS = 300 };
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = table_config( port );
  livesync_t *a, *b;
  uint32_t torrent;

  config.first_beacon_delay_ms = 50;
  config.beacon_interval_ms = 50;
  a = start( &cluster, 0, &config );
  for( torrent = 1; torrent <= TORRENTS; ++torrent )
    announce( a, torrent, ipv4_peer( 1, LIVESYNC_PEER_SEEDING | LIVESYNC_PEER_COMPLETED ) );
  if( !has_counts( a, 1, 1, 0, 1 ) ) fail( "no completed downloads" );
  let_happen_for( &cluster, 500 );
  b = start( &cluster, 1, &config );
  for( torrent = 1; torrent <= TORRENTS; ++torrent )
    wait_for_counts( &cluster, b, torrent, 0, 0, 1, "B did not learn of a torrent" );
  if( stats_of( b ).table_torrents != TORRENTS || stats_of( b ).table_peers || stats_of( b ).torrents_heard < TORRENTS )
    fail( "what B learned" );

  /* Of two counts both take the larger one. */
  announce( b, 1, ipv4_peer( 2, LIVESYNC_PEER_SEEDING | LIVESYNC_PEER_COMPLETED ) );
  wait_for_counts( &cluster, a, 1, 2, 0, 2, "A did not count a download" );
  let_happen_for( &cluster, 200 );
  if( !has_counts( a, 1, 2, 0, 2 ) || !has_counts( b, 1, 1, 0, 2 ) ) fail( "counted more than once" );
  close_all( &cluster );
}

static void test_lifetimes( int port, int way ) {
  struct cluster cluster = { { NULL, NULL, NULL }, way };
  livesync_config_t config = table_config( port );
  livesync_t *a, *b;
  livesync_peer_t peers[8];
  int64_t begin = now_ms();

  config.peer_lifetime_s = 1;
  a = start( &cluster, 0, &config );
  config.torrent_lifetime_s = 1;
  b = start( &cluster, 1, &config );
  announce( a, 1, ipv4_peer( 1, 0 ) );
  announce( a, 1, ipv4_peer( 2, 0 ) );
  wait_for_counts( &cluster, b, 1, 0, 2, 0, "no peers" );
  /* One peer announces itself all the time, the other does not. */
  while( counts_of( a, 1 ).leechers == 2 || counts_of( b, 1 ).leechers == 2 ) {
    if( now_ms() > begin + PATIENCE_MS ) fail( "a peer does not leave" );
    let_happen_for( &cluster, 100 );
    announce( a, 1, ipv4_peer( 2, 0 ) );
  }
  if( now_ms() - begin < 900 ) fail( "a peer left early" );
  let_happen_for( &cluster, 200 );
  if( peers_of( a, 1, peers, 8 ) != 1 || !is_peer( peers, ipv4_peer( 2, 0 ) ) ) fail( "another peer left A" );
  if( peers_of( b, 1, peers, 8 ) != 1 || !is_peer( peers, ipv4_peer( 2, 0 ) ) ) fail( "another peer left B" );

  /* Then the last peer leaves; the torrent stays where torrents live longer. */
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
  livesync_config_t config = table_config( port );
  livesync_t *a, *b, *both[2];
  livesync_stats_t stats;
  int i, number;

  config.table_bytes = SMALL_TABLE;
  a = start( &cluster, 0, &config );
  b = start( &cluster, 1, &config );
  both[0] = a, both[1] = b;
  for( number = 0; number < MANY; ++number ) {
    announce( a, (uint32_t)number, ipv4_peer( 1, 0 ) );
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

  /* One torrent with many peers does not evade the limit. */
  for( number = 1; number <= MANY; ++number ) {
    announce( a, MANY, ipv4_peer( (uint16_t)number, 0 ) );
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

static void test_without_table( int port ) {
  struct cluster cluster = { { NULL, NULL, NULL }, OWN_THREAD };
  livesync_config_t config = table_config( port );
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
