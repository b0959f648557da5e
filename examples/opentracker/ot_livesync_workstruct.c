/* Live sync for opentracker revisions from 22 April 2010 on, up to today's: those whose
   livesync_tell() takes a workstruct.

   Replace ot_livesync.c by this file, and put livesync.h and livesync_adapter.h in the include
   path. */

#include "ot_livesync.h"

#include "ot_accesslist.h"
#include "ot_mutex.h"
#include "ot_stats.h"

#ifdef WANT_SYNC_LIVE

/* A peer used to be a struct, and is now an array, of an address and four bytes more. In
   trees that have IPv4 and IPv6 peers in one table, a workstruct has room for either. An
   IPv4 address in it is v4-mapped, which tells the tracker to which list the peer belongs. */
enum { PEER_IP_SIZE = sizeof( ( (struct ot_workstruct *)0 )->peer ) - 4 };

#include "livesync_adapter.h"

void livesync_tell( struct ot_workstruct *ws ) {
  announce( ws->hash, (const uint8_t *)&ws->peer );
}

/* The tracker has one of these two functions; the second name is that of 29 March 2024 and
   later. */
static int isblessed( char *ip, ot_permissions permissions ) __attribute__(( weakref( "accesslist_isblessed" ) ));
static int isblessed_of_2024( char *ip, ot_permissions permissions ) __attribute__(( weakref( "accesslist_is_blessed" ) ));

static int is_allowed( const uint8_t *ip, void *unused ) {
  char address[16];
  (void)unused;
  memcpy( address, ip, sizeof address );
  return ( isblessed ? isblessed : isblessed_of_2024 )( address, OT_PERMISSION_MAY_LIVESYNC );
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

/* Everything but hash and peer stays zero: no peer id, and no buffer for a reply, since
   FLAG_MCA requests none. */
static void fill( struct ot_workstruct *ws, ot_hash *hash, const uint8_t *info_hash, const livesync_peer_t *peer ) {
  memset( ws, 0, sizeof *ws );
  ws->hash = hash;
  memcpy( hash, info_hash, sizeof *hash );
  write_peer( (uint8_t *)&ws->peer, peer );
}

#endif
