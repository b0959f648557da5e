/* A tracker for tests of the adapters: what tracker.c and table.c, the same for all
   generations, and the logic.c of each want of each other. */

#ifndef TRACKER_H
#define TRACKER_H

#include "ot_livesync.h"

#include "ot_accesslist.h"
#include "ot_mutex.h"
#include "ot_stats.h"

enum { STOPPED = 0x20 };

/* logic.c: a client announces itself or, with STOPPED in flags, says goodbye. The
   address is 16 bytes; the port is in network byte order. */
void client_announces( ot_hash hash, const ot_ip6 ip, const uint8_t *port, uint8_t flags );

/* logic.c: a torrent's peer lists, from 0; NULL behind the last one. */
ot_peerlist **peer_list( ot_torrent *torrent, int number );

/* The contract is broken: ends the process, which fails the test. */
void broken( const char *what );

/* Prints what the library wants; the peer's address is its first bytes. */
void say_from_sync( const char *what, const uint8_t *hash, const uint8_t *peer, size_t ip_size );

/* table.c: to be called before a lock is used. */
void locks_init( void );

int bucket_of( const uint8_t *hash );

/* Frees the torrents of a bucket, which is locked, as the tracker does when it goes down:
   the vector stays as it is. */
void free_torrents( ot_vector *bucket );

/* The torrent in the bucket, which is locked; made if need be. NULL, and the bucket is
   not to be touched, when the tracker goes down. */
ot_torrent *torrent_of( ot_vector *bucket, void *hash, int *delta_torrentcount );

/* As above, but not made: NULL if the bucket has none of it, too. */
ot_torrent *known_torrent( ot_vector *bucket, void *hash );

/* A peer is its address and port, then two bytes. put_peer() returns 1 for a new one. */
int  put_peer( ot_peerlist *list, const uint8_t *peer, size_t size );
void take_peer( ot_peerlist *list, const uint8_t *peer, size_t size );

#endif
