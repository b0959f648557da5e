/* Processes that fork. A started handle stays with its process: in a child every function
   returns an error, close frees the child's descriptors, and the parent is not affected. A
   handle that was only opened may be started in a child. */

#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "every.h"

enum { CHILDREN = 30, TELLERS = 3 };

static int port;
static livesync_t *threaded, *polled, *listener;
static atomic_int over;

static int descriptors( void ) {
  struct stat ignored;
  int fd, count = 0;
  for( fd = 0; fd < 256; ++fd ) count += !fstat( fd, &ignored );
  return count;
}

static livesync_t *opened( int table ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle;
  config.table = (uint8_t)table;
  config.scrape = 0;
  if( livesync_open( &config, &handle ) ) fail( "open" );
  return handle;
}

static int knows( uint32_t torrent ) {
  livesync_counts_t counts;
  uint8_t info_hash[20];
  hash_of( torrent, info_hash );
  if( livesync_counts( listener, info_hash, &counts, sizeof counts ) ) fail( "counts" );
  return counts.known == 1;
}

static void process_polled( void ) {
  livesync_event_t event;
  if( !polled ) return;
  if( livesync_process( polled ) ) fail( "process" );
  while( livesync_poll_events( polled, &event, 1, sizeof event ) > 0 );
}

static void wait_until_known( uint32_t torrent, const char *what ) {
  int64_t end = now_ms() + PATIENCE_MS;
  while( !knows( torrent ) ) {
    if( now_ms() > end ) fail( what );
    process_polled();
    sleep_ms( 1 );
  }
}

/* Runs a function in a child, which must succeed. A signal ends a child that hangs. */
static void in_child( void ( *run )( void ) ) {
  int status;
  pid_t pid;
  fflush( stdout );
  pid = fork();
  if( pid < 0 ) fail( "fork" );
  if( !pid ) {
    alarm( PATIENCE_MS / 1000 );
    run();
    fflush( stdout );
    _exit( 0 );
  }
  if( waitpid( pid, &status, 0 ) != pid ) fail( "waitpid" );
  if( WIFSIGNALED( status ) ) fail( strsignal( WTERMSIG( status ) ) );
  if( status ) fail( "a child failed" );
}

static void expect_forked( livesync_t *handle ) {
  const struct function *function;
  for( function = with_handle; function->name; ++function )
    if( function->call( handle ) != LIVESYNC_E_FORKED ) fail( function->name );
}

static void use_and_close( void ) {
  int before = descriptors();
  expect_forked( threaded );
  expect_forked( polled );
  if( descriptors() != before ) fail( "descriptors come and go in a child" );
  /* Two sockets of the waker, two of the group; and the epoll instance of a loop. */
  if( livesync_close( threaded ) || livesync_close( polled ) ) fail( "close in a child" );
  if( before - descriptors() != 9 ) fail( "a close in a child closes other descriptors" );
}

static void use_its_own( void ) {
  livesync_t *own = opened( 0 );
  if( livesync_close( threaded ) || livesync_start( own, 0 ) ) fail( "start in a child" );
  announce( own, 10, ipv4_peer( 6881, 0 ) );
  if( livesync_close( own ) ) fail( "close a child's own" );
}

/* A child does not use the parent's sequence numbers: other nodes would take its packets for
   the parent's, and the parent's for duplicates. */
static void both_go_on( void ) {
  uint32_t round;
  for( round = 0; round < 5; ++round ) {
    announce( threaded, 20 + round, ipv4_peer( 6881, 0 ) );
    announce( polled, 30 + round, ipv4_peer( 6881, 0 ) );
    if( livesync_process( polled ) ) fail( "process" );
    in_child( round ? use_and_close : use_its_own );
    announce( threaded, 40 + round, ipv4_peer( 6881, 0 ) );
    announce( polled, 50 + round, ipv4_peer( 6881, 0 ) );
    wait_until_known( 20 + round, "what was announced before a fork is lost" );
    wait_until_known( 30 + round, "what was announced before a fork is lost, polled" );
    wait_until_known( 40 + round, "what was announced after a fork is lost" );
    wait_until_known( 50 + round, "what was announced after a fork is lost, polled" );
  }
  wait_until_known( 10, "what a child announces by a handle of its own is lost" );
}

