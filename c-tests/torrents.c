/* A tracker for tests of scrape sync: the table of examples/tracker, filled
   with made-up torrents. It executes the commands on standard input.

   Torrents have numbers, and everything about one follows from its number. Only
   its downloads depend on BETTER, a set of bits, too: a torrent whose number
   leaves R modulo 3 was downloaded once more if bit R is set.

   Commands, one a line, each answered with "ok" once it is done:
     add FIRST AMOUNT BETTER    knows AMOUNT torrents from number FIRST on
     check FIRST AMOUNT BETTER  prints how many of them are there and as they
                                should be, are missing, or differ
     count                      prints the torrent count, and what the buckets hold
     bless ADDRESS              blesses ADDRESS
     fail                       the library cannot store every 7th torrent that is new: by
                                turns there is no memory in vector_find_or_insert, none in
                                calloc, and the access list refuses it
     sync ADDRESS PORT ID       livesync_bind_mcast, g_tracker_id, livesync_init
     ticker                     calls livesync_ticker all the time from now on
     report                     prints how long the library held buckets, and the peak
                                memory

   The library's calls come in here by the linker's --wrap, our own do not. */

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../examples/tracker/host.h"
#include "../examples/tracker/table.h"
#include "ot_livesync.h"

ot_vector *__real_mutex_bucket_lock( int bucket );
ot_vector *__real_mutex_bucket_lock_by_hash( ot_hash *hash );
void __real_mutex_bucket_unlock( int bucket, int delta_torrentcount );
void __real_mutex_bucket_unlock_by_hash( ot_hash *hash, int delta_torrentcount );
void *__real_vector_find_or_insert( ot_vector *vector, void *key, size_t member_size, size_t compare_size, int *exactmatch );
void *__real_calloc( size_t count, size_t size );

enum { NUMBER_OFFSET = 16, FAIL_EVERY = 7, MICROSECONDS = 10000 };

/* A histogram in microseconds of the times for which the library held a bucket. The longest
   is also measured in processor time, without the influence of the scheduler. */
static atomic_ulong holds[MICROSECONDS];
static atomic_ulong longest, longest_on_cpu;
static _Thread_local unsigned long held_since, held_since_on_cpu;

static int failing;
/* The new torrent in the bucket that the library holds, or -1. */
static _Thread_local long new_torrent = -1;

static unsigned long microseconds( clockid_t clock ) {
  struct timespec now;
  clock_gettime( clock, &now );
  return (unsigned long)now.tv_sec * 1000000 + (unsigned long)now.tv_nsec / 1000;
}

static void raise_to( atomic_ulong *maximum, unsigned long value ) {
  unsigned long before = *maximum;
  while( value > before && !atomic_compare_exchange_weak( maximum, &before, value ) )
    ;
}

static void begin_hold( void ) {
  held_since_on_cpu = microseconds( CLOCK_THREAD_CPUTIME_ID );
  held_since = microseconds( CLOCK_MONOTONIC );
}

static void end_hold( void ) {
  unsigned long hold = microseconds( CLOCK_MONOTONIC ) - held_since;
  holds[hold < MICROSECONDS ? hold : MICROSECONDS - 1]++;
  raise_to( &longest, hold );
  raise_to( &longest_on_cpu, microseconds( CLOCK_THREAD_CPUTIME_ID ) - held_since_on_cpu );
  new_torrent = -1;
}

ot_vector *__wrap_mutex_bucket_lock( int bucket ) {
  ot_vector *vector = __real_mutex_bucket_lock( bucket );
  begin_hold();
  return vector;
}

ot_vector *__wrap_mutex_bucket_lock_by_hash( ot_hash *hash ) {
  ot_vector *vector = __real_mutex_bucket_lock_by_hash( hash );
  begin_hold();
  return vector;
}

void __wrap_mutex_bucket_unlock( int bucket, int delta_torrentcount ) {
  end_hold();
  __real_mutex_bucket_unlock( bucket, delta_torrentcount );
}

