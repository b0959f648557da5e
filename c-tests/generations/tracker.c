/* A tracker for tests of the adapters, of the generation whose headers are in the
   include path, and whose logic.c is linked: it has that tracker's table, in table.c,
   and executes the commands on standard input.

   Commands, one a line, each answered with "ok" once it is done:
     bind ADDRESS PORT     livesync_bind_mcast
     id NUMBER             sets g_tracker_id
     show-id               prints it
     init, ticker
     open GROUP PORT       joins a group with a socket of its own, on 127.0.0.1
     handle                handle_livesync on that socket
     announce HASH ADDRESS PORT FLAGS    as a client does; HASH is a byte, repeated
                           20 times, and 0x20 in FLAGS a goodbye
     burst COUNT THREADS   announces COUNT peers, each of a torrent of its own; in a
                           tracker that has both, every other one is an IPv6 peer
     fill FIRST AMOUNT DOWNLOADS    knows AMOUNT torrents, from number FIRST on, each
                           downloaded that often
     check FIRST AMOUNT DOWNLOADS   prints how many of these are as they should be,
                           are missing, or differ
     forbid NUMBER         refuses that torrent
     count                 prints the torrent count, what the buckets hold, and how
                           many peers came by sync
     bless 0|1             blesses all sources, or none
     go-down               answers, and gets a SIGINT

   Calls of the library, one a line, but with -q on the command line events only:
     add|remove HASH ADDRESS PORT FLAGS
     event DATA */

#include "tracker.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

time_t       g_now_seconds;
volatile int g_opentracker_running = 1;
uint32_t     g_tracker_id;

/* The archive defines it; every tracker prints it. */
extern const char *g_version_livesync_c;

static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;
static unsigned long   peers_from_sync;
static long            forbidden = -1;
static int             quiet, blessed = 1;

void broken( const char *what ) {
  fprintf( stderr, "broken contract: %s\n", what );
  _exit( 99 );
}

void exerr( char *message ) {
  fprintf( stderr, "%s\n", message );
  exit( 111 );
}

/* The other functions that the library calls. */

int accesslist_hashisvalid(
#ifdef HASH_PARAMETER
  HASH_PARAMETER( hash )
#else
  ot_hash hash
#endif
) {
  uint32_t number;
  memcpy( &number, (uint8_t *)hash + 4, sizeof number );
  return number != (uint32_t)forbidden;
}

static int may_speak( const char *ip, ot_permissions permissions ) {
  static const char loopback[16] = { 0,0,0,0, 0,0,0,0, 0,0,-1,-1, 127,0,0,1 };
  if( permissions != OT_PERMISSION_MAY_LIVESYNC ) broken( "another permission is asked for" );
  if( memcmp( ip, loopback, sizeof loopback ) ) broken( "blessing another address than 127.0.0.1, v4-mapped" );
  return blessed;
}

int BLESSING( ot_ip6 ip, ot_permissions permissions ) { return may_speak( ip, permissions ); }

/* By these symbols the library recognizes the tracker that it is linked into, without an
   adapter. */
void handle_udp6( int64 sock );
void handle_udp6( int64 sock ) { (void)sock; }
int load_state( const char *file );
int load_state( const char *file ) { return !file; }

void stats_issue_event( ot_status_event event, PROTO_FLAG proto, uintptr_t event_data ) {
  if( event != EVENT_SYNC || proto != FLAG_TCP || !event_data ) broken( "another event" );
  pthread_mutex_lock( &printing );
  printf( "event %lu\n", (unsigned long)event_data );
  fflush( stdout );
  pthread_mutex_unlock( &printing );
}

void say_from_sync( const char *what, const uint8_t *hash, const uint8_t *peer, size_t ip_size ) {
  char text[INET6_ADDRSTRLEN];
  const uint8_t *rest = peer + ip_size;
  if( rest[3] ) broken( "a peer from sync that is minutes old" );
  __atomic_add_fetch( &peers_from_sync, 1, __ATOMIC_RELAXED );
  if( quiet ) return;
  inet_ntop( ip_size == 4 ? AF_INET : AF_INET6, peer, text, sizeof text );
  pthread_mutex_lock( &printing );
  printf( "%s %02x %s %d %#x\n", what, hash[0], text, rest[0] * 256 + rest[1], rest[2] );
  fflush( stdout );
  pthread_mutex_unlock( &printing );
}

/* Commands. */

/* Parses an address of either family to 16 bytes. */
static int parse_ip( const char *text, ot_ip6 ip ) {
  static const char v4_mapped[12] = { 0,0,0,0, 0,0,0,0, 0,0,-1,-1 };
  memcpy( ip, v4_mapped, sizeof v4_mapped );
  return inet_pton( AF_INET, text, ip + 12 ) == 1 || inet_pton( AF_INET6, text, ip ) == 1;
}

