/* Checks a program in which an allocation of the library fails. The program runs many times,
   each time in a process of its own in which another allocation fails, in a call of the library
   or in its thread: every allocation until the start, and some of the rest. It prints how often
   each part of that life ended in each way:

     error     the call returned an error, and the program went on to its end
     survived  the program did not notice
     ended     the library ended the process by abort(3)

   Any other end, such as a crash or a hang, is a failure. */

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum part { OPEN, START, RUN, STOP, PARTS };
enum { SURVIVED, ERROR, ENDED, ENDS, LONGEST_LIFE_S = 60, ANNOUNCES = 300 };

static const char *const part_names[PARTS] = { "open", "start", "run", "stop" };
static const char *const end_names[ENDS] = { "survived", "error", "ended" };

/* The state of the current life, in memory that the parent sees. */
static struct life {
  atomic_long allocations;
  atomic_int part;
} *life;

static int counting; /* set before the first call of the library */
static long failing; /* number of the failing allocation; 0: none */
static atomic_int part;

void *__libc_malloc( size_t );
void *__libc_calloc( size_t, size_t );
void *__libc_realloc( void *, size_t );
void *__libc_memalign( size_t, size_t );

/* Returns whether the current allocation fails. */
static int fails( void ) {
  if( !counting ) return 0;
  if( atomic_fetch_add( &life->allocations, 1 ) + 1 != failing ) return 0;
  atomic_store( &life->part, atomic_load( &part ) );
  errno = ENOMEM;
  return 1;
}

void *malloc( size_t size ) { return fails() ? NULL : __libc_malloc( size ); }
void *calloc( size_t count, size_t size ) { return fails() ? NULL : __libc_calloc( count, size ); }
void *realloc( void *old, size_t size ) { return fails() ? NULL : __libc_realloc( old, size ); }
void *aligned_alloc( size_t align, size_t size ) { return fails() ? NULL : __libc_memalign( align, size ); }
int posix_memalign( void **out, size_t align, size_t size ) {
  *out = fails() ? NULL : __libc_memalign( align, size );
  return *out ? 0 : ENOMEM;
}

/* Opens, starts, announces, receives, stops and closes; returns how it ended. */
static int live( int port ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle = NULL;
  uint8_t info_hash[20];
  livesync_peer_t peer = ipv4_peer( 6881, 0 );
  uint32_t torrent;
  int error = 0;
  config.table = 1;
  config.log_level = LIVESYNC_LOG_OFF;
  counting = 1;
  if( livesync_open( &config, &handle ) ) return ERROR;
  part = START;
  error |= livesync_start( handle, 1 );
  part = RUN;
  for( torrent = 0; torrent < ANNOUNCES && !error; ++torrent ) {
    hash_of( torrent, info_hash );
    error |= livesync_announce( handle, info_hash, &peer );
    if( torrent % 100 == 0 ) { livesync_tick( handle ); sleep_ms( 20 ); }
  }
  part = STOP;
  livesync_stop( handle );
  livesync_close( handle );
  return error ? ERROR : SURVIVED;
}

/* Lives once in a process of its own, with one allocation failing. */
static int live_apart( int port, long n ) {
  int status;
  pid_t child;
  atomic_store( &life->allocations, 0 );
  atomic_store( &life->part, PARTS );
  fflush( stdout );
  child = fork();
  if( child < 0 ) fail( "fork" );
  if( !child ) {
    failing = n;
    alarm( LONGEST_LIFE_S );
    if( !freopen( "/dev/null", "w", stderr ) ) _exit( ENDS );
    _exit( live( port ) );
  }
  if( waitpid( child, &status, 0 ) != child ) fail( "waitpid" );
  if( WIFSIGNALED( status ) && WTERMSIG( status ) == SIGABRT ) return ENDED;
  if( WIFSIGNALED( status ) && WTERMSIG( status ) == SIGALRM ) fail( "it hangs" );
  if( WIFSIGNALED( status ) ) fail( strsignal( WTERMSIG( status ) ) );
  if( WEXITSTATUS( status ) >= ENDS ) fail( "another end" );
  return WEXITSTATUS( status );
}

/* Starts another node of the cluster, whose packets the tested one receives. */
static pid_t neighbour( int port ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle;
  uint32_t torrent;
  pid_t child = fork();
  if( child < 0 ) fail( "fork" );
  if( child ) return child;
  prctl( PR_SET_PDEATHSIG, SIGKILL );
  if( livesync_open( &config, &handle ) || livesync_start( handle, 2 ) ) _exit( 1 );
  for( torrent = 0;; ++torrent ) {
    announce( handle, torrent % 50000, ipv4_peer( 7000, 0 ) );
    if( torrent % 20 == 0 ) sleep_ms( 10 );
  }
}

int main( int argc, char **argv ) {
  int port = argc == 4 ? atoi( argv[1] ) : 0, each = argc == 4 ? atoi( argv[2] ) : 0, p, e;
  long counts[PARTS][ENDS] = { { 0 } }, all, then = argc == 4 ? atoi( argv[3] ) : 0, n;
  pid_t other;
  if( each < 1 || then < 1 ) fail( "usage: memory PORT EACH_OF_THE_FIRST SO_MANY_OF_THE_REST" );
  life = mmap( NULL, sizeof *life, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0 );
  if( life == MAP_FAILED ) fail( "mmap" );
  other = neighbour( port );
  sleep_ms( 200 );
  if( live_apart( port, 0 ) != SURVIVED ) fail( "it does not even live with enough memory" );
  all = atomic_load( &life->allocations );
  for( n = 1; n <= all; ) {
    int end = live_apart( port, n ), where = atomic_load( &life->part );
    if( where < PARTS ) ++counts[where][end];
    n += n < each || where <= START ? 1 : all / then + 1;
  }
  kill( other, SIGKILL );
  printf( "allocations %ld\n", all );
  for( p = 0; p < PARTS; ++p )
    for( e = 0; e < ENDS; ++e ) printf( "%s %s %ld\n", part_names[p], end_names[e], counts[p][e] );
  puts( "ok" );
  return 0;
}
