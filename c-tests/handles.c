/* Two handles in one process, in one cluster: what is announced to one is known to
   the other. Prints "ok", or what is wrong. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "livesync.h"

struct tracker {
  livesync_t *handle;
  pthread_mutex_t lock;
  unsigned added, removed, packets;
  livesync_peer_t last;
  uint8_t last_hash[20];
};

static void fail( const char *what ) { puts( what ); exit( 1 ); }

static int is_blessed( const uint8_t *ip, void *user ) {
  static const uint8_t loopback[16] = { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 127,0,0,1 };
  (void)user;
  return !memcmp( ip, loopback, sizeof loopback );
}

static void add_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  struct tracker *tracker = user;
  pthread_mutex_lock( &tracker->lock );
  ++tracker->added;
  tracker->last = *peer;
  memcpy( tracker->last_hash, info_hash, 20 );
  pthread_mutex_unlock( &tracker->lock );
  if( livesync_close( tracker->handle ) != LIVESYNC_E_STATE ) fail( "closed inside of a callback" );
}

static void remove_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  struct tracker *tracker = user;
  (void)info_hash; (void)peer;
  pthread_mutex_lock( &tracker->lock );
  ++tracker->removed;
  pthread_mutex_unlock( &tracker->lock );
}

static void packet_applied( size_t peers, void *user ) {
  struct tracker *tracker = user;
  if( !peers ) fail( "an empty packet" );
  pthread_mutex_lock( &tracker->lock );
  ++tracker->packets;
  pthread_mutex_unlock( &tracker->lock );
}

static uint64_t count_torrents( void *user ) { (void)user; return 0; }

static void open_tracker( struct tracker *tracker, int port, uint32_t id ) {
  livesync_config_t config;
  memset( tracker, 0, sizeof *tracker );
  pthread_mutex_init( &tracker->lock, NULL );
  if( livesync_config_init( &config, sizeof config ) ) fail( "config_init" );
  if( config.port != 9696 || config.ttl != 1 || config.flush_ms != 100 ) fail( "defaults" );
  config.interface = "127.0.0.1";
  config.port = (uint16_t)port;
  config.ipv6 = 1;
  config.user = tracker;
  config.is_blessed = is_blessed;
  config.add_peer = add_peer;
  config.remove_peer = remove_peer;
  config.packet_applied = packet_applied;
  if( livesync_open( &config, &tracker->handle ) ) fail( "open" );
  if( livesync_start( tracker->handle, id ) ) fail( "start" );
  if( livesync_start( tracker->handle, id ) != LIVESYNC_E_STATE ) fail( "started twice" );
}

/* Waits until a counter that the tracker's lock covers has a value. */
static void wait_for( struct tracker *tracker, unsigned *counter, unsigned value, const char *what ) {
  struct timespec moment = { 0, 1000000 };
  int tries;
  for( tries = 0; tries < 5000; ++tries ) {
    unsigned now;
    pthread_mutex_lock( &tracker->lock );
    now = *counter;
    pthread_mutex_unlock( &tracker->lock );
    if( now == value ) return;
    nanosleep( &moment, NULL );
  }
  fail( what );
}

int main( int argc, char **argv ) {
  static struct tracker one, other;
  livesync_peer_t ipv6 = { { 0x20,0x01,0x0d,0xb8, 0 }, 6881, LIVESYNC_PEER_SEEDING, 0 };
  livesync_peer_t ipv4 = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 192,0,2,1 }, 6881, 0, 0 };
  livesync_config_t config;
  uint8_t hash[20];
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  size_t size;

  memset( hash, 0xab, sizeof hash );
  open_tracker( &one, port, 1 );
  open_tracker( &other, port, 1 ); /* the same id: they heal that */

  if( livesync_announce( one.handle, hash, &ipv6 ) ) fail( "announce" );
  wait_for( &other, &other.added, 1, "no IPv6 peer" );
  if( memcmp( &other.last, &ipv6, sizeof ipv6 ) || memcmp( other.last_hash, hash, 20 ) ) fail( "another IPv6 peer" );
  if( livesync_announce( other.handle, hash, &ipv4 ) ) fail( "announce" );
  wait_for( &one, &one.added, 1, "no IPv4 peer" );
  if( memcmp( &one.last, &ipv4, sizeof ipv4 ) ) fail( "another IPv4 peer" );
  ipv4.flags = LIVESYNC_PEER_STOPPED;
  if( livesync_announce( one.handle, hash, &ipv4 ) ) fail( "announce" );
  wait_for( &other, &other.removed, 1, "no stop" );
  wait_for( &other, &other.packets, 2, "no event" );

  if( livesync_stop( one.handle ) || livesync_start( one.handle, 3 ) ) fail( "stop and start" );
  if( livesync_announce( one.handle, hash, &ipv6 ) ) fail( "announce" );
  wait_for( &other, &other.added, 2, "not heard after a start" );
  if( livesync_close( one.handle ) || livesync_close( other.handle ) || livesync_close( NULL ) ) fail( "close" );

  /* Callers that know less of the struct, or more, or nothing. */
  for( size = 0; size < sizeof config; ++size ) {
    livesync_t *handle = NULL;
    int error;
    memset( &config, 0xee, sizeof config );
    error = livesync_config_init( &config, size );
    if( size < sizeof( size_t ) + sizeof( char * ) ) {
      if( error != LIVESYNC_E_ARGUMENT ) fail( "a size that cannot be" );
      continue;
    }
    if( error ) fail( "an older struct" );
    config.interface = "127.0.0.1";
    if( livesync_open( &config, &handle ) || livesync_close( handle ) ) fail( "a handle of an older struct" );
  }
  if( livesync_open( NULL, &one.handle ) != LIVESYNC_E_ARGUMENT ) fail( "no config" );
  if( livesync_config_init( &config, sizeof config ) ) fail( "config_init" );
  if( livesync_open( &config, NULL ) != LIVESYNC_E_ARGUMENT ) fail( "no out" );
  one.handle = NULL;
  config.log_level = LIVESYNC_LOG_OFF;
  if( livesync_open( &config, &one.handle ) != LIVESYNC_E_CONFIG || one.handle ) fail( "no interface" );
  config.interface = "127.0.0.1";
  config.count_torrents = count_torrents;
  if( livesync_open( &config, &one.handle ) != LIVESYNC_E_CONFIG || one.handle ) fail( "one callback of four" );
  config.count_torrents = NULL;
  config.interface = "192.0.2.99";
  if( livesync_open( &config, &one.handle ) != LIVESYNC_E_SOCKET || one.handle ) fail( "nobody's interface" );
  if( livesync_announce( NULL, hash, &ipv4 ) != LIVESYNC_E_ARGUMENT ) fail( "NULL" );
  if( !strlen( livesync_strerror( LIVESYNC_E_SOCKET ) ) || !livesync_strerror( 12345 ) ) fail( "strerror" );
  if( livesync_version() != 0x000100 ) fail( "version" );
  puts( "ok" );
  return 0;
}
