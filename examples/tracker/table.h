/* The torrents and their peers, laid out and locked as in opentracker: 1024
   buckets by the first ten bits of the info_hash, each a sorted vector of
   torrents under a lock of its own. Any thread may call any of this. */

#ifndef TRACKER_TABLE_H
#define TRACKER_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "ot_livesync.h"

enum { OT_BUCKET_COUNT = 1024 };

/* Offsets and size of an ot_peer. */
enum { PEER_IP = 0, PEER_PORT = 4, PEER_FLAGS = 6, PEER_AGE = 7, PEER_ADDRESS_SIZE = 6 };

enum { PEER_FLAG_SEEDING = 0x80, PEER_FLAG_COMPLETED = 0x40, PEER_FLAG_STOPPED = 0x20 };

typedef struct {
    void *data;
    size_t size;  /* elements in use */
    size_t space; /* elements that fit into the memory */
} ot_vector;

typedef struct {
    time_t base; /* minute of the last announce */
    size_t seed_count;
    size_t peer_count;
    size_t down_count;
    ot_vector peers; /* elements are ot_peer, sorted by address and port */
} ot_peerlist;

typedef struct {
    ot_hash hash;
    ot_peerlist *peer_list; /* never NULL once the bucket is unlocked */
} ot_torrent;

/* The library reads these structures: the numbers are part of the contract. */
#ifdef __LP64__
_Static_assert(sizeof(ot_peer) == 8, "ot_peer");
_Static_assert(sizeof(ot_vector) == 24, "ot_vector");
_Static_assert(sizeof(ot_peerlist) == 56 && offsetof(ot_peerlist, peers) == 32, "ot_peerlist");
_Static_assert(sizeof(ot_torrent) == 32 && offsetof(ot_torrent, peer_list) == 24, "ot_torrent");
#endif

/* The library calls these functions, too. It passes FLAG_MCA as proto, no reply and no
   amount; we pass FLAG_UDP. A reply is the part of a BEP 15 announce reply after its
   interval: leechers, seeders, then up to amount peers of 6 bytes. The functions return its
   length, and 0 when memory is out. */
size_t add_peer_to_torrent_and_return_peers(ot_hash *hash, ot_peer *peer, int proto, size_t amount,
                                            char *reply);
size_t remove_peer_from_torrent(ot_hash *hash, ot_peer *peer, char *reply, int proto);

size_t mutex_get_torrent_count(void);
ot_vector *mutex_bucket_lock(int bucket);
ot_vector *mutex_bucket_lock_by_hash(ot_hash *hash);
void mutex_bucket_unlock(int bucket, int delta_torrentcount);
void mutex_bucket_unlock_by_hash(ot_hash *hash, int delta_torrentcount);

/* Finds the element that starts with key, or makes room for one, whose bytes the caller must
   set. Returns NULL when memory is out. */
void *vector_find_or_insert(ot_vector *vector, void *key, size_t element_size, size_t compare_size,
                            int *exactmatch);
void vector_remove_torrent(ot_vector *vector, ot_torrent *match);

/* The other files of this program use the rest. */

/* Sets the number of seconds after which a peer without an announce is forgotten. */
void table_init(unsigned expiry);

/* Forgets the peers and torrents whose time is up. Call it often, and from one thread only:
   mostly it finds no work. */
void table_expire(void);

/* Writes 12 bytes, as BEP 15 has them: seeders, completed, leechers. */
void table_scrape(ot_hash *hash, char *reply);

void table_free(void);

#endif
