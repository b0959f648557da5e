/* Checks the errors when a handle cannot be opened or started for want of resources: a clear
   error, one line in the log, and nothing is left behind. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "refuse.h"

enum { MOST_DESCRIPTORS = 64 };

static int lines;
static char last_line[256];

static void log_line( int level, const char *message, void *user ) {
  (void)user;
  if( level > LIVESYNC_LOG_ERROR ) return;
  ++lines;
  snprintf( last_line, sizeof last_line, "%s", message );
}

static void expect_line( int result, int expected, const char *line ) {
  if( result != expected ) fail( livesync_strerror( result ) );
  if( lines != 1 ) fail( "not one line in the log" );
  if( !strstr( last_line, line ) ) { puts( last_line ); fail( "another line in the log" ); }
  lines = 0;
}

/* Limits the process to this many descriptors more than it has now. */
static void allow( int more ) {
  struct rlimit limit;
  if( getrlimit( RLIMIT_NOFILE, &limit ) ) fail( "getrlimit" );
  limit.rlim_cur = (rlim_t)( 3 + descriptors() + more );
  if( setrlimit( RLIMIT_NOFILE, &limit ) ) fail( "setrlimit" );
}

/* Repeats the attempt with one descriptor more each time, until it succeeds. */
static int needed( int ( *attempt )( void ), int first_error, int then ) {
  int before = descriptors(), more, result;
  for( more = 0; more < MOST_DESCRIPTORS; ++more ) {
    allow( more );
    result = attempt();
    if( !result ) break;
    expect_line( result, more < 2 ? first_error : then, "Too many open files" );
    if( descriptors() != before ) fail( "descriptors were left behind" );
  }
  allow( MOST_DESCRIPTORS );
  return more;
}

static livesync_config_t config;
static livesync_t *handle;

static int attempt_open( void ) { return livesync_open( &config, &handle ); }
static int attempt_start_again( void ) { return livesync_start( handle, 1 ); }

/* Opening takes two sockets to wake the thread, two for the group, and one for the list of
   memberships. */
static void no_descriptors_to_open( void ) {
  if( needed( attempt_open, LIVESYNC_E_THREAD, LIVESYNC_E_SOCKET ) != 5 ) fail( "open needs 5 descriptors" );
}

/* After a stop, starting opens two sockets again, and the list. */
static void no_descriptors_to_start_again( void ) {
  if( livesync_start( handle, 1 ) || livesync_stop( handle ) ) fail( "start and stop" );
  sleep_ms( 100 );
  if( needed( attempt_start_again, LIVESYNC_E_SOCKET, LIVESYNC_E_SOCKET ) != 3 ) fail( "start needs 3 descriptors" );
  if( livesync_stop( handle ) ) fail( "stop" );
  sleep_ms( 100 );
}

/* Polling needs an epoll instance, too. Another attempt succeeds. */
static void no_descriptors_to_poll( void ) {
  allow( 3 );
  expect_line( livesync_start_polling( handle, 1 ), LIVESYNC_E_THREAD, "Too many open files" );
  allow( 4 );
  if( livesync_start_polling( handle, 1 ) || livesync_process( handle ) ) fail( "start_polling" );
  if( livesync_stop( handle ) ) fail( "stop" );
}

/* The program may go on without the thread. */
static void no_thread( void ) {
  const long calls[] = { SYS_clone, SYS_clone3 };
  refuse( calls, 2, EAGAIN );
  expect_line( livesync_start( handle, 1 ), LIVESYNC_E_THREAD, "Resource temporarily unavailable" );
  if( stats_of( handle ).tracker_id ) fail( "it runs" );
  if( livesync_start_polling( handle, 1 ) || livesync_process( handle ) ) fail( "start_polling without a thread" );
}

int main( int argc, char **argv ) {
  int before, fd;
  /* Closes inherited descriptors: the limit is one of numbers, not of how many are open. */
  for( fd = FIRST_FD; fd <= LAST_FD; ++fd ) close( fd );
  before = descriptors();
  config = local_config( argc == 2 ? atoi( argv[1] ) : 0 );
  config.log = log_line;
  no_descriptors_to_open();
  no_descriptors_to_start_again();
  no_descriptors_to_poll();
  no_thread();
  if( livesync_close( handle ) ) fail( "close" );
  if( descriptors() != before ) fail( "descriptors are left in the end" );
  if( lines ) fail( "more in the log" );
  puts( "ok" );
  return 0;
}
