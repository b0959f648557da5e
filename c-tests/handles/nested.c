/* Callbacks inside callbacks, and stops from there: a handle is not closed inside its own
   callback, however indirectly; and a stop inside a callback does not wait for that
   callback. */

#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common.h"

static livesync_t *outer, *inner;
static int refused;
static atomic_int stopped, held, storm_is_over;

/* Returns how often this thread has slept or waited. */
static long waits( void ) {
  struct rusage usage;
  if( getrusage( RUSAGE_THREAD, &usage ) ) fail( "getrusage" );
  return usage.ru_nvcsw;
}

static void log_of_inner( int level, const char *message, void *user ) {
  (void)level; (void)message; (void)user;
  if( refused ) return;
  if( livesync_close( inner ) != LIVESYNC_E_STATE ) fail( "closed inside of its callback" );
  if( livesync_close( outer ) != LIVESYNC_E_STATE ) fail( "closed inside of the callback of another" );
  ++refused;
}

static void log_of_outer( int level, const char *message, void *user ) {
  (void)level; (void)message; (void)user;
  if( !refused && livesync_start_polling( inner, 2 ) ) fail( "start inside of a callback" );
}

/* A start logs a line, and so calls back on this thread. */
static void close_in_another( int port ) {
  livesync_config_t config = local_config( port );
  config.log_level = LIVESYNC_LOG_INFO;
  config.log = log_of_outer;
  if( livesync_open( &config, &outer ) ) fail( "open" );
  config.log = log_of_inner;
  if( livesync_open( &config, &inner ) ) fail( "open another" );
  if( livesync_start_polling( outer, 1 ) || !refused ) fail( "not called back" );
  if( livesync_close( inner ) || livesync_close( outer ) ) fail( "close" );
}

static void ignore_line( int level, const char *message, void *user ) { (void)level; (void)message; (void)user; }

static void stop_here( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  long before = waits();
  (void)info_hash; (void)peer; (void)user;
  if( livesync_stop( outer ) ) fail( "stop inside of a callback" );
  if( waits() - before > 5 ) fail( "the library's thread waits for itself" );
  stopped = 1;
}

static void wait_for( atomic_int *flag, const char *what ) {
  int64_t end = now_ms() + PATIENCE_MS;
  while( !*flag ) {
    if( now_ms() > end ) fail( what );
    sleep_ms( 1 );
  }
}

static livesync_t *teller( int port ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle;
  config.flush_ms = 0;
  if( livesync_open( &config, &handle ) || livesync_start( handle, 7 ) ) fail( "a teller" );
  return handle;
}

static void open_outer( int port, livesync_peer_fn add_peer ) {
  livesync_config_t config = local_config( port );
  config.add_peer = add_peer;
  config.log = ignore_line;
  if( livesync_open( &config, &outer ) || livesync_start( outer, 1 ) ) fail( "start" );
}

static void stop_on_our_thread( int port ) {
  livesync_t *other = teller( port );
  open_outer( port, stop_here );
  announce( other, 1, ipv4_peer( 6881, 0 ) );
  wait_for( &stopped, "no callback" );
  if( livesync_close( outer ) || livesync_close( other ) ) fail( "close after that" );
}

/* The stop of a handle without a running call does not sleep. */
static void stop_at_once( int port ) {
  livesync_config_t config = local_config( port );
  long before;
  if( livesync_open( &config, &outer ) || livesync_start_polling( outer, 1 ) ) fail( "start_polling" );
  before = waits();
  if( livesync_stop( outer ) ) fail( "stop" );
  if( waits() != before ) fail( "a stop sleeps although nothing runs" );
  if( livesync_close( outer ) ) fail( "close" );
}

static void on_signal( int signal ) { (void)signal; }

static void hold_up( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  (void)info_hash; (void)peer; (void)user;
  held = 1;
  while( !storm_is_over ) sleep_ms( 1 );
}

static void *storm( void *main_thread ) {
  while( !storm_is_over ) {
    struct timespec pause = { 0, 20000 };
    pthread_kill( *(pthread_t *)main_thread, SIGUSR1 );
    nanosleep( &pause, NULL );
  }
  return NULL;
}

/* The stop has to wait for a callback, and wakes up all the time. */
static void stop_in_a_storm( int port ) {
  struct sigaction action = { 0 };
  pthread_t main_thread = pthread_self(), thread;
  livesync_t *other = teller( port );
  action.sa_handler = on_signal;
  sigaction( SIGUSR1, &action, NULL );
  open_outer( port, hold_up );
  announce( other, 1, ipv4_peer( 6881, 0 ) );
  wait_for( &held, "no callback that is held up" );
  if( pthread_create( &thread, NULL, storm, &main_thread ) ) fail( "a thread" );
  if( livesync_stop( outer ) ) fail( "stop in a storm" );
  storm_is_over = 1;
  pthread_join( thread, NULL );
  if( livesync_close( outer ) || livesync_close( other ) ) fail( "close after a storm" );
}

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  close_in_another( port );
  stop_on_our_thread( port );
  stop_at_once( port );
  stop_in_a_storm( port );
  puts( "ok" );
  return 0;
}
