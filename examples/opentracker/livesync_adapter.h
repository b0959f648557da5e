/* The common part of the adapters beside this file. Each adapter makes one generation of
   opentracker use liblivesync: it takes the place of that tree's ot_livesync.c, and includes
   this file after the tracker's own headers and after it has defined PEER_IP_SIZE, 4 or 16:
   the bytes of an address in the tracker's peers.

   This file defines all functions of ot_livesync.h except livesync_tell(). */

#ifndef LIVESYNC_ADAPTER_H
#define LIVESYNC_ADAPTER_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "livesync.h"

/* A peer of the tracker: its address, then its port, its flags, and the minutes since its
   last announce. */
enum { PEER_PORT = PEER_IP_SIZE, PEER_FLAGS = PEER_PORT + 2, PEER_MINUTES };

/* NULL until the operator gives an address to sync on. The library's functions do nothing
   then. */
static livesync_t *g_cluster;

/* Callbacks that the adapter defines. */
static int  is_allowed( const uint8_t *ip, void *unused );
static void add_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *unused );
static void remove_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *unused );

/* Callbacks that this file defines. */
static int       is_running( void *unused );
static void      packet_applied( size_t peers, void *unused );
static void      new_tracker_id( uint32_t tracker_id, void *unused );
static void      log_line( int level, const char *message, void *unused );
static uint64_t  count_torrents( void *unused );
static size_t    walk_torrents( livesync_cursor_t *cursor, livesync_torrent_t *out, size_t limit, void *unused );
static int       look_up_torrent( livesync_torrent_t *torrent, void *unused );
static int       merge_torrent( const livesync_torrent_t *heard, void *unused );

/* exerr() gets the last error line of the setup that runs on this thread. */
static _Thread_local int  g_setting_up;
static _Thread_local char g_setup_error[512];

static void end_setup( int error );

void livesync_bind_mcast( char *ip, uint16_t port ) {
  static const char v4_mapped[12] = { 0,0,0,0, 0,0,0,0, 0,0,-1,-1 };
  char interface[INET_ADDRSTRLEN];
  livesync_config_t config;

  if( g_cluster )
    exerr( "livesync: an address to sync on was given twice" );
  if( memcmp( ip, v4_mapped, sizeof v4_mapped ) )
    exerr( "livesync: cannot sync on this address: it is not an IPv4 address" );
  inet_ntop( AF_INET, ip + sizeof v4_mapped, interface, sizeof interface );

  livesync_config_init( &config, sizeof config );
  config.interface       = interface;
  config.port            = port;
  config.ipv6            = PEER_IP_SIZE == 16;
  config.environment     = 1;
  config.is_running      = is_running;
  config.is_allowed      = is_allowed;
  config.add_peer        = add_peer;
  config.remove_peer     = remove_peer;
  config.packet_applied  = packet_applied;
  config.new_tracker_id  = new_tracker_id;
  config.log             = log_line;
  config.count_torrents  = count_torrents;
  config.walk_torrents   = walk_torrents;
  config.look_up_torrent = look_up_torrent;
  config.merge_torrent   = merge_torrent;

  g_setting_up = 1;
  end_setup( livesync_open( &config, &g_cluster ) );
}

void livesync_init( void ) {
  if( !g_cluster )
    exerr( "livesync: no address to sync on was given" );
  g_setting_up = 1;
  end_setup( livesync_start( g_cluster, g_tracker_id ) );
}

void livesync_ticker( void ) {
  livesync_tick( g_cluster );
}

void handle_livesync( const int64 serversocket ) {
  livesync_receive( g_cluster, (int)serversocket );
}

/* A signal handler may call this, and it may have interrupted anything, even the library. */
void livesync_deinit( void ) {
  livesync_stop( g_cluster );
}

/* For livesync_tell(): converts the tracker's peer and announces it. */
static void announce( const void *info_hash, const uint8_t *bytes ) {
  livesync_peer_t peer = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 0 }, 0, 0, 0 };

  memcpy( peer.ip + sizeof peer.ip - PEER_IP_SIZE, bytes, PEER_IP_SIZE );
  peer.port  = (uint16_t)( bytes[PEER_PORT] << 8 | bytes[PEER_PORT + 1] );
  peer.flags = bytes[PEER_FLAGS];
  livesync_announce( g_cluster, info_hash, &peer );
}