void __wrap_mutex_bucket_unlock_by_hash( ot_hash *hash, int delta_torrentcount ) {
  end_hold();
  __real_mutex_bucket_unlock_by_hash( hash, delta_torrentcount );
}

static int compare_hashes( const void *one, const void *other ) {
  return memcmp( one, other, sizeof( ot_hash ) );
}

static ot_torrent *find( const ot_vector *vector, const void *hash ) {
  return vector->size ? bsearch( hash, vector->data, vector->size, sizeof( ot_torrent ), compare_hashes ) : NULL;
}

void *__wrap_vector_find_or_insert( ot_vector *vector, void *key, size_t member_size, size_t compare_size, int *exactmatch ) {
  if( failing && !find( vector, key ) ) {
    uint32_t number;
    memcpy( &number, (char *)key + NUMBER_OFFSET, sizeof number );
    new_torrent = number;
    if( number % ( 3 * FAIL_EVERY ) == 0 ) {
      *exactmatch = 0;
      return NULL;
    }
  }
  return __real_vector_find_or_insert( vector, key, member_size, compare_size, exactmatch );
}

void *__wrap_calloc( size_t count, size_t size ) {
  if( new_torrent % ( 3 * FAIL_EVERY ) == FAIL_EVERY ) return NULL;
  return __real_calloc( count, size );
}

/* Only a tracker with an access list has this function. */
int accesslist_hashisvalid( ot_hash *hash ) {
  ot_vector *vector;
  uint32_t number;
  int known;

  memcpy( &number, (char *)hash + NUMBER_OFFSET, sizeof number );
  if( !failing || number % ( 3 * FAIL_EVERY ) != 2 * FAIL_EVERY ) return 1;
  vector = __real_mutex_bucket_lock_by_hash( hash );
  known  = find( vector, hash ) != NULL;
  __real_mutex_bucket_unlock_by_hash( hash, 0 );
  return known;
}

/* Hashes are spread over all buckets, and contain the number readably. */
static void hash_of( uint32_t number, ot_hash *hash ) {
  uint64_t mixed = ( number + 1 ) * 0x9e3779b97f4a7c15u;
  mixed = ( mixed ^ mixed >> 31 ) * 0xd6e8feb86659fd93u;
  memset( hash, 0x5a, sizeof *hash );
  memcpy( hash, &mixed, sizeof mixed );
  memcpy( (char *)hash + NUMBER_OFFSET, &number, sizeof number );
}

/* Mostly more than 32 bits hold, and never above the plausible limit of 2^48. */
static size_t downloads_of( uint32_t number, unsigned better ) {
  return number * (size_t)0x8000001 + ( better >> number % 3 & 1 );
}

static time_t age_of( uint32_t number ) {
  return number % 6 * 10;
}

static void add( uint32_t first, uint32_t amount, unsigned better ) {
  for( uint32_t number = first; number < first + amount; ++number ) {
    ot_hash hash;
    int known;
    hash_of( number, &hash );
    ot_vector *bucket = __real_mutex_bucket_lock_by_hash( &hash );
    ot_torrent *torrent = __real_vector_find_or_insert( bucket, &hash, sizeof *torrent, sizeof hash, &known );
    memcpy( torrent->hash, &hash, sizeof hash );
    torrent->peer_list = __real_calloc( 1, sizeof *torrent->peer_list );
    torrent->peer_list->base = g_now_seconds / 60 - age_of( number );
    torrent->peer_list->down_count = downloads_of( number, better );
    __real_mutex_bucket_unlock_by_hash( &hash, 1 );
  }
}

static int is_as_it_should_be( const ot_peerlist *swarm, uint32_t number, unsigned better ) {
  /* A few minutes may begin before the other tracker looks at its clock. */
  time_t late = g_now_seconds / 60 - age_of( number ) - swarm->base;
  return swarm->down_count == downloads_of( number, better ) && late >= -3 && late <= 3 && !swarm->seed_count &&
         !swarm->peer_count && !swarm->peers.data && !swarm->peers.size && !swarm->peers.space;
}

