/* Opens and closes a handle with a key file, one step for each line of standard input, for a
   test that searches its memory meanwhile. Answers "ok". */

#include <stdio.h>
#include <stdlib.h>

#include "common.h"

static livesync_t *start( int port, const char *key_file );

static void wait_for_line( void ) {
  int c;
  while( ( c = getchar() ) != '\n' )
    if( c == EOF ) exit( 0 );
}

static void answer( void ) {
  puts( "ok" );
  fflush( stdout );
}

int main( int argc, char **argv ) {
  livesync_t *handle;
  if( argc != 3 ) return 2;
  wait_for_line();
  handle = start( atoi( argv[1] ), argv[2] );
  answer();
  wait_for_line();
  if( livesync_close( handle ) ) fail( "close" );
  answer();
  wait_for_line();
  return 0;
}

/* Returns after the handle has sent a packet. */
static livesync_t *start( int port, const char *key_file ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle;
  config.key_file = key_file;
  if( livesync_open( &config, &handle ) || livesync_start( handle, 1 ) ) fail( "start" );
  announce( handle, 1, ipv4_peer( 6881, 0 ) );
  while( stats_of( handle ).packets_out == 0 ) sleep_ms( 10 );
  return handle;
}
