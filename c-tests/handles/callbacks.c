/* Two handles with receive threads in one cluster: the announces to one reach the other by
   callbacks. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

struct tracker {
  livesync_t *handle;
  pthread_mutex_t lock;
  unsigned added, removed, packets;
  livesync_peer_t last;
  uint8_t last_hash[20];
};

static void open_tracker( struct tracker *tracker, int port, uint32_t id );
static void wait_for( struct tracker *tracker, unsigned *counter, unsigned value, const char *what );

int main( int argc, char **argv ) {
  static struct tracker one, other;
  livesync_peer_t ipv6 = ipv6_peer( 6881, LIVESYNC_PEER_SEEDING ), ipv4 = ipv4_peer( 6881, 0 );
  int port = argc > 1 ? atoi( argv[1] ) : 9696;

  open_tracker( &one, port, 1 );
  open_tracker( &other, port, 1 ); /* the same id, which they must resolve */

  announce( one.handle, 1, ipv6 );
  wait_for( &other, &other.added, 1, "no IPv6 peer" );
  if( memcmp( &other.last, &ipv6, sizeof ipv6 ) || number_of( other.last_hash ) != 1 ) fail( "another IPv6 peer" );
  announce( other.handle, 1, ipv4 );
  wait_for( &one, &one.added, 1, "no IPv4 peer" );
  if( memcmp( &one.last, &ipv4, sizeof ipv4 ) ) fail( "another IPv4 peer" );
  ipv4.flags = LIVESYNC_PEER_STOPPED;
  announce( one.handle, 1, ipv4 );
  wait_for( &other, &other.removed, 1, "no stop" );
  wait_for( &other, &other.packets, 2, "no event" );

  if( livesync_stop( one.handle ) || livesync_start( one.handle, 3 ) ) fail( "stop and start" );
  announce( one.handle, 1, ipv6 );
  wait_for( &other, &other.added, 2, "not heard after a start" );
  if( livesync_close( one.handle ) || livesync_close( other.handle ) || livesync_close( NULL ) ) fail( "close" );
  puts( "ok" );
  return 0;
}

static int is_allowed( const uint8_t *ip, void *user ) {
  (void)user;
  return is_loopback( ip );
}

static void add_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  struct tracker *tracker = user;
  pthread_mutex_lock( &tracker->lock );
  ++tracker->added;
  tracker->last = *peer;
  memcpy( tracker->last_hash, info_hash, sizeof tracker->last_hash );
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

/* Opens and starts a handle, without local_config(): 127.0.0.1 needs no loopback. */
static void open_tracker( struct tracker *tracker, int port, uint32_t id ) {
  livesync_config_t config;
  memset( tracker, 0, sizeof *tracker );
  pthread_mutex_init( &tracker->lock, NULL );
  if( livesync_config_init( &config, sizeof config ) ) fail( "config_init" );
  config.interface = "127.0.0.1";
  config.port = (uint16_t)port;
  config.ipv6 = 1;
  config.user = tracker;
  config.is_allowed = is_allowed;
  config.add_peer = add_peer;
  config.remove_peer = remove_peer;
  config.packet_applied = packet_applied;
  if( livesync_open( &config, &tracker->handle ) ) fail( "open" );
  if( livesync_start( tracker->handle, id ) ) fail( "start" );
  if( livesync_start( tracker->handle, id ) != LIVESYNC_E_STATE ) fail( "started twice" );
}

/* Waits until a counter that the tracker's lock covers has a value. */
static void wait_for( struct tracker *tracker, unsigned *counter, unsigned value, const char *what ) {
  int64_t end = now_ms() + PATIENCE_MS;
  unsigned now;
  do {
    pthread_mutex_lock( &tracker->lock );
    now = *counter;
    pthread_mutex_unlock( &tracker->lock );
    if( now == value ) return;
    sleep_ms( 1 );
  } while( now_ms() < end );
  fail( what );
}
