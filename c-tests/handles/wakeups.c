/* Counts the wake-ups of the receive thread while packets do not fill, with a tick after
   each announce, as a tracker's main loop has it, and without. The flush time is the
   default. */

#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum { FLUSH_MS = 100, LENGTH_MS = 1000, PAUSE_MS = 4 };

/* Returns the rest of a line that begins with `begin`, from a file of one of our threads;
   0 if there is none. */
static int line_of( const char *thread, const char *file, const char *begin, char *line, int size ) {
  char path[300];
  FILE *stream;
  int found = 0;
  snprintf( path, sizeof path, "/proc/self/task/%s/%s", thread, file );
  stream = fopen( path, "r" );
  if( !stream ) return 0;
  while( !found && fgets( line, size, stream ) ) found = !strncmp( line, begin, strlen( begin ) );
  fclose( stream );
  if( found ) memmove( line, line + strlen( begin ), strlen( line + strlen( begin ) ) + 1 );
  return found;
}

/* Returns how often the thread has slept so far; less than 0 if it is not visible. */
static long sleeps( void ) {
  DIR *threads = opendir( "/proc/self/task" );
  struct dirent *thread;
  char line[300];
  long sleeps = -1;
  if( !threads ) return -1;
  while( ( thread = readdir( threads ) ) )
    if( line_of( thread->d_name, "comm", "livesync", line, sizeof line ) &&
        line_of( thread->d_name, "status", "voluntary_ctxt_switches:", line, sizeof line ) )
      sleeps = atol( line );
  closedir( threads );
  return sleeps;
}

static void test_wakeups( int port, int ticks ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle;
  int64_t start, passed;
  long before, woken;
  uint32_t number = 0;
  /* Its own packets would come back, and wake the thread. */
  config.listen = 0;
  if( livesync_open( &config, &handle ) || livesync_start( handle, 1 ) ) fail( "start" );
  announce( handle, ++number, ipv4_peer( 1, 0 ) );
  while( !stats_of( handle ).packets_out ) sleep_ms( 1 );
  before = sleeps();
  start = now_ms();
  while( ( passed = now_ms() - start ) < LENGTH_MS ) {
    announce( handle, ++number, ipv4_peer( 1, 0 ) );
    if( ticks && livesync_tick( handle ) ) fail( "tick" );
    sleep_ms( PAUSE_MS );
  }
  woken = sleeps() - before;
  if( before >= 0 && woken > 2 * ( passed / FLUSH_MS + 1 ) ) {
    printf( "%ld wake-ups in %d ms, ticks: %d\n", woken, (int)passed, ticks );
    fail( "too many wake-ups" );
  }
  if( livesync_close( handle ) ) fail( "close" );
}

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  test_wakeups( port, 0 );
  test_wakeups( port, 1 );
  puts( "ok" );
  return 0;
}
