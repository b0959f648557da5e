/* Live sync for the opentracker of today, which has IPv4 and IPv6 peers in one table
   (its trackerlogic.h knows ot_peer6, its ot_accesslist.h accesslist_is_blessed).

   Put it in the place of ot_livesync.c, and have livesync.h and livesync_adapter.h
   in the include path. */

#include "ot_livesync.h"

#include "ot_accesslist.h"
#include "ot_mutex.h"
#include "ot_stats.h"

#ifdef WANT_SYNC_LIVE

/* The peer in a workstruct is an ot_peer6; in it an IPv4 address lies v4-mapped, and
   by that the tracker knows which of the two lists the peer belongs to. */
enum { PEER_IP_SIZE = OT_IP_SIZE6 };
#define PEER_LISTS( torrent ) { &( torrent )->peer_list6, &( torrent )->peer_list4 }

#include "livesync_adapter.h"

void livesync_tell( struct ot_workstruct *ws ) {
  announce( ws->hash, ws->peer );
}

static int is_blessed( const uint8_t *ip, void *unused ) {
  ot_ip6 address;
  (void)unused;
  memcpy( address, ip, sizeof address );
  return accesslist_is_blessed( address, OT_PERMISSION_MAY_LIVESYNC );
}

static void fill( struct ot_workstruct *ws, ot_hash *hash, const uint8_t *info_hash, const livesync_peer_t *peer );

static void add_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *unused ) {
  struct ot_workstruct ws;
  ot_hash hash;
  (void)unused;
  fill( &ws, &hash, info_hash, peer );
  add_peer_to_torrent_and_return_peers( FLAG_MCA, &ws, 0 );
}

static void remove_peer( const uint8_t *info_hash, const livesync_peer_t *peer, void *unused ) {
  struct ot_workstruct ws;
  ot_hash hash;
  (void)unused;
  fill( &ws, &hash, info_hash, peer );
  remove_peer_from_torrent( FLAG_MCA, &ws );
}

/* All but hash and peer stays zero: no peer id, and no buffer for a reply, which
   FLAG_MCA does not ask for. */
static void fill( struct ot_workstruct *ws, ot_hash *hash, const uint8_t *info_hash, const livesync_peer_t *peer ) {
  memset( ws, 0, sizeof *ws );
  ws->hash = hash;
  memcpy( hash, info_hash, sizeof *hash );
  write_peer( ws->peer, peer );
}

#endif
