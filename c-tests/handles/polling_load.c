/* A host loop under load: one that does not take its events, and announces right before a
   stop or a close. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "polled.h"

enum { FLOOD = 20000 };

static void test_backpressure( int port );
static void test_stop_and_start( int port );
static void test_close( int port );

int main( int argc, char **argv ) {
  int port = argc > 1 ? atoi( argv[1] ) : 9696;
  test_backpressure( port );
  test_stop_and_start( port );
  test_close( port );
  puts( "ok" );
  return 0;
}

/* B is processed, but takes no events while A announces. */
static void test_backpressure( int port ) {
  static unsigned char taken[FLOOD];
  struct node two[2], *a = &two[0], *b = &two[1];
  livesync_event_t events[64];
  livesync_stats_t stats;
  uint32_t torrent, expected = 0;
  unsigned heard = 0, late = 0;
  int64_t end;
  int i, count;

  start_two( two, port, BY_EVENTS );
  b->way = EVENTS_WAIT;
  for( torrent = 0; torrent < FLOOD; ++torrent ) {
    announce( a->handle, torrent, ipv4_peer( (uint16_t)( torrent + 1 ), 0 ) );
    if( torrent % 100 == 0 ) turn( two, 0 );
  }
  turn_for( two, 300 );
  if( stats_of( b->handle ).events_waiting == 0 ) fail( "nothing waits" );
  if( stats_of( b->handle ).events_waiting > FLOOD / 2 ) fail( "the library did not stop receiving" );

  /* Now it takes them: each once, and in order, except for those that the kernel had no room
     for, which come later. */
  for( end = now_ms() + PATIENCE_MS; heard < FLOOD; turn( two, 50 ) ) {
    if( now_ms() > end ) fail( "packets got lost" );
    while( ( count = livesync_poll_events( b->handle, events, 64, sizeof *events ) ) > 0 )
      for( i = 0; i < count; ++i ) {
        uint32_t number = number_of( events[i].info_hash );
        if( events[i].event_type != LIVESYNC_EVENT_ADD_PEER || events[i].peer.port != (uint16_t)( number + 1 ) )
          fail( "another peer" );
        if( number >= FLOOD || taken[number]++ ) fail( "an event twice" );
        if( number < expected ) ++late;
        else expected = number + 1;
        ++heard;
      }
  }
  stats = stats_of( b->handle );
  if( late && !stats.packets_recovered ) fail( "not in order" );
  if( heard != stats.records_heard || stats.packets_lost ) fail( "events got lost" );
  if( stats_of( a->handle ).packets_overflowed || stats_of( a->handle ).send_errors ) fail( "packets were not sent" );
  announce( a->handle, 1, ipv6_peer( 1, 0 ) );
  b->way = BY_EVENTS;
  wait_for( two, &b->added, 1, "nothing heard afterwards" );
  close_two( two );
}

/* Processes this node alone, after the other has stopped or closed. */
static void hear_alone( struct node *node, unsigned peers, const char *what ) {
  struct pollfd fd = { -1, POLLIN, 0 };
  int64_t end = now_ms() + PATIENCE_MS;
  fd.fd = livesync_fd( node->handle );
  while( node->added < peers ) {
    if( now_ms() > end ) fail( what );
    poll( &fd, 1, 100 );
    process( node );
    take_events( node );
  }
}

/* The next call sends the announces before a stop, whichever call it is. */
static void test_stop_and_start( int port ) {
  struct node two[2], *a = &two[0], *b = &two[1];
  int fd;

  start_two( two, port, BY_EVENTS );
  fd = livesync_fd( a->handle );
  announce( a->handle, 1, ipv4_peer( 1, 0 ) );
  if( livesync_stop( a->handle ) ) fail( "stop" );
  if( livesync_process( a->handle ) != LIVESYNC_E_STATE ) fail( "processed after a stop" );
  if( livesync_next_timeout_ms( a->handle ) != LIVESYNC_E_STATE ) fail( "a timeout after a stop" );
  if( stats_of( a->handle ).tracker_id || stats_of( a->handle ).uptime_ms ) fail( "up after a stop" );
  hear_alone( b, 1, "what was announced before a stop is not heard" );

  if( livesync_start_polling( a->handle, 7 ) ) fail( "start again" );
  if( livesync_fd( a->handle ) != fd ) fail( "another descriptor after a stop" );
  announce( b->handle, 2, ipv6_peer( 2, 0 ) );
  wait_for( two, &a->added, 1, "does not hear after a start" );
  announce( a->handle, 3, ipv6_peer( 3, 0 ) );
  if( livesync_stop( a->handle ) || livesync_start_polling( a->handle, 8 ) ) fail( "stop and start" );
  wait_for( two, &b->added, 2, "what was announced before a start is not heard" );
  announce( a->handle, 4, ipv4_peer( 4, 0 ) );
  wait_for( two, &b->added, 3, "not heard after a start" );
  if( stats_of( a->handle ).tracker_id != 8 ) fail( "another id after a start" );
  close_two( two );
}

static void test_close( int port ) {
  struct node two[2];
  start_two( two, port, BY_EVENTS );
  announce( two[0].handle, 1, ipv4_peer( 1, 0 ) );
  announce( two[0].handle, 2, ipv6_peer( 2, 0 ) );
  if( livesync_close( two[0].handle ) ) fail( "close" );
  hear_alone( &two[1], 2, "what was announced right before a close is not heard" );
  if( livesync_close( two[1].handle ) ) fail( "close" );
}