/* For add_peer() and remove_peer(): converts a peer to the tracker's form. */
static void write_peer( uint8_t *bytes, const livesync_peer_t *peer ) {
  memcpy( bytes, peer->ip + sizeof peer->ip - PEER_IP_SIZE, PEER_IP_SIZE );
  bytes[PEER_PORT]     = (uint8_t)( peer->port >> 8 );
  bytes[PEER_PORT + 1] = (uint8_t)peer->port;
  bytes[PEER_FLAGS]    = peer->flags;
  bytes[PEER_MINUTES]  = 0;
}

/* If the setup has failed, ends the process the way the tracker does. */
static void end_setup( int error ) {
  g_setting_up = 0;
  if( !error )
    return;
  if( !*g_setup_error )
    snprintf( g_setup_error, sizeof g_setup_error, "livesync: %s", livesync_strerror( error ) );
  exerr( g_setup_error );
}

static int is_running( void *unused ) {
  (void)unused;
  return g_opentracker_running;
}

static void packet_applied( size_t peers, void *unused ) {
  (void)unused;
  stats_issue_event( EVENT_SYNC, 0, peers );
}

static void new_tracker_id( uint32_t tracker_id, void *unused ) {
  (void)unused;
  g_tracker_id = tracker_id;
}

/* Writes without stdio's lock: a thread that a signal has interrupted may hold it. */
static void log_line( int level, const char *message, void *unused ) {
  static const char *const names[] = { "off", "error", "warn", "info", "debug" };

  (void)unused;
  if( g_setting_up && level == LIVESYNC_LOG_ERROR )
    snprintf( g_setup_error, sizeof g_setup_error, "livesync: %s", message );
  else
    dprintf( STDERR_FILENO, "livesync: %s: %s\n", names[level], message );
}

/* The rest is for scrape sync. Buckets are vectors of torrents, sorted by hash. A tracker
   that goes down frees the torrents before it calls livesync_deinit(), and leaves the freed
   vectors in their buckets. So a function that has locked a bucket checks whether the
   tracker is still up. Hashes are passed as void *, since revisions differ in whether they
   take an ot_hash or an ot_hash *. */

static size_t    torrents_in( const ot_vector *bucket );
static void      read_torrent( ot_torrent *torrent, livesync_torrent_t *out );
static int       begin_torrent( ot_torrent *torrent, const livesync_torrent_t *heard );
static size_t    downloads( ot_torrent *torrent );
static void      add_downloads( ot_torrent *torrent, size_t more );

static uint64_t count_torrents( void *unused ) {
  (void)unused;
  return mutex_get_torrent_count();
}

static size_t walk_torrents( livesync_cursor_t *cursor, livesync_torrent_t *out, size_t limit, void *unused ) {
  ot_vector  *bucket   = mutex_bucket_lock( (int)cursor->bucket );
  ot_torrent *torrents = bucket->data;
  size_t      next = 0, count = 0, end = torrents_in( bucket );
  int         found, more;

  (void)unused;
  if( end && cursor->place ) {
    /* The place of this torrent or, if it has vanished, the place where it would be. */
    ot_torrent *last = binary_search( cursor->after, torrents, end, sizeof *torrents, OT_HASH_COMPARE_SIZE, &found );
    next = (size_t)( last - torrents ) + ( found ? 1 : 0 );
  }
  while( next < end && count < limit )
    read_torrent( torrents + next++, out + count++ );
  more = next < end;
  mutex_bucket_unlock( (int)cursor->bucket, 0 );

  if( more ) {
    cursor->place = 1;
    memcpy( cursor->after, out[count - 1].info_hash, sizeof cursor->after );
  } else {
    cursor->bucket++;
    cursor->place = cursor->bucket < OT_BUCKET_COUNT ? 0 : 2;
  }
  return count;
}

