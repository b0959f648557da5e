/* A tracker for tests of the adapters: the interface between tracker.c and table.c, the same
   for all generations, and the logic.c of each. */

#ifndef TRACKER_H
#define TRACKER_H

#include "ot_livesync.h"

#include "ot_accesslist.h"
#include "ot_mutex.h"
#include "ot_stats.h"

enum { STOPPED = 0x20 };

/* logic.c: a client announces itself or, with STOPPED in flags, leaves. The address is 16
   bytes; the port is in network byte order. */
void client_announces( ot_hash hash, const ot_ip6 ip, const uint8_t *port, uint8_t flags );

/* logic.c: returns a torrent's peer lists, from 0; NULL behind the last one. */
ot_peerlist **peer_list( ot_torrent *torrent, int number );

/* Reports a broken contract: ends the process, which fails the test. */
void broken( const char *what );

/* Prints a call of the library; the peer's address is its first bytes. */
void say_from_sync( const char *what, const uint8_t *hash, const uint8_t *peer, size_t ip_size );

/* table.c: call it before a lock is used. */
void locks_init( void );

int bucket_of( const uint8_t *hash );

/* Frees the torrents of a locked bucket, as the tracker does when it goes down: the vector
   stays unchanged. */
void free_torrents( ot_vector *bucket );

/* Returns the torrent in the locked bucket, and makes it if need be. Returns NULL when the
   tracker goes down; the bucket must not be touched then. */
ot_torrent *torrent_of( ot_vector *bucket, void *hash, int *delta_torrentcount );

/* Like torrent_of, but makes none: also returns NULL if the torrent is not there. */
ot_torrent *known_torrent( ot_vector *bucket, void *hash );

/* A peer is its address and port, then two bytes. put_peer() returns 1 for a new one. */
int  put_peer( ot_peerlist *list, const uint8_t *peer, size_t size );
void take_peer( ot_peerlist *list, const uint8_t *peer, size_t size );

#endif
