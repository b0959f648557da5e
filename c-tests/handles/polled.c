#include <poll.h>
#include <string.h>

#include "polled.h"

static void set_callbacks( livesync_config_t *config );
static void handle_event( struct node *node, const livesync_event_t *event );

livesync_config_t new_node( struct node *node, int port, int way ) {
  livesync_config_t config = local_config( port );
  memset( node, 0, sizeof *node );
  node->way = way;
  node->thread = pthread_self();
  config.scrape = 0;
  config.user = node;
  if( way == BY_CALLBACKS ) set_callbacks( &config );
  return config;
}

void start( struct node *node, const livesync_config_t *config, uint32_t id ) {
  if( livesync_open( config, &node->handle ) ) fail( "open" );
  if( livesync_start_polling( node->handle, id ) ) fail( "start_polling" );
}

void start_two( struct node *two, int port, int way ) {
  uint32_t i;
  for( i = 0; i < 2; ++i ) {
    livesync_config_t config = new_node( &two[i], port, way );
    start( &two[i], &config, i + 1 );
  }
}

void close_two( struct node *two ) {
  if( livesync_close( two[0].handle ) || livesync_close( two[1].handle ) ) fail( "close" );
}

void turn( struct node *two, int limit_ms ) {
  struct pollfd fds[2];
  int64_t now = now_ms();
  int i;
  for( i = 0; i < 2; ++i ) {
    int timeout = livesync_next_timeout_ms( two[i].handle );
    if( timeout < 0 ) fail( "next_timeout" );
    fds[i].fd = livesync_fd( two[i].handle );
    fds[i].events = POLLIN;
    two[i].due = now + timeout;
    if( timeout < limit_ms ) limit_ms = timeout;
  }
  if( poll( fds, 2, limit_ms ) < 0 ) fail( "poll" );
  now = now_ms();
  for( i = 0; i < 2; ++i ) {
    if( !fds[i].revents && now < two[i].due ) continue;
    process( &two[i] );
    if( two[i].way != EVENTS_WAIT ) take_events( &two[i] );
  }
}

void turn_for( struct node *two, int ms ) {
  int64_t end = now_ms() + ms, left;
  while( ( left = end - now_ms() ) > 0 ) turn( two, (int)left );
}

void wait_for( struct node *two, const unsigned *counter, unsigned value, const char *what ) {
  int64_t end = now_ms() + PATIENCE_MS, left;
  while( *counter < value ) {
    if( ( left = end - now_ms() ) <= 0 ) fail( what );
    turn( two, (int)left );
  }
  if( *counter > value ) fail( what );
}

void process( struct node *node ) {
  node->in_process = 1;
  if( livesync_process( node->handle ) ) fail( "process" );
  node->in_process = 0;
}

void take_events( struct node *node ) {
  livesync_event_t events[64];
  int i, count;
  while( ( count = livesync_poll_events( node->handle, events, 64, sizeof *events ) ) > 0 ) {
    if( node->way == BY_CALLBACKS ) fail( "an event although there are callbacks" );
    for( i = 0; i < count; ++i ) handle_event( node, &events[i] );
  }
  if( count < 0 ) fail( "poll_events" );
}

/* The program's reactions, for callbacks and for polling. */

static void add_peer( struct node *node, const uint8_t *info_hash, const livesync_peer_t *peer ) {
  ++node->added;
  node->last = *peer;
  memcpy( node->last_hash, info_hash, sizeof node->last_hash );
}

static void remove_peer( struct node *node, const uint8_t *info_hash, const livesync_peer_t *peer ) {
  ++node->removed;
  node->last = *peer;
  memcpy( node->last_hash, info_hash, sizeof node->last_hash );
}

static void new_tracker_id( struct node *node, uint32_t id ) {
  ++node->renamed;
  node->new_id = id;
}

/* Callbacks. */

static int is_allowed_cb( const uint8_t *ip, void *user ) {
  called_back( user );
  return is_loopback( ip );
}
static void add_peer_cb( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  add_peer( called_back( user ), info_hash, peer );
}
static void remove_peer_cb( const uint8_t *info_hash, const livesync_peer_t *peer, void *user ) {
  remove_peer( called_back( user ), info_hash, peer );
}
static void packet_applied_cb( size_t peers, void *user ) {
  if( !peers ) fail( "an empty packet" );
  ++called_back( user )->packets;
}
static void new_tracker_id_cb( uint32_t id, void *user ) { new_tracker_id( called_back( user ), id ); }

/* Without an allow list the library calls is_allowed. */
static void set_callbacks( livesync_config_t *config ) {
  config->allow = NULL;
  config->is_allowed = is_allowed_cb;
  config->add_peer = add_peer_cb;
  config->remove_peer = remove_peer_cb;
  config->packet_applied = packet_applied_cb;
  config->new_tracker_id = new_tracker_id_cb;
  set_torrent_callbacks( config );
}

/* Events. Fields that an event does not use are 0. */
static void handle_event( struct node *node, const livesync_event_t *event ) {
  static const livesync_event_t zeros;
  livesync_event_t rest = *event;
  rest.event_type = 0;
  switch( event->event_type ) {
    case LIVESYNC_EVENT_ADD_PEER:
    case LIVESYNC_EVENT_REMOVE_PEER:
      if( event->event_type == LIVESYNC_EVENT_ADD_PEER ) add_peer( node, event->info_hash, &event->peer );
      else remove_peer( node, event->info_hash, &event->peer );
      memset( rest.info_hash, 0, sizeof rest.info_hash );
      memset( &rest.peer, 0, sizeof rest.peer );
      break;
    case LIVESYNC_EVENT_NEW_TRACKER_ID:
      new_tracker_id( node, event->tracker_id );
      rest.tracker_id = 0;
      break;
    case LIVESYNC_EVENT_COUNT_TORRENTS:
      answer_count( node );
      break;
    case LIVESYNC_EVENT_WALK_TORRENTS:
      answer_walk( node, event );
      memset( &rest.cursor, 0, sizeof rest.cursor );
      rest.limit = 0;
      break;
    case LIVESYNC_EVENT_LOOK_UP_TORRENT:
      answer_look_up( node, event );
      memset( rest.info_hash, 0, sizeof rest.info_hash );
      break;
    case LIVESYNC_EVENT_MERGE_TORRENT:
      answer_merge( node, event );
      memset( rest.info_hash, 0, sizeof rest.info_hash );
      memset( &rest.torrent, 0, sizeof rest.torrent );
      break;
    default: fail( "an event of no type" );
  }
  if( memcmp( &rest, &zeros, offsetof( livesync_event_t, limit ) + sizeof rest.limit ) )
    fail( "an event with too much in it" );
}
