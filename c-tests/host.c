/* A tracker for tests: it has the classic tracker's symbols, executes the commands
   on standard input as a tracker would, and prints the library's calls.

   Built with -DWIDE it is of the generation with 16-byte addresses, built with
   -DEVENT_6 of the one in which EVENT_SYNC is 6.

   Commands, one a line, each answered with "ok" once it is done:
     bind ADDRESS PORT   livesync_bind_mcast; ADDRESS "null" passes NULL
     id NUMBER           sets g_tracker_id
     show-id             prints it
     init, deinit, ticker
     tell HASH ADDRESS PORT FLAGS    HASH is a byte, repeated 20 times
     burst COUNT         announces COUNT peers, each of a torrent of its own
     open GROUP PORT     joins a group with a socket of its own, on 127.0.0.1
     handle              handle_livesync on that socket
     bless 0|1           blesses all sources, or none
     running 0|1         sets g_opentracker_running
     echo 0|1            lets the host announce peers from sync, as some trackers did
     count               prints how many peers were added

   Calls of the library, one a line:
     add|remove HASH ADDRESS PORT FLAGS UNUSED proto=… reply=… amount=… at=SECONDS
     event NUMBER proto=… data=…
     blessed ADDRESS permissions=…
   With -q on the command line only "event" and answers are printed. */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ot_livesync.h"

/* The variables that the library looks for. */
time_t g_now_seconds;
volatile int g_opentracker_running = 1;
uint32_t g_tracker_id;
void exerr( char *message );
int accesslist_isblessed( char *ip, int permissions );
size_t add_peer_to_torrent_and_return_peers( ot_hash *hash, ot_peer *peer, int proto, size_t amount, char *reply );
size_t remove_peer_from_torrent( ot_hash *hash, ot_peer *peer, char *reply, int proto );
void stats_issue_event( int event, int proto, uint32_t data );

#ifdef WIDE
enum { ADDRESS_LENGTH = 16, ADDRESS_OFFSET = 12 };
void handle_udp6( int64 socket );
void handle_udp6( int64 socket ) { (void)socket; }
#else
enum { ADDRESS_LENGTH = 4, ADDRESS_OFFSET = 0 };
#endif
#ifdef EVENT_6
int load_state( const char *file );
int load_state( const char *file ) { (void)file; return 0; }
#endif

static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;
static int quiet, blessed = 1, echo;
static unsigned long added;

static void say( const char *format, ... ) {
  va_list arguments;
  va_start( arguments, format );
  pthread_mutex_lock( &printing );
  vprintf( format, arguments );
  fflush( stdout );
  pthread_mutex_unlock( &printing );
  va_end( arguments );
}