static void announce_command( int byte, const char *address, int port, unsigned flags ) {
  const uint8_t wire_port[2] = { (uint8_t)( port >> 8 ), (uint8_t)port };
  ot_hash hash;
  ot_ip6 ip;
  memset( hash, byte, sizeof hash );
  if( !parse_ip( address, ip ) ) broken( "(the test itself: not an address)" );
  client_announces( hash, ip, wire_port, (uint8_t)flags );
}

/* Two of three torrents share a bucket, so that a walk stops inside it; the others are in
   all buckets, including the first and the last one. */
static void hash_of( uint32_t number, ot_hash hash ) {
  uint32_t mixed = number * 2654435761u;
  memset( hash, 0xab, sizeof( ot_hash ) );
  if( number % 3 == 0 ) {
    hash[0] = (uint8_t)( mixed >> 24 );
    hash[1] = (uint8_t)( mixed >> 16 );
  }
  if( number == 3 ) hash[0] = hash[1] = 0;
  if( number == 6 ) hash[0] = hash[1] = 0xff;
  memcpy( hash + 4, &number, sizeof number );
}

struct burst { uint32_t first, behind; };

static void *announce_burst( void *argument ) {
  static const uint8_t port[2] = { 0x1a, 0xe1 };
  const struct burst *burst = argument;
  ot_torrent torrent;
  uint32_t number;
  for( number = burst->first; number < burst->behind; ++number ) {
    ot_hash hash;
    ot_ip6 ip;
    hash_of( number, hash );
    parse_ip( number % 2 && peer_list( &torrent, 1 ) ? "2001:db8::1" : "10.0.0.1", ip );
    client_announces( hash, ip, port, 0x80 );
  }
  return NULL;
}

static void burst_command( uint32_t count, uint32_t thread_count ) {
  struct burst parts[16];
  pthread_t threads[16];
  uint32_t i;
  if( thread_count > 16 ) broken( "(the test itself: too many threads)" );
  for( i = 0; i < thread_count; ++i ) {
    parts[i].first = count / thread_count * i;
    parts[i].behind = i + 1 < thread_count ? count / thread_count * ( i + 1 ) : count;
    pthread_create( &threads[i], NULL, announce_burst, &parts[i] );
  }
  for( i = 0; i < thread_count; ++i ) pthread_join( threads[i], NULL );
}

static ot_time age_of( uint32_t number ) { return number % 6 * 10; }

/* The lists of a torrent share its count; the last one is the youngest. */
static void fill_command( uint32_t first, uint32_t amount, size_t downloads ) {
  uint32_t i;
  for( i = first; i < first + amount; ++i ) {
    ot_peerlist **list;
    ot_hash hash;
    int delta, number;
    size_t left = downloads;
    hash_of( i, hash );
    ot_vector *bucket = mutex_bucket_lock( bucket_of( hash ) );
    ot_torrent *torrent = torrent_of( bucket, hash, &delta );
    for( number = 0; ( list = peer_list( torrent, number ) ); ++number ) {
      int is_last = !peer_list( torrent, number + 1 );
      ( *list )->base = g_now_minutes - age_of( i ) - ( is_last ? 0 : 100 );
      ( *list )->down_count = is_last ? left : left / 3;
      left -= ( *list )->down_count;
    }
    mutex_bucket_unlock( bucket_of( hash ), delta );
  }
}

static int is_as_it_should_be( ot_torrent *torrent, uint32_t i, size_t downloads ) {
  ot_peerlist **list;
  size_t sum = 0;
  ot_time youngest = 0, late;
  int number, empty = 1;
  for( number = 0; ( list = peer_list( torrent, number ) ); ++number ) {
    sum += ( *list )->down_count;
    if( ( *list )->base > youngest ) youngest = ( *list )->base;
    empty = empty && !( *list )->peer_count && !( *list )->seed_count && !( *list )->peers.data && !( *list )->peers.size;
  }
  /* A few minutes may begin before the other tracker looks at its clock. */
  late = g_now_minutes - age_of( i ) - youngest;
  return empty && sum == downloads && late >= -3 && late <= 3;
}

static void check_command( uint32_t first, uint32_t amount, size_t downloads ) {
  unsigned right = 0, missing = 0, wrong = 0;
  uint32_t i;
  for( i = first; i < first + amount; ++i ) {
    ot_hash hash;
    int found;
    hash_of( i, hash );
    ot_vector *bucket = mutex_bucket_lock( bucket_of( hash ) );
    ot_torrent *torrent = binary_search( hash, bucket->data, bucket->size, sizeof *torrent, sizeof hash, &found );
    if( !found ) missing++;
    else if( is_as_it_should_be( torrent, i, downloads ) ) right++;
    else wrong++;
    mutex_bucket_unlock( bucket_of( hash ), 0 );
  }
  printf( "check right=%u missing=%u wrong=%u\n", right, missing, wrong );
}

