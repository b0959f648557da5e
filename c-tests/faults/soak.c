/* One node of several under random load, with a table of 2 MiB, which fills up. From time to
   time it is stopped and started, or closed and opened. There are these kinds:

     plain      the library's thread does everything
     polled     the host loop does everything
     keyed      it has a key, and also uses unauthenticated packets
     ignoring   a loop without a table: it takes its events, and answers none of them
     cancelled  threads that announce are cancelled all the time
     forking    children are forked all the time, which end at once

   It prints every second how many announces it has received since its start, and ends at the
   end of standard input. */

#define _GNU_SOURCE

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { TORRENTS = 5000, PORTS = 8, MOST_ANNOUNCES = 60, INTERVAL_MS = 10, TABLE_BYTES = 2 << 20 };

static int polled, ignoring, cancelled, forking;
static livesync_config_t config;
static livesync_t *handle;
static uint32_t id;
static unsigned long long heard;

static void open_and_start( void ) {
  if( !handle && livesync_open( &config, &handle ) ) fail( "open" );
  if( polled ? livesync_start_polling( handle, id ) : livesync_start( handle, id ) ) fail( "start" );
}

static void begin_again( int anew ) {
  heard += stats_of( handle ).records_heard;
  if( anew ) {
    if( livesync_close( handle ) ) fail( "close" );
    handle = NULL;
  } else if( livesync_stop( handle ) ) fail( "stop" );
  open_and_start();
}

static void announce_one( unsigned number ) {
  uint8_t flags = number % 4 ? 0 : LIVESYNC_PEER_STOPPED;
  announce( handle, number / 4 % TORRENTS, ipv4_peer( (uint16_t)( 1 + number % PORTS ), flags ) );
}

static void announce_some( void ) {
  int left = rand() % MOST_ANNOUNCES;
  while( left-- > 0 ) announce_one( (unsigned)rand() );
}

static void *announce_on( void *first ) {
  unsigned number = *(unsigned *)first;
  for( ;; pthread_testcancel() ) announce_one( number += 7 );
  return NULL;
}

/* The thread is most likely inside a call. */
static void cancel_one( void ) {
  pthread_t thread;
  void *result;
  unsigned first = (unsigned)rand();
  if( pthread_create( &thread, NULL, announce_on, &first ) ) fail( "pthread_create" );
  usleep( (useconds_t)( rand() % 200 ) );
  if( pthread_cancel( thread ) || pthread_join( thread, &result ) ) fail( "pthread_cancel" );
  if( result != PTHREAD_CANCELED ) fail( "not cancelled" );
}

static void fork_one( void ) {
  int status;
  pid_t child = fork();
  if( !child ) _exit( 7 );
  if( child < 0 || waitpid( child, &status, 0 ) != child ) fail( "fork" );
  if( !WIFEXITED( status ) || WEXITSTATUS( status ) != 7 ) fail( "the child ends otherwise" );
}

/* Waits for this long, or until standard input ends; returns whether it has ended. */
static int wait_and_process( int64_t end ) {
  livesync_event_t events[64];
  struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { polled ? livesync_fd( handle ) : -1, POLLIN, 0 } };
  int left;
  while( ( left = (int)( end - now_ms() ) ) > 0 ) {
    int timeout = polled ? livesync_next_timeout_ms( handle ) : left;
    poll( fds, 2, timeout < left ? timeout : left );
    if( fds[0].revents ) return 1;
    if( polled && livesync_process( handle ) ) fail( "process" );
    while( ignoring && livesync_poll_events( handle, events, 64, sizeof *events ) > 0 ) {}
  }
  return 0;
}

int main( int argc, char **argv ) {
  int64_t now = now_ms(), next_line = now, next_start = now;
  if( argc != 8 ) fail( "usage: soak ADDRESS ALLOW PORT ID SEED KIND KEY_FILE" );
  setvbuf( stdout, NULL, _IOLBF, 0 );
  id = (uint32_t)atoi( argv[4] );
  srand( (unsigned)atoi( argv[5] ) );
  ignoring = !strcmp( argv[6], "ignoring" );
  polled = ignoring || !strcmp( argv[6], "polled" );
  cancelled = !strcmp( argv[6], "cancelled" );
  forking = !strcmp( argv[6], "forking" );
  config = local_config( atoi( argv[3] ) );
  config.interface = argv[1];
  config.allow = argv[2];
  config.table = !ignoring;
  config.table_bytes = TABLE_BYTES;
  config.beacon_interval_ms = config.first_beacon_delay_ms = 1000;
  if( !strcmp( argv[6], "keyed" ) ) {
    config.key_file = argv[7];
    config.auth = LIVESYNC_AUTH_ACCEPT;
  }
  open_and_start();
  while( !wait_and_process( now_ms() + INTERVAL_MS ) ) {
    now = now_ms();
    announce_some();
    if( cancelled ) cancel_one();
    if( forking ) fork_one();
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
