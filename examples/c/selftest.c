/* Checks whether this host can sync: sends to the group and listens, on the interface that
   trackers would use. Trackers may run at the same time; the test lists those that send.

     cc -O2 -o selftest examples/c/selftest.c $(pkg-config --cflags --libs livesync)
     ./selftest 192.0.2.1 9696 3000

   The last number is the time to listen, in milliseconds. Settings like LIVESYNC_GROUP come
   from the environment, as for the tracker. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <livesync.h>

static void print( int level, const char *message, void *unused ) {
  (void)level; (void)unused;
  puts( message );
}

int main( int argc, char **argv ) {
  livesync_config_t config;
  int result;
  if( argc != 4 ) {
    fputs( "usage: selftest INTERFACE PORT MILLISECONDS\n", stderr );
    return 2;
  }
  livesync_config_init( &config, sizeof config );
  config.interface = argv[1];
  config.port = (uint16_t)atoi( argv[2] );
  config.environment = 1;
  config.log = print;
  config.log_level = LIVESYNC_LOG_INFO;
  result = livesync_selftest( &config, (uint32_t)atoi( argv[3] ) );
  printf( "%s\n", livesync_strerror( result ) );
  return result ? 1 : 0;
}
