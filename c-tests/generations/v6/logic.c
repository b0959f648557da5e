/* The announces of the test tracker until 21 April 2010. */

#include "tracker.h"

#include <string.h>

ot_peerlist **peer_list( ot_torrent *torrent, int number ) {
  return number == 0 ? &torrent->peer_list : NULL;
}

size_t add_peer_to_torrent_and_return_peers( HASH_PARAMETER( hash ), ot_peer *peer, PROTO_FLAG proto, size_t amount, char *reply ) {
  int delta = 0;
  ot_vector *bucket = mutex_bucket_lock_by_hash( hash );
  ot_torrent *torrent = torrent_of( bucket, hash, &delta );
  if( !torrent ) goto unlock;
  if( proto == FLAG_MCA ) {
    if( amount || reply ) broken( "a reply to sync" );
    say_from_sync( "add", (uint8_t *)hash, peer->data, OT_IP_SIZE );
  }
  if( put_peer( torrent->peer_list, peer->data, sizeof *peer ) && proto != FLAG_MCA ) livesync_tell( hash, peer );
unlock:
  mutex_bucket_unlock_by_hash( hash, delta );
  memset( peer, 0xee, sizeof *peer );
  return 0;
}

size_t remove_peer_from_torrent( HASH_PARAMETER( hash ), ot_peer *peer, char *reply, PROTO_FLAG proto ) {
  ot_vector *bucket = mutex_bucket_lock_by_hash( hash );
  ot_torrent *torrent = known_torrent( bucket, hash );
  if( proto == FLAG_MCA ) {
    if( reply ) broken( "a reply to sync" );
    say_from_sync( "remove", (uint8_t *)hash, peer->data, OT_IP_SIZE );
  } else {
    peer->data[OT_IP_SIZE + 2] |= STOPPED;
    livesync_tell( hash, peer );
  }
  if( torrent ) take_peer( torrent->peer_list, peer->data, sizeof *peer );
  mutex_bucket_unlock_by_hash( hash, 0 );
  memset( peer, 0xee, sizeof *peer );
  return 0;
}

void client_announces( ot_hash hash, const ot_ip6 ip, const uint8_t *port, uint8_t flags ) {
  static char reply[16];
  ot_hash copy;
  ot_peer peer;
  memcpy( copy, hash, sizeof copy );
  memcpy( peer.data, ip + 16 - OT_IP_SIZE, OT_IP_SIZE );
  memcpy( peer.data + OT_IP_SIZE, port, 2 );
  peer.data[OT_IP_SIZE + 2] = flags;
  peer.data[OT_IP_SIZE + 3] = 0x77;
  if( flags & STOPPED ) remove_peer_from_torrent( HASH_ARGUMENT( copy ), &peer, reply, FLAG_UDP );
  else add_peer_to_torrent_and_return_peers( HASH_ARGUMENT( copy ), &peer, FLAG_UDP, 1, reply );
}
