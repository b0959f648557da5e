/* One node of three under random load: with a table of 2 MiB, which fills up; now and then it
   is stopped and started, or closed and opened. It prints every second how many announces it
   has heard since it began to run, and ends with standard input. */

#define _GNU_SOURCE

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

enum { TORRENTS = 5000, PORTS = 8, MOST_ANNOUNCES = 100, INTERVAL_MS = 10, TABLE_BYTES = 2 << 20 };

static livesync_config_t config;
static livesync_t *handle;
static uint32_t id;
static unsigned long long heard;

static void open_and_start( void ) {
  if( !handle && livesync_open( &config, &handle ) ) fail( "open" );
  if( livesync_start( handle, id ) ) fail( "start" );
}

static void begin_again( int anew ) {
  heard += stats_of( handle ).records_heard;
  if( anew ) {
    if( livesync_close( handle ) ) fail( "close" );
    handle = NULL;
  } else if( livesync_stop( handle ) ) fail( "stop" );
  open_and_start();
}

static void announce_some( void ) {
  int left = rand() % MOST_ANNOUNCES;
  while( left-- > 0 ) {
    uint8_t flags = rand() % 4 ? 0 : LIVESYNC_PEER_STOPPED;
    announce( handle, (uint32_t)( rand() % TORRENTS ), ipv4_peer( (uint16_t)( 1 + rand() % PORTS ), flags ) );
  }
}

int main( int argc, char **argv ) {
  int64_t now = now_ms(), next_line = now, next_start = now;
  struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
  if( argc != 6 ) fail( "usage: soak ADDRESS ALLOW PORT ID SEED" );
  setvbuf( stdout, NULL, _IOLBF, 0 );
  id = (uint32_t)atoi( argv[4] );
  srand( (unsigned)atoi( argv[5] ) );
  config = local_config( atoi( argv[3] ) );
  config.interface = argv[1];
  config.allow = argv[2];
  config.table = 1;
  config.table_bytes = TABLE_BYTES;
  config.beacon_interval_ms = config.first_beacon_delay_ms = 1000;
  open_and_start();
  while( !poll( &input, 1, INTERVAL_MS ) ) {
    now = now_ms();
    announce_some();
    if( now >= next_start + 2000 ) {
      begin_again( rand() % 2 );
      next_start = now + rand() % 8000;
    }
    if( now >= next_line ) {
      printf( "heard %llu\n", heard + stats_of( handle ).records_heard );
      next_line = now + 1000;
    }
  }
  if( livesync_close( handle ) ) fail( "close" );
  puts( "ok" );
  return 0;
}
