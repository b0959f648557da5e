#include <string.h>

#include "polled_torrents.h"

uint64_t downloads_of( uint32_t torrent ) { return torrent * UINT64_C( 0x100000001 ) + 1; }

static uint32_t age_of( uint32_t torrent ) { return torrent % 6 * 10; }

/* The program's reactions, for callbacks and for polling. */

static uint64_t count_torrents( struct node *node ) {
  ++node->counted;
  return node->torrents;
}

/* The number of the first torrent is the bucket of the cursor. */
static size_t walk_torrents( struct node *node, livesync_cursor_t *cursor, livesync_torrent_t *torrents,
                             size_t limit ) {
  uint32_t number = cursor->bucket;
  size_t count = 0;
  ++node->walked;
  if( limit > PORTION ) limit = PORTION;
  for( ; number < TORRENTS && count < limit; ++number ) {
    if( !node->downloaded[number] ) continue;
    hash_of( number, torrents[count].info_hash );
    torrents[count].base_offset = age_of( number );
    torrents[count].downloaded = node->downloaded[number];
    ++count;
  }
  memset( cursor, 0, sizeof *cursor );
  if( number < TORRENTS ) cursor->bucket = number;
  else cursor->place = 2;
  return count;
}

static int look_up_torrent( struct node *node, livesync_torrent_t *torrent ) {
  uint32_t number = number_of( torrent->info_hash );
  ++node->looked_up;
  if( number >= TORRENTS || !node->downloaded[number] ) return 0;
  torrent->base_offset = age_of( number );
  torrent->downloaded = node->downloaded[number];
  return 1;
}

static int merge_torrent( struct node *node, const livesync_torrent_t *torrent ) {
  uint32_t number = number_of( torrent->info_hash );
  uint64_t *ours;
  if( number >= TORRENTS ) fail( "a torrent that nobody has" );
  ours = &node->downloaded[number];
  if( torrent->base_offset != age_of( number ) ) fail( "another base offset" );
  if( torrent->downloaded < downloads_of( number ) ) fail( "another count" );
  if( *ours > torrent->downloaded ) return LIVESYNC_KNOWN_BETTER;
  if( !*ours ) ++node->torrents;
  else if( *ours < torrent->downloaded ) ++node->raised;
  *ours = torrent->downloaded;
  return LIVESYNC_MERGED;
}

/* Callbacks. */

static uint64_t count_torrents_cb( void *user ) { return count_torrents( called_back( user ) ); }
static size_t walk_torrents_cb( livesync_cursor_t *cursor, livesync_torrent_t *torrents, size_t limit, void *user ) {
  return walk_torrents( called_back( user ), cursor, torrents, limit );
}
static int look_up_torrent_cb( livesync_torrent_t *torrent, void *user ) {
  return look_up_torrent( called_back( user ), torrent );
}
static int merge_torrent_cb( const livesync_torrent_t *torrent, void *user ) {
  return merge_torrent( called_back( user ), torrent );
}

void set_torrent_callbacks( livesync_config_t *config ) {
  config->count_torrents = count_torrents_cb;
  config->walk_torrents = walk_torrents_cb;
  config->look_up_torrent = look_up_torrent_cb;
  config->merge_torrent = merge_torrent_cb;
}

/* Events. */

void answer_count( struct node *node ) {
  if( livesync_answer_count( node->handle, count_torrents( node ) ) ) fail( "answer_count" );
  if( livesync_answer_count( node->handle, 0 ) != LIVESYNC_E_STATE ) fail( "counted twice" );
}

void answer_walk( struct node *node, const livesync_event_t *event ) {
  livesync_torrent_t torrents[TORRENTS];
  livesync_cursor_t cursor = event->cursor, nowhere = event->cursor;
  size_t count = walk_torrents( node, &cursor, torrents, event->limit );
  if( !event->limit ) fail( "a walk of nothing" );
  if( event->limit < TORRENTS &&
      livesync_answer_walk( node->handle, torrents, event->limit + 1, &cursor ) != LIVESYNC_E_ARGUMENT )
    fail( "walked more than the limit" );
  if( livesync_answer_walk( node->handle, torrents, count, &event->cursor ) != LIVESYNC_E_ARGUMENT )
    fail( "a walk that stands still" );
  nowhere.place = 3;
  if( livesync_answer_walk( node->handle, torrents, count, &nowhere ) != LIVESYNC_E_ARGUMENT )
    fail( "a place that there is not" );
  if( livesync_answer_walk( node->handle, torrents, count, cursor.place == 2 ? NULL : &cursor ) ) fail( "answer_walk" );
  memset( torrents, 0xee, sizeof torrents );
  if( livesync_answer_walk( node->handle, NULL, 0, NULL ) != LIVESYNC_E_STATE ) fail( "walked twice" );
}

void answer_look_up( struct node *node, const livesync_event_t *event ) {
  livesync_torrent_t torrent;
  memcpy( torrent.info_hash, event->info_hash, sizeof torrent.info_hash );
  if( livesync_answer_look_up( node->handle, look_up_torrent( node, &torrent ) ? &torrent : NULL ) )
    fail( "answer_look_up" );
}

void answer_merge( struct node *node, const livesync_event_t *event ) {
  uint8_t another[20];
  memset( another, 0x77, sizeof another );
  if( livesync_answer_merge( node->handle, another, LIVESYNC_MERGED ) != LIVESYNC_E_STATE ) fail( "merged what was not told" );
  if( livesync_answer_merge( node->handle, event->torrent.info_hash, merge_torrent( node, &event->torrent ) ) )
    fail( "answer_merge" );
  if( memcmp( event->info_hash, event->torrent.info_hash, sizeof event->info_hash ) )
    fail( "two torrents to merge" );
}
