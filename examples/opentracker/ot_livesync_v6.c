/* Live sync for opentracker revisions from 13 January 2009 to 21 April 2010, built
   with WANT_V6 (without it they need no adapter, but may use this one).

   Replace ot_livesync.c by this file, and put livesync.h and livesync_adapter.h in the include
   path. */

/* Some revisions declare livesync_tell()'s first argument as ot_hash *, some as
   ot_hash; both are the address of 20 bytes. */
#define livesync_tell livesync_tell_as_declared
#include "ot_livesync.h"
#undef livesync_tell

#include "ot_accesslist.h"
#include "ot_mutex.h"
#include "ot_stats.h"

#ifdef WANT_SYNC_LIVE

enum { PEER_IP_SIZE = sizeof( ot_peer ) - 4 };

#include "livesync_adapter.h"

void livesync_tell( const void *info_hash, const ot_peer *peer ) {
  announce( info_hash, peer->data );
}

static int is_allowed( const uint8_t *ip, void *unused ) {
  char address[16];
  (void)unused;
  memcpy( address, ip, sizeof address );
  return accesslist_isblessed( address, OT_PERMISSION_MAY_LIVESYNC );
}

static void add_peer( const uint8_t *info_hash, const livesync_peer_t *announced, void *unused ) {
  ot_hash hash;
  ot_peer peer;
  (void)unused;
  memcpy( hash, info_hash, sizeof hash );
  write_peer( peer.data, announced );
  add_peer_to_torrent_and_return_peers( (void *)hash, &peer, FLAG_MCA, 0, NULL );
}

static void remove_peer( const uint8_t *info_hash, const livesync_peer_t *announced, void *unused ) {
  ot_hash hash;
  ot_peer peer;
  (void)unused;
  memcpy( hash, info_hash, sizeof hash );
  write_peer( peer.data, announced );
  remove_peer_from_torrent( (void *)hash, &peer, NULL, FLAG_MCA );
}

#endif
