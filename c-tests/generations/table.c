/* The table of a tracker for tests of the adapters: its locks, its torrents and their peers,
   the same for all generations. */

#include "tracker.h"

#include <pthread.h>
#include <string.h>

static ot_vector       buckets[OT_BUCKET_COUNT];
static pthread_mutex_t locks[OT_BUCKET_COUNT];
static long            torrent_count;

int bucket_of( const uint8_t *hash ) {
  return hash[0] << 2 | hash[1] >> 6;
}

/* Locks. */

void locks_init( void ) {
  pthread_mutexattr_t checked;
  int bucket;
  pthread_mutexattr_init( &checked );
  pthread_mutexattr_settype( &checked, PTHREAD_MUTEX_ERRORCHECK );
  for( bucket = 0; bucket < OT_BUCKET_COUNT; ++bucket )
    pthread_mutex_init( &locks[bucket], &checked );
}

ot_vector *mutex_bucket_lock( int bucket ) {
  if( bucket < 0 || bucket >= OT_BUCKET_COUNT ) broken( "there is no such bucket" );
  if( pthread_mutex_lock( &locks[bucket] ) ) broken( "a bucket is locked twice" );
  return &buckets[bucket];
}

void mutex_bucket_unlock( int bucket, int delta_torrentcount ) {
  __atomic_add_fetch( &torrent_count, delta_torrentcount, __ATOMIC_RELAXED );
  if( pthread_mutex_unlock( &locks[bucket] ) ) broken( "a bucket is unlocked that was not locked" );
}

#ifdef HASH_PARAMETER
ot_vector *mutex_bucket_lock_by_hash( HASH_PARAMETER( hash ) ) { return mutex_bucket_lock( bucket_of( (uint8_t *)hash ) ); }
void mutex_bucket_unlock_by_hash( HASH_PARAMETER( hash ), int delta ) { mutex_bucket_unlock( bucket_of( (uint8_t *)hash ), delta ); }
#else
ot_vector *mutex_bucket_lock_by_hash( ot_hash const hash ) { return mutex_bucket_lock( bucket_of( hash ) ); }
void mutex_bucket_unlock_by_hash( ot_hash const hash, int delta ) { mutex_bucket_unlock( bucket_of( hash ), delta ); }
#endif

size_t mutex_get_torrent_count() {
  return (size_t)__atomic_load_n( &torrent_count, __ATOMIC_RELAXED );
}

/* Vectors. */

void *binary_search( const void * const key, const void * base, const size_t member_count, const size_t member_size,
                     size_t compare_size, int *exactmatch ) {
  size_t first = 0, behind = member_count;
  *exactmatch = 0;
  while( first < behind && !*exactmatch ) {
    size_t middle = first + ( behind - first ) / 2;
    int order = memcmp( (const char *)base + middle * member_size, key, compare_size );
    *exactmatch = !order;
    if( order < 0 ) first = middle + 1;
    else behind = middle;
  }
  return (char *)base + ( *exactmatch ? behind : first ) * member_size;
}

void *vector_find_or_insert( ot_vector *vector, void *key, size_t member_size, size_t compare_size, int *exactmatch ) {
  char *place = binary_search( key, vector->data, vector->size, member_size, compare_size, exactmatch );
  size_t offset = (size_t)( place - (char *)vector->data );
  if( *exactmatch ) return place;
  if( vector->size == vector->space ) {
    vector->space = vector->space ? 2 * vector->space : 2;
    vector->data = realloc( vector->data, vector->space * member_size );
  }
  place = (char *)vector->data + offset;
  memmove( place + member_size, place, vector->size++ * member_size - offset );
  memset( place, 0xee, member_size ); /* undefined bytes */
  return place;
}

static void free_peer_lists( ot_torrent *torrent ) {
  ot_peerlist **list;
  int number;
  for( number = 0; ( list = peer_list( torrent, number ) ); ++number )
    if( *list ) {
      free( ( *list )->peers.data );
      free( *list );
    }
}

void free_torrents( ot_vector *bucket ) {
  ot_torrent *torrents = bucket->data;
  size_t i;
  for( i = 0; i < bucket->size; ++i ) {
    free_peer_lists( torrents + i );
    memset( torrents + i, 0xee, sizeof *torrents );
  }
  free( torrents );
}

void vector_remove_torrent( ot_vector *vector, ot_torrent *match ) {
  free_peer_lists( match );
  memmove( match, match + 1, (size_t)( (ot_torrent *)vector->data + --vector->size - match ) * sizeof *match );
}

/* Torrents and peers. A call that began before the tracker went down finds its bucket freed;
   opentracker itself does not check that. */

ot_torrent *torrent_of( ot_vector *bucket, void *hash, int *delta_torrentcount ) {
  ot_peerlist **list;
  ot_torrent *torrent;
  int known, number;
  if( !g_opentracker_running ) return NULL;
  torrent = vector_find_or_insert( bucket, hash, sizeof *torrent, OT_HASH_COMPARE_SIZE, &known );
  *delta_torrentcount = !known;
  if( !known ) {
    memset( torrent, 0, sizeof *torrent );
    memcpy( torrent->hash, hash, sizeof torrent->hash );
    for( number = 0; ( list = peer_list( torrent, number ) ); ++number ) *list = calloc( 1, sizeof **list );
  }
  for( number = 0; ( list = peer_list( torrent, number ) ); ++number ) ( *list )->base = g_now_minutes;
  return torrent;
}

ot_torrent *known_torrent( ot_vector *bucket, void *hash ) {
  int known = 0;
  ot_torrent *torrent = NULL;
  if( g_opentracker_running )
    torrent = binary_search( hash, bucket->data, bucket->size, sizeof *torrent, OT_HASH_COMPARE_SIZE, &known );
  return known ? torrent : NULL;
}

int put_peer( ot_peerlist *list, const uint8_t *peer, size_t size ) {
  int known;
  void *place = vector_find_or_insert( &list->peers, (void *)peer, size, size - 2, &known );
  memcpy( place, peer, size );
  if( !known ) list->peer_count++;
  return !known;
}

void take_peer( ot_peerlist *list, const uint8_t *peer, size_t size ) {
  int known;
  char *place = binary_search( peer, list->peers.data, list->peers.size, size, size - 2, &known );
  if( !known ) return;
  memmove( place, place + size, (size_t)( (char *)list->peers.data + --list->peers.size * size - place ) );
  list->peer_count--;
}