static void check( uint32_t first, uint32_t amount, unsigned better ) {
  unsigned right = 0, missing = 0, wrong = 0;
  for( uint32_t number = first; number < first + amount; ++number ) {
    ot_hash hash;
    hash_of( number, &hash );
    const ot_torrent *torrent = find( __real_mutex_bucket_lock_by_hash( &hash ), &hash );
    if( !torrent ) missing++;
    else if( is_as_it_should_be( torrent->peer_list, number, better ) ) right++;
    else wrong++;
    __real_mutex_bucket_unlock_by_hash( &hash, 0 );
  }
  printf( "check right=%u missing=%u wrong=%u\n", right, missing, wrong );
}

static void count( void ) {
  size_t in_buckets = 0;
  for( int bucket = 0; bucket < OT_BUCKET_COUNT; ++bucket ) {
    in_buckets += __real_mutex_bucket_lock( bucket )->size;
    __real_mutex_bucket_unlock( bucket, 0 );
  }
  printf( "count %zu in_buckets=%zu\n", mutex_get_torrent_count(), in_buckets );
}

static unsigned long peak_memory_kib( void ) {
  char line[256];
  unsigned long kib = 0;
  FILE *status = fopen( "/proc/self/status", "r" );
  while( status && fgets( line, sizeof line, status ) ) sscanf( line, "VmHWM: %lu", &kib );
  if( status ) fclose( status );
  return kib;
}

static void report( void ) {
  unsigned long all = 0, below = 0;
  size_t p99 = 0;
  for( size_t i = 0; i < MICROSECONDS; ++i ) all += holds[i];
  while( p99 < MICROSECONDS - 1 && ( below += holds[p99] ) * 100 < all * 99 ) p99++;
  printf( "report %lu holds, 99%% of them up to %zu us, the longest %lu us (%lu us on the processor); peak memory %lu KiB\n",
          all, p99, longest, longest_on_cpu, peak_memory_kib() );
}

static void bless( const char *ip ) {
  struct in_addr address;
  inet_pton( AF_INET, ip, &address );
  accesslist_bless( address );
}

static void sync_on( const char *ip, int port, uint32_t id ) {
  struct in_addr address;
  inet_pton( AF_INET, ip, &address );
  livesync_bind_mcast( (char *)&address, (uint16_t)port );
  g_tracker_id = id;
  livesync_init();
}

static void *tick( void *unused ) {
  (void)unused;
  while( g_opentracker_running ) {
    livesync_ticker();
    usleep( 10 );
  }
  return NULL;
}

static void obey( const char *line, pthread_t *ticker ) {
  char ip[64];
  unsigned first, amount, better, id;
  int port;
  if( sscanf( line, "add %u %u %u", &first, &amount, &better ) == 3 ) add( first, amount, better );
  else if( sscanf( line, "check %u %u %u", &first, &amount, &better ) == 3 ) check( first, amount, better );
  else if( !strcmp( line, "count\n" ) ) count();
  else if( sscanf( line, "bless %63s", ip ) == 1 ) bless( ip );
  else if( !strcmp( line, "fail\n" ) ) failing = 1;
  else if( sscanf( line, "sync %63s %d %u", ip, &port, &id ) == 3 ) sync_on( ip, port, id );
  else if( !strcmp( line, "ticker\n" ) ) pthread_create( ticker, NULL, tick, NULL );
  else if( !strcmp( line, "report\n" ) ) report();
  else exerr( "unknown command" );
  puts( "ok" );
  fflush( stdout );
}

int main( void ) {
  struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
  pthread_t ticker = 0;
  char line[256];
  setvbuf( stdin, NULL, _IONBF, 0 );
  table_init( 2700 );
  for( ;; ) {
    g_now_seconds = time( NULL );
    if( poll( &input, 1, 100 ) == 0 ) continue;
    if( !fgets( line, sizeof line, stdin ) ) break;
    obey( line, &ticker );
  }
  g_opentracker_running = 0;
  if( ticker ) pthread_join( ticker, NULL );
  livesync_deinit();
  table_free();
  return 0;
}
