/* The announces of the test tracker from 22 April 2010 on. */

#include "tracker.h"

#include <string.h>

ot_peerlist **peer_list( ot_torrent *torrent, int number ) {
  return number == 0 ? &torrent->peer_list : NULL;
}

static uint8_t *bytes_of( ot_peer *peer ) { return (uint8_t *)peer; }

static void expect_from_sync( const char *what, struct ot_workstruct *ws ) {
  if( ws->reply || ws->outbuf || ws->peer_id ) broken( "more than hash and peer in a workstruct" );
  say_from_sync( what, *ws->hash, bytes_of( &ws->peer ), OT_IP_SIZE );
}

size_t add_peer_to_torrent_and_return_peers( PROTO_FLAG proto, struct ot_workstruct *ws, size_t amount ) {
  int delta = 0;
  ot_vector *bucket = mutex_bucket_lock_by_hash( *ws->hash );
  ot_torrent *torrent = torrent_of( bucket, *ws->hash, &delta );
  if( !torrent ) goto unlock;
  if( proto == FLAG_MCA ) {
    if( amount ) broken( "a reply to sync" );
    expect_from_sync( "add", ws );
  }
  if( put_peer( torrent->peer_list, bytes_of( &ws->peer ), sizeof ws->peer ) && proto != FLAG_MCA ) livesync_tell( ws );
unlock:
  mutex_bucket_unlock_by_hash( *ws->hash, delta );
  memset( &ws->peer, 0xee, sizeof ws->peer );
  return 0;
}

size_t remove_peer_from_torrent( PROTO_FLAG proto, struct ot_workstruct *ws ) {
  ot_vector *bucket = mutex_bucket_lock_by_hash( *ws->hash );
  ot_torrent *torrent = known_torrent( bucket, *ws->hash );
  if( proto == FLAG_MCA ) expect_from_sync( "remove", ws );
  else {
    bytes_of( &ws->peer )[OT_IP_SIZE + 2] |= STOPPED;
    livesync_tell( ws );
  }
  if( torrent ) take_peer( torrent->peer_list, bytes_of( &ws->peer ), sizeof ws->peer );
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
  memcpy( bytes_of( &ws.peer ), ip + 16 - OT_IP_SIZE, OT_IP_SIZE );
  memcpy( bytes_of( &ws.peer ) + OT_IP_SIZE, port, 2 );
  bytes_of( &ws.peer )[OT_IP_SIZE + 2] = flags;
  bytes_of( &ws.peer )[OT_IP_SIZE + 3] = 0x77;
  if( flags & STOPPED ) remove_peer_from_torrent( FLAG_UDP, &ws );
  else add_peer_to_torrent_and_return_peers( FLAG_UDP, &ws, 1 );
}
