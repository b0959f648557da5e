/* Measures the cost of faults for a node. On an interface and a port it runs for some seconds
   "thread" or "polling", without announces ("idle") or with ten per second ("telling"), and
   has one of these faults from half a second on:

     none             none, or a fault from outside
     send ERROR       every packet that it sends fails with this error
     receive ERROR    every receive fails
     closed           the program closes the sockets of the library
     replaced         the same, and it opens /dev/null in place of each

   It prints its processor time, its counters and its log. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "refuse.h"

enum { SETTLING_MS = 500, TELL_INTERVAL_MS = 100 };

static int polling, telling;
static livesync_t *handle;
static int null_fd;
/* The library's answer: LIVESYNC_E_TRIPPED if it has switched itself off. */
static int answer;

static void log_line( int level, const char *message, void *user ) {
  (void)user;
  if( level <= LIVESYNC_LOG_WARN ) printf( "log %s\n", message );
}

static void close_it( int fd ) { close( fd ); }
static void replace_it( int fd ) { dup2( null_fd, fd ); }

static void suffer( const char *fault, int error ) {
  const long sends[] = { SYS_sendto, SYS_sendmsg, SYS_sendmmsg };
  /* Without recvfrom(2), by which the library's thread takes its wake-ups. */
  const long receives[] = { SYS_recvmsg, SYS_recvmmsg };
  if( !strcmp( fault, "send" ) ) refuse( sends, 3, error );
  if( !strcmp( fault, "receive" ) ) refuse( receives, 2, error );
  if( !strcmp( fault, "closed" ) ) each_socket( close_it );
  if( !strcmp( fault, "replaced" ) ) each_socket( replace_it );
}

/* Runs a host loop until this time. */
static void process_until( int64_t end ) {
  livesync_event_t event;
  while( now_ms() < end && !answer ) {
    struct pollfd fd = { livesync_fd( handle ), POLLIN, 0 };
    int timeout = livesync_next_timeout_ms( handle ), left = (int)( end - now_ms() );
    poll( &fd, 1, timeout < 0 || timeout > left ? left : timeout );
    answer = livesync_process( handle );
    while( livesync_poll_events( handle, &event, 1, sizeof event ) > 0 ) {}
  }
  if( now_ms() < end ) sleep_ms( (int)( end - now_ms() ) );
}

static void run_for( int ms ) {
  static uint32_t torrent;
  uint8_t info_hash[20];
  livesync_peer_t peer = ipv4_peer( 6881, 0 );
  int64_t end = now_ms() + ms, next;
  for( next = now_ms(); next < end; next += TELL_INTERVAL_MS ) {
    hash_of( torrent++, info_hash );
    if( telling && !answer ) answer = livesync_announce( handle, info_hash, &peer );
    if( polling ) process_until( next + TELL_INTERVAL_MS );
    else sleep_ms( TELL_INTERVAL_MS );
  }
}

static long long cpu_us( void ) {
  struct rusage used;
  if( getrusage( RUSAGE_SELF, &used ) ) fail( "getrusage" );
  return ( used.ru_utime.tv_sec + used.ru_stime.tv_sec ) * 1000000LL + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

int main( int argc, char **argv ) {
  livesync_config_t config;
  livesync_stats_t stats;
  int64_t began;
  long long used;
  if( argc < 7 ) fail( "usage: node ADDRESS PORT thread|polling idle|telling SECONDS FAULT [ERROR]" );
  setvbuf( stdout, NULL, _IOLBF, 0 );
  polling = !strcmp( argv[3], "polling" );
  telling = !strcmp( argv[4], "telling" );
  config = local_config( atoi( argv[2] ) );
  config.interface = config.allow = argv[1];
  config.log = log_line;
  null_fd = open( "/dev/null", O_RDWR );
  if( livesync_open( &config, &handle ) ) fail( "open" );
  if( polling ? livesync_start_polling( handle, 1 ) : livesync_start( handle, 1 ) ) fail( "start" );

  run_for( SETTLING_MS );
  puts( "settled" );
  suffer( argv[6], argc > 7 ? atoi( argv[7] ) : 0 );
  began = now_ms();
  used = cpu_us();
  run_for( atoi( argv[5] ) * 1000 );
  used = cpu_us() - used;

  printf( "cpu %lld\n", used / ( now_ms() - began ) );
  printf( "answer %d\n", answer );
  if( !answer ) {
    stats = stats_of( handle );
    printf( "announced %llu\n", (unsigned long long)stats.records_announced );
    printf( "out %llu\n", (unsigned long long)stats.packets_out );
    printf( "errors %llu\n", (unsigned long long)stats.send_errors );
    printf( "in %llu\n", (unsigned long long)stats.packets_in );
  }
  puts( "ok" );
  return 0;
}