static void count_command( void ) {
  size_t in_buckets = 0;
  int bucket;
  for( bucket = 0; bucket < OT_BUCKET_COUNT; ++bucket ) {
    in_buckets += mutex_bucket_lock( bucket )->size;
    mutex_bucket_unlock( bucket, 0 );
  }
  printf( "count torrents=%zu in_buckets=%zu peers_from_sync=%lu\n", mutex_get_torrent_count(), in_buckets,
          __atomic_load_n( &peers_from_sync, __ATOMIC_RELAXED ) );
}

static int open_socket( const char *group, int port ) {
  struct sockaddr_in address;
  struct ip_mreq membership;
  int on = 1, fd = socket( AF_INET, SOCK_DGRAM, 0 );
  memset( &address, 0, sizeof address );
  address.sin_family = AF_INET;
  address.sin_port = htons( (uint16_t)port );
  inet_pton( AF_INET, group, &address.sin_addr );
  membership.imr_multiaddr = address.sin_addr;
  membership.imr_interface.s_addr = htonl( INADDR_LOOPBACK );
  if( setsockopt( fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on ) || bind( fd, (struct sockaddr *)&address, sizeof address ) ||
      setsockopt( fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership ) )
    broken( "(the test itself: cannot open a socket)" );
  return fd;
}

static void bind_command( const char *address, int port ) {
  ot_ip6 ip;
  if( !parse_ip( address, ip ) ) broken( "(the test itself: not an address)" );
  livesync_bind_mcast( ip, (uint16_t)port );
  memset( ip, 0xee, sizeof ip );
}

/* Goes down as the tracker does: freed vectors stay in their buckets. In addition, a worker
   holds all buckets for a moment, so that the library surely waits for one. */
static void go_down( int signal ) {
  const struct timespec moment = { 0, 150000000 };
  ot_vector *buckets[OT_BUCKET_COUNT];
  int bucket;
  (void)signal;
  for( bucket = 0; bucket < OT_BUCKET_COUNT; ++bucket ) buckets[bucket] = mutex_bucket_lock( bucket );
  nanosleep( &moment, NULL );
  g_opentracker_running = 0;
  for( bucket = 0; bucket < OT_BUCKET_COUNT; ++bucket ) {
    free_torrents( buckets[bucket] );
    mutex_bucket_unlock( bucket, -(int)buckets[bucket]->size );
  }
  livesync_deinit();
  exit( 0 );
}

int main( int argc, char **argv ) {
  char line[256], word[64];
  unsigned number, flags, amount;
  unsigned long downloads;
  int byte, port, fd = -1, down = 0;
  quiet = argc > 1 && !strcmp( argv[1], "-q" );
  locks_init();
  signal( SIGINT, go_down );
  if( strncmp( g_version_livesync_c, "livesync ", 9 ) ) broken( "no version" );
  while( !down && fgets( line, sizeof line, stdin ) ) {
    g_now_seconds = time( NULL );
    if( sscanf( line, "bind %63s %d", word, &port ) == 2 ) bind_command( word, port );
    else if( sscanf( line, "id %u", &number ) == 1 ) g_tracker_id = number;
    else if( !strcmp( line, "show-id\n" ) ) printf( "id %u\n", g_tracker_id );
    else if( !strcmp( line, "init\n" ) ) livesync_init();
    else if( !strcmp( line, "ticker\n" ) ) livesync_ticker();
    else if( sscanf( line, "open %63s %d", word, &port ) == 2 ) fd = open_socket( word, port );
    else if( !strcmp( line, "handle\n" ) ) handle_livesync( fd );
    else if( sscanf( line, "announce %x %63s %d %x", &byte, word, &port, &flags ) == 4 ) announce_command( byte, word, port, flags );
    else if( sscanf( line, "burst %u %u", &amount, &number ) == 2 ) burst_command( amount, number );
    else if( sscanf( line, "fill %u %u %lu", &number, &amount, &downloads ) == 3 ) fill_command( number, amount, downloads );
    else if( sscanf( line, "check %u %u %lu", &number, &amount, &downloads ) == 3 ) check_command( number, amount, downloads );
    else if( sscanf( line, "forbid %u", &number ) == 1 ) forbidden = number;
    else if( !strcmp( line, "count\n" ) ) count_command();
    else if( sscanf( line, "bless %d", &blessed ) == 1 ) ;
    else if( !strcmp( line, "go-down\n" ) ) down = 1;
    else broken( "(the test itself: unknown command)" );
    pthread_mutex_lock( &printing );
    puts( "ok" );
    fflush( stdout );
    pthread_mutex_unlock( &printing );
  }
  raise( SIGINT );
  return 1;
}
