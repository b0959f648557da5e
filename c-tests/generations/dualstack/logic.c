/* The announces of the test tracker as of today: IPv4 and IPv6 peers in one table. */

#include "tracker.h"

#include <string.h>

ot_peerlist **peer_list( ot_torrent *torrent, int number ) {
  return number == 0 ? &torrent->peer_list6 : number == 1 ? &torrent->peer_list4 : NULL;
}

ot_peer *peer_from_peer6( ot_peer6 *peer, size_t *peer_size ) {
  static const uint8_t v4_mapped[12] = { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff };
  uint8_t *bytes = *peer;
  int is_v4 = !memcmp( bytes, v4_mapped, sizeof v4_mapped );
  *peer_size = is_v4 ? OT_PEER_SIZE4 : OT_PEER_SIZE6;
  return bytes + ( is_v4 ? sizeof v4_mapped : 0 );
}

static void expect_from_sync( const char *what, struct ot_workstruct *ws ) {
  size_t size;
  uint8_t *peer = peer_from_peer6( &ws->peer, &size );
  if( ws->reply || ws->outbuf || ws->peer_id ) broken( "more than hash and peer in a workstruct" );
  say_from_sync( what, *ws->hash, peer, size - 4 );
}

size_t add_peer_to_torrent_and_return_peers( PROTO_FLAG proto, struct ot_workstruct *ws, size_t amount ) {
  int delta = 0;
  size_t size;
  ot_vector *bucket = mutex_bucket_lock_by_hash( *ws->hash );
  ot_torrent *torrent = torrent_of( bucket, *ws->hash, &delta );
  uint8_t *peer = peer_from_peer6( &ws->peer, &size );
  if( !torrent ) goto unlock;
  if( proto == FLAG_MCA ) {
    if( amount ) broken( "a reply to sync" );
    expect_from_sync( "add", ws );
  }
  if( put_peer( size == OT_PEER_SIZE4 ? torrent->peer_list4 : torrent->peer_list6, peer, size ) && proto != FLAG_MCA )
    livesync_tell( ws );
unlock:
  mutex_bucket_unlock_by_hash( *ws->hash, delta );
  memset( &ws->peer, 0xee, sizeof ws->peer );
  return 0;
}

size_t remove_peer_from_torrent( PROTO_FLAG proto, struct ot_workstruct *ws ) {
  size_t size;
  ot_vector *bucket = mutex_bucket_lock_by_hash( *ws->hash );
  ot_torrent *torrent = known_torrent( bucket, *ws->hash );
  uint8_t *peer = peer_from_peer6( &ws->peer, &size );
  if( proto == FLAG_MCA ) expect_from_sync( "remove", ws );
  else {
    ws->peer[OT_IP_SIZE6 + 2] |= STOPPED;
    livesync_tell( ws );
  }
  if( torrent ) take_peer( size == OT_PEER_SIZE4 ? torrent->peer_list4 : torrent->peer_list6, peer, size );
  mutex_bucket_unlock_by_hash( *ws->hash, 0 );
  memset( &ws->peer, 0xee, sizeof ws->peer );
  return 0;
}

void client_announces( ot_hash hash, const ot_ip6 ip, const uint8_t *port, uint8_t flags ) {
  struct ot_workstruct ws;
  ot_hash copy;
  char buffer[16];
  memset( &ws, 0xee, sizeof ws );
  ws.hash = &copy;
  ws.peer_id = ws.reply = ws.outbuf = buffer;
  memcpy( copy, hash, sizeof copy );
  memcpy( ws.peer, ip, OT_IP_SIZE6 );
  memcpy( ws.peer + OT_IP_SIZE6, port, 2 );
  ws.peer[OT_IP_SIZE6 + 2] = flags;
  ws.peer[OT_IP_SIZE6 + 3] = 0x77;
  if( flags & STOPPED ) remove_peer_from_torrent( FLAG_UDP, &ws );
  else add_peer_to_torrent_and_return_peers( FLAG_UDP, &ws, 1 );
}