static double now( void ) {
  struct timespec time;
  clock_gettime( CLOCK_MONOTONIC, &time );
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static const char *text_of( const void *ip, char *text ) {
  return inet_ntop( AF_INET, ip, text, INET_ADDRSTRLEN );
}

void exerr( char *message ) {
  fprintf( stderr, "%s\n", message );
  exit( 111 );
}

int accesslist_isblessed( char *ip, int permissions ) {
  char text[INET_ADDRSTRLEN];
  static const char mapped[12] = { 0,0,0,0, 0,0,0,0, 0,0,-1,-1 };
  if( ADDRESS_LENGTH == 16 && memcmp( ip, mapped, sizeof mapped ) ) exerr( "not an IPv4-mapped address" );
  if( !quiet ) say( "blessed %s permissions=%d\n", text_of( ip + ADDRESS_OFFSET, text ), permissions );
  return blessed;
}

static void say_call( const char *what, ot_hash *hash, ot_peer *peer, int proto, const char *reply, size_t amount ) {
  char text[INET_ADDRSTRLEN];
  if( quiet ) return;
  say( "%s %02x %s %d %#x %d proto=%d reply=%s amount=%zu at=%.6f\n", what, (*hash)[0], text_of( peer->data, text ),
       peer->data[4] * 256 + peer->data[5], peer->data[6], peer->data[7], proto, reply ? "set" : "NULL", amount, now() );
}

size_t add_peer_to_torrent_and_return_peers( ot_hash *hash, ot_peer *peer, int proto, size_t amount, char *reply ) {
  __atomic_add_fetch( &added, 1, __ATOMIC_RELAXED );
  say_call( "add", hash, peer, proto, reply, amount );
  if( echo ) livesync_tell( hash, peer );
  /* A tracker may write to its arguments; the library must not see that later. */
  memset( hash, 0xee, sizeof *hash );
  memset( peer, 0xee, sizeof *peer );
  return 0;
}

size_t remove_peer_from_torrent( ot_hash *hash, ot_peer *peer, char *reply, int proto ) {
  /* Used for a client, whose goodbyes the tracker announces. */
  if( proto != 2 ) {
    peer->data[6] |= 0x20;
    livesync_tell( hash, peer );
    return 0;
  }
  say_call( "remove", hash, peer, proto, reply, 0 );
  if( echo ) livesync_tell( hash, peer );
  memset( hash, 0xee, sizeof *hash );
  memset( peer, 0xee, sizeof *peer );
  return 0;
}

void stats_issue_event( int event, int proto, uint32_t data ) {
  say( "event %d proto=%d data=%u\n", event, proto, data );
}

static void bind_to( const char *address, int port ) {
  unsigned char ip[16] = { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff };
  if( !strcmp( address, "null" ) ) { livesync_bind_mcast( NULL, (uint16_t)port ); return; }
  inet_pton( AF_INET, address, ip + ADDRESS_OFFSET );
  livesync_bind_mcast( (char *)ip, (uint16_t)port );
}

static void tell( int hash_byte, const char *address, int port, unsigned flags ) {
  ot_hash hash;
  ot_peer peer;
  memset( &hash, hash_byte, sizeof hash );
  inet_pton( AF_INET, address, peer.data );
  peer.data[4] = (uint8_t)( port >> 8 );
  peer.data[5] = (uint8_t)port;
  peer.data[6] = (uint8_t)flags;
  peer.data[7] = 0x77; /* minutes since the last announce, which must stay private */
  livesync_tell( &hash, &peer );
}

static void burst( unsigned count ) {
  ot_hash hash = { 0 };
  ot_peer peer = { { 10, 0, 0, 1, 0x1a, 0xe1, 0, 0 } };
  unsigned i;
  for( i = 0; i < count; ++i ) {
    memcpy( hash, &i, sizeof i );
    livesync_tell( &hash, &peer );
  }
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
    exerr( "cannot open a socket" );
  return fd;
}

int main( int argc, char **argv ) {
  char line[256], word[64];
  unsigned number, flags;
  int hash, port, fd = -1;
  quiet = argc > 1 && !strcmp( argv[1], "-q" );
  while( fgets( line, sizeof line, stdin ) ) {
    g_now_seconds = time( NULL );
    if( sscanf( line, "bind %63s %d", word, &port ) == 2 ) bind_to( word, port );
    else if( sscanf( line, "id %u", &number ) == 1 ) g_tracker_id = number;
    else if( !strcmp( line, "init\n" ) ) livesync_init();
    else if( !strcmp( line, "deinit\n" ) ) livesync_deinit();
    else if( !strcmp( line, "ticker\n" ) ) livesync_ticker();
    else if( sscanf( line, "tell %x %63s %d %x", &hash, word, &port, &flags ) == 4 ) {
      tell( hash, word, port, flags );
      say( "told at=%.6f\n", now() );
    }
    else if( sscanf( line, "burst %u", &number ) == 1 ) burst( number );
    else if( sscanf( line, "open %63s %d", word, &port ) == 2 ) fd = open_socket( word, port );
    else if( !strcmp( line, "handle\n" ) ) handle_livesync( fd );
    else if( sscanf( line, "bless %d", &blessed ) == 1 ) ;
    else if( sscanf( line, "running %u", &number ) == 1 ) g_opentracker_running = (int)number;
    else if( sscanf( line, "echo %d", &echo ) == 1 ) ;
    else if( !strcmp( line, "show-id\n" ) ) say( "id %u\n", g_tracker_id );
    else if( !strcmp( line, "count\n" ) ) say( "count %lu\n", __atomic_load_n( &added, __ATOMIC_RELAXED ) );
    else { fprintf( stderr, "unknown command: %s", line ); return 2; }
    say( "ok\n" );
  }
  livesync_deinit();
  return 0;
}