/* Both processes share the epoll instance of the loop. */
static void the_loop_still_wakes( void ) {
  struct pollfd fds;
  int64_t end = now_ms() + PATIENCE_MS;
  uint64_t before = stats_of( polled ).records_heard;
  announce( threaded, 60, ipv4_peer( 6881, 0 ) );
  while( stats_of( polled ).records_heard == before ) {
    fds.fd = livesync_fd( polled );
    fds.events = POLLIN;
    if( now_ms() > end || poll( &fds, 1, PATIENCE_MS ) != 1 ) fail( "the loop is not woken" );
    process_polled();
  }
}

static void *announce_all( void *unused ) {
  uint16_t number = 0;
  while( !over ) {
    announce( threaded, 70, ipv4_peer( ++number ? number : 1, 0 ) );
    if( number % 64 == 0 ) sleep_ms( 1 );
  }
  return unused;
}

static void use_while_busy( void ) {
  expect_forked( threaded );
  if( livesync_close( threaded ) ) fail( "close in a child of a busy process" );
}

/* At the moment of the fork a thread that the child does not have holds some lock. */
static void whatever_is_locked( void ) {
  pthread_t tellers[TELLERS];
  int i;
  for( i = 0; i < TELLERS; ++i )
    if( pthread_create( &tellers[i], NULL, announce_all, NULL ) ) fail( "a thread" );
  for( i = 0; i < CHILDREN; ++i ) in_child( use_while_busy );
  over = 1;
  for( i = 0; i < TELLERS; ++i ) pthread_join( tellers[i], NULL );
}

static livesync_t *before_fork;

static void start_what_was_opened( void ) {
  if( livesync_start( before_fork, 0 ) ) fail( "start in a child what was opened before" );
  announce( before_fork, 80, ipv4_peer( 6881, 0 ) );
  if( livesync_close( before_fork ) ) fail( "close in the child that has started it" );
}

static void start_what_was_stopped( void ) {
  if( livesync_start( before_fork, 0 ) ) fail( "start in a child what was stopped before" );
  announce( before_fork, 81, ipv4_peer( 6881, 0 ) );
  if( livesync_close( before_fork ) ) fail( "close in the child that has started it again" );
}

static void a_child_starts_it( void ) {
  before_fork = opened( 0 );
  in_child( start_what_was_opened );
  wait_until_known( 80, "what was opened before a fork does not work in a child" );
  if( livesync_start( before_fork, 3 ) || livesync_stop( before_fork ) ) fail( "start and stop" );
  if( livesync_start_polling( before_fork, 3 ) || livesync_stop( before_fork ) ) fail( "start and stop, polled" );
  if( livesync_process( before_fork ) != LIVESYNC_E_STATE ) fail( "process after a stop" );
  in_child( start_what_was_stopped );
  wait_until_known( 81, "what was stopped before a fork does not work in a child" );
  if( livesync_close( before_fork ) ) fail( "close" );
}

int main( int argc, char **argv ) {
  port = argc > 1 ? atoi( argv[1] ) : 9696;
  listener = opened( 1 );
  threaded = opened( 0 );
  polled = opened( 0 );
  if( livesync_start( listener, 9 ) || livesync_start( threaded, 1 ) || livesync_start_polling( polled, 2 ) ) fail( "start" );
  both_go_on();
  the_loop_still_wakes();
  whatever_is_locked();
  a_child_starts_it();
  if( livesync_close( threaded ) || livesync_close( polled ) || livesync_close( listener ) ) fail( "close" );
  puts( "ok" );
  return 0;
}