static int look_up_torrent( livesync_torrent_t *torrent, void *unused ) {
  void       *hash   = torrent->info_hash;
  ot_vector  *bucket = mutex_bucket_lock_by_hash( hash );
  ot_torrent *ours;
  int         found;

  (void)unused;
  ours = binary_search( hash, bucket->data, torrents_in( bucket ), sizeof *ours, OT_HASH_COMPARE_SIZE, &found );
  if( found )
    read_torrent( ours, torrent );
  mutex_bucket_unlock_by_hash( hash, 0 );
  return found;
}

static int merge_torrent( const livesync_torrent_t *heard, void *unused ) {
  livesync_torrent_t copy   = *heard;
  void              *hash   = copy.info_hash;
  ot_vector         *bucket = mutex_bucket_lock_by_hash( hash );
  ot_torrent        *ours   = NULL;
  int                known = 0, merged = -1;

  (void)unused;
  if( g_opentracker_running && accesslist_hashisvalid( hash ) )
    ours = vector_find_or_insert( bucket, hash, sizeof *ours, OT_HASH_COMPARE_SIZE, &known );
  if( ours && !known && !begin_torrent( ours, heard ) ) {
    vector_remove_torrent( bucket, ours );
    ours = NULL;
  }
  if( ours ) {
    size_t own = downloads( ours );
    if( own < heard->downloaded )
      add_downloads( ours, (size_t)heard->downloaded - own );
    merged = own > heard->downloaded;
  }
  mutex_bucket_unlock_by_hash( hash, ours && !known );
  return merged;
}

static size_t torrents_in( const ot_vector *bucket ) {
  return g_opentracker_running ? bucket->size : 0;
}

/* A torrent is its hash, followed by pointers to its lists of peers: one, or two where the
   tracker has IPv4 and IPv6 peers in one table. */
struct torrent_with_one_list { ot_hash hash; ot_peerlist *list; };
enum {
  LISTS_AT   = offsetof( struct torrent_with_one_list, list ),
  LIST_COUNT = ( sizeof( ot_torrent ) - LISTS_AT ) / sizeof( ot_peerlist * )
};
_Static_assert( LIST_COUNT == 1 || LIST_COUNT == 2, "an ot_torrent has one list of peers, or two" );

static ot_peerlist **lists_of( ot_torrent *torrent ) {
  return (ot_peerlist **)( (char *)torrent + LISTS_AT );
}

static void read_torrent( ot_torrent *torrent, livesync_torrent_t *out ) {
  ot_peerlist **lists = lists_of( torrent );
  ot_time       base = 0, now = g_now_minutes;
  size_t        i;

  for( i = 0; i < LIST_COUNT; ++i )
    if( lists[i]->base > base )
      base = lists[i]->base;
  memcpy( out->info_hash, torrent->hash, sizeof out->info_hash );
  out->base_offset = now > base ? (uint32_t)( now - base ) : 0;
  out->downloaded  = downloads( torrent );
}

/* Turns undefined bytes into a torrent without peers; returns 0 if memory is out. */
static int begin_torrent( ot_torrent *torrent, const livesync_torrent_t *heard ) {
  ot_peerlist **lists = lists_of( torrent );
  size_t        i;

  memset( torrent, 0, sizeof *torrent );
  memcpy( torrent->hash, heard->info_hash, sizeof torrent->hash );
  for( i = 0; i < LIST_COUNT; ++i ) {
    if( !( lists[i] = calloc( 1, sizeof *lists[i] ) ) )
      return 0;
    lists[i]->base = g_now_minutes - (ot_time)heard->base_offset;
  }
  return 1;
}

/* Returns a torrent's download count, which is the sum over its lists. */
static size_t downloads( ot_torrent *torrent ) {
  ot_peerlist **lists = lists_of( torrent );
  size_t        i, sum = 0;

  for( i = 0; i < LIST_COUNT; ++i )
    sum += lists[i]->down_count;
  return sum;
}

static void add_downloads( ot_torrent *torrent, size_t more ) {
  lists_of( torrent )[0]->down_count += more;
}

#endif
