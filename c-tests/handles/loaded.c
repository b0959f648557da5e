/* The shared library is loaded by dlopen(3) from the path in the first argument. A thread
   that never called it stops a handle, as a signal handler may, and that takes no memory,
   not even for the library's thread-local variables. After unloading, no handler for fork(2)
   is left. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "livesync.h"

void *__libc_malloc( size_t size );
void *__libc_calloc( size_t count, size_t size );

static __thread int counting;
static __thread int taken;

void *malloc( size_t size ) { taken += counting; return __libc_malloc( size ); }
void *calloc( size_t count, size_t size ) { taken += counting; return __libc_calloc( count, size ); }

static void fail( const char *what ) { puts( what ); exit( 1 ); }

static void *library;
static livesync_t *handle;
static int ( *stop )( livesync_t * );

static void *function( const char *name ) {
  void *found = dlsym( library, name );
  if( !found ) fail( name );
  return found;
}

static void *stop_there( void *unused ) {
  counting = 1;
  if( stop( handle ) ) fail( "stop" );
  counting = 0;
  if( taken ) fail( "a stop takes memory" );
  return unused;
}

static int port;

static void *use( void *unused ) {
  int ( *config_init )( livesync_config_t *, size_t );
  int ( *open )( const livesync_config_t *, livesync_t ** );
  int ( *start )( livesync_t *, uint32_t );
  int ( *close )( livesync_t * );
  livesync_config_t config;
  pthread_t thread;
  config_init = function( "livesync_config_init" );
  open = function( "livesync_open" );
  start = function( "livesync_start" );
  close = function( "livesync_close" );
  stop = function( "livesync_stop" );
  config_init( &config, sizeof config );
  config.interface = "127.0.0.1";
  config.port = (uint16_t)port;
  if( open( &config, &handle ) || start( handle, 1 ) ) fail( "start" );
  if( pthread_create( &thread, NULL, stop_there, NULL ) || pthread_join( thread, NULL ) ) fail( "a thread" );
  if( close( handle ) ) fail( "close" );
  return unused;
}

/* A library is only unloaded after all threads have ended that have thread-local variables
   of it with destructors. */
int main( int argc, char **argv ) {
  pthread_t thread;
  int status;
  pid_t pid;
  if( argc != 3 ) return 2;
  port = atoi( argv[2] );
  library = dlopen( argv[1], RTLD_NOW | RTLD_LOCAL );
  if( !library ) fail( dlerror() );
  if( pthread_create( &thread, NULL, use, NULL ) || pthread_join( thread, NULL ) ) fail( "a thread" );
  if( dlclose( library ) ) fail( "dlclose" );
  if( dlopen( argv[1], RTLD_NOW | RTLD_NOLOAD ) ) fail( "it stays loaded" );
  pid = fork();
  if( !pid ) _exit( 0 );
  if( waitpid( pid, &status, 0 ) != pid || status ) fail( "a fork after the library was unloaded" );
  puts( "ok" );
  return 0;
}
