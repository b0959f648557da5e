/* A thread with a pending cancellation calls every function of livesync.h: each call
   returns, and the thread is cancelled afterwards. Prints the name of each before "ok". */

#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "every.h"

static int port;
static livesync_t *handle;
static const struct function *function;
static int returned;

/* The functions that are not in with_handle. */
static int version( livesync_t *unused ) { (void)unused; return !livesync_version(); }
static int features( livesync_t *unused ) { (void)unused; return !livesync_features(); }
static int text( livesync_t *unused ) { (void)unused; return !livesync_strerror( 0 ); }

static int config_init( livesync_t *unused ) {
  livesync_config_t config;
  (void)unused;
  return livesync_config_init( &config, sizeof config );
}

/* The call writes to standard error, which is a cancellation point. */
static int open_in_vain( livesync_t *unused ) {
  livesync_config_t config = local_config( port );
  (void)unused;
  config.group = "10.0.0.1";
  return livesync_open( &config, &unused ) != LIVESYNC_E_CONFIG;
}

static int selftest( livesync_t *unused ) {
  livesync_config_t config = local_config( port );
  (void)unused;
  config.log_level = LIVESYNC_LOG_INFO;
  return livesync_selftest( &config, 1 ) == LIVESYNC_E_CONFIG;
}

static int open_and_close( livesync_t *unused ) {
  livesync_config_t config = local_config( port );
  (void)unused;
  return livesync_open( &config, &unused ) || livesync_start( unused, 0 ) || livesync_close( unused );
}

static const struct function others[] = {
  { "livesync_version", version },
  { "livesync_features", features },
  { "livesync_strerror", text },
  { "livesync_config_init", config_init },
  { "livesync_open", open_in_vain },
  { "livesync_selftest", selftest },
  { "livesync_close", open_and_close },
  { NULL, NULL },
};

static void *call( void *unused ) {
  (void)unused;
  pthread_cancel( pthread_self() );
  function->call( handle );
  returned = 1;
  pthread_testcancel();
  return NULL;
}

static void call_all( const struct function *functions ) {
  for( function = functions; function->name; ++function ) {
    pthread_t thread;
    void *result;
    returned = 0;
    if( pthread_create( &thread, NULL, call, NULL ) || pthread_join( thread, &result ) ) fail( "a thread" );
    if( !returned ) fail( function->name );
    if( result != PTHREAD_CANCELED ) fail( "not cancelled afterwards" );
    printf( "%s\n", function->name );
  }
}

static void *announce_for_ever( void *unused ) {
  (void)unused;
  for( ;; ) {
    announce( handle, 7, ipv4_peer( 6881, 0 ) );
    pthread_testcancel();
  }
  return NULL;
}

/* If the program announces faster than packets leave, an announce waits for room. */
static void flood( void ) {
  pthread_t threads[3];
  void *result;
  int round, i;
  for( round = 0; round < 10; ++round ) {
    for( i = 0; i < 3; ++i )
      if( pthread_create( &threads[i], NULL, announce_for_ever, NULL ) ) fail( "a thread" );
    sleep_ms( 20 );
    for( i = 0; i < 3; ++i ) pthread_cancel( threads[i] );
    for( i = 0; i < 3; ++i )
      if( pthread_join( threads[i], &result ) || result != PTHREAD_CANCELED ) fail( "a flood that is cancelled" );
  }
}

/* Runs all of them with a receive thread, polled, and stopped. */
int main( int argc, char **argv ) {
  livesync_config_t config;
  port = argc > 1 ? atoi( argv[1] ) : 9696;
  config = local_config( port );
  config.flush_ms = 0;
  config.log_level = LIVESYNC_LOG_INFO;
  if( livesync_open( &config, &handle ) || livesync_start( handle, 1 ) ) fail( "open" );
  call_all( with_handle );
  if( livesync_start( handle, 1 ) ) fail( "start again" );
  flood();
  if( livesync_stop( handle ) ) fail( "stop" );
  if( livesync_start_polling( handle, 1 ) || livesync_process( handle ) ) fail( "start_polling" );
  call_all( with_handle );
  call_all( with_handle );
  call_all( others );
  if( livesync_close( handle ) ) fail( "close" );
  puts( "ok" );
  return 0;
}
