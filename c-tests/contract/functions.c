/* The tracker's functions that the library finds by name and calls; and a client's announce,
   which does the same as one of them. */

#include "contract.h"

#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "rules.h"
#include "system.h"
#include "table.h"

enum { OT_PERMISSION_MAY_LIVESYNC = 0x4 };
enum { PEER_ADDRESS_SIZE = 6 };

#ifdef EVENT_6
enum { EVENT_SYNC = 6 };
#else
enum { EVENT_SYNC = 5 };
#endif

int accesslist_isblessed(char *ip, int permissions);
size_t add_peer_to_torrent_and_return_peers(ot_hash *hash, ot_peer *peer, int proto, size_t amount,
                                            char *reply);
size_t remove_peer_from_torrent(ot_hash *hash, ot_peer *peer, char *reply, int proto);
#ifdef EVENT_6
void stats_issue_event(int event, int proto, uintptr_t data);
typedef uintptr_t event_data;
#else
void stats_issue_event(int event, int proto, uint32_t data);
typedef uint32_t event_data;
#endif
size_t mutex_get_torrent_count(void);
ot_vector *mutex_bucket_lock(int bucket);
ot_vector *mutex_bucket_lock_by_hash(ot_hash *hash);
void mutex_bucket_unlock(int bucket, int delta_torrentcount);
void mutex_bucket_unlock_by_hash(ot_hash *hash, int delta_torrentcount);
void *vector_find_or_insert(ot_vector *vector, void *key, size_t member_size, size_t compare_size,
                            int *exactmatch);
void vector_remove_torrent(ot_vector *vector, ot_torrent *match);

atomic_bool reversed, blessing = true;

/* The bucket that the library has locked on this thread. */
static _Thread_local struct {
    const ot_vector *vector;
    bool by_hash;
    size_t size; /* its size at that time */
} locked;

static void apply(ot_hash *hash, ot_peer *peer, int proto);

void host_announce(ot_hash *hash, ot_peer *peer) { apply(hash, peer, FLAG_UDP); }

int accesslist_isblessed(char *ip, int permissions)
{
    library_begins(ISBLESSED);
    if (permissions != OT_PERMISSION_MAY_LIVESYNC)
        broken("accesslist_isblessed with permissions %d", permissions);
    if (memcmp(ip, localhost, ADDRESS_SIZE))
        broken("accesslist_isblessed with an address that is not 127.0.0.1");
    check_packet_begins();
    memset(ip, 0xee, ADDRESS_SIZE);
    library_ends();
    return blessing;
}

size_t add_peer_to_torrent_and_return_peers(ot_hash *hash, ot_peer *peer, int proto, size_t amount,
                                            char *reply)
{
    library_begins(ADD);
    check_peer_call(ADD, hash, peer, proto, amount, reply);
    apply(hash, peer, FLAG_MCA);
    count_peer();
    library_ends();
    return 0;
}

size_t remove_peer_from_torrent(ot_hash *hash, ot_peer *peer, char *reply, int proto)
{
    int bucket;
    ot_vector *vector;
    size_t index;
    bool found;

    /* Used for a client, whose goodbyes the tracker announces with the bucket locked:
       livesync_init checks how the tracker does it. */
    if (proto != FLAG_MCA) {
        table_lock(bucket = bucket_of(hash));
        peer->data[6] |= 0x20;
        livesync_tell(hash, peer);
        table_unlock(bucket, 0);
        return 0;
    }
    library_begins(REMOVE);
    check_peer_call(REMOVE, hash, peer, proto, 0, reply);
    vector = table_lock(bucket = bucket_of(hash));
    index = vector_search(vector, hash, sizeof(ot_torrent), sizeof *hash, &found);
    if (found) {
        ot_peerlist *swarm = ((ot_torrent *)vector->data)[index].peer_list;
        ot_peer *peers = swarm->peers.data;
        index = vector_search(&swarm->peers, peer, sizeof *peer, PEER_ADDRESS_SIZE, &found);
        if (found) {
            swarm->peer_count--;
            swarm->peers.size--;
            memmove(peers + index, peers + index + 1,
                    (swarm->peers.size - index) * sizeof *peers);
        }
    }
    if (reversed)
        livesync_tell(hash, peer);
    table_unlock(bucket, 0);
    memset(hash, 0xee, sizeof *hash);
    memset(peer, 0xee, sizeof *peer);
    count_peer();
    library_ends();
    return 0;
}

void stats_issue_event(int event, int proto, event_data data)
{
    library_begins(EVENT);
    if (event != EVENT_SYNC || proto != 0)
        broken("stats_issue_event(%d, %d, …), not (%d, 0, …)", event, proto, EVENT_SYNC);
    check_packet_ends(data);
    library_ends();
}

size_t mutex_get_torrent_count(void)
{
    library_begins(COUNT);
    library_ends();
    return table_count();
}

static ot_vector *lock_for_library(int bucket, bool by_hash)
{
    ot_vector *vector = table_lock(bucket);

    locked.vector = vector;
    locked.by_hash = by_hash;
    locked.size = vector->size;
    return vector;
}

static void unlock_for_library(int bucket, bool by_hash, int delta)
{
    if (locked_bucket() != bucket || locked.by_hash != by_hash)
        broken("unlocks bucket %d%s, but has locked %d%s", bucket, by_hash ? " by hash" : "",
               locked_bucket(), locked.by_hash ? " by hash" : "");
    if (locked.vector->size - locked.size != (size_t)delta)
        broken("unlocks bucket %d with delta %d, but it had %zu torrents and now has %zu", bucket,
               delta, locked.size, locked.vector->size);
    table_check(bucket);
    table_unlock(bucket, delta);
    library_ends();
}

ot_vector *mutex_bucket_lock(int bucket)
{
    library_begins(WALK);
    if (bucket < 0 || bucket >= OT_BUCKET_COUNT)
        broken("mutex_bucket_lock(%d)", bucket);
    return lock_for_library(bucket, false);
}

ot_vector *mutex_bucket_lock_by_hash(ot_hash *hash)
{
    library_begins(BY_HASH);
    return lock_for_library(bucket_of(hash), true);
}

void mutex_bucket_unlock(int bucket, int delta_torrentcount)
{
    unlock_for_library(bucket, false, delta_torrentcount);
}

void mutex_bucket_unlock_by_hash(ot_hash *hash, int delta_torrentcount)
{
    unlock_for_library(bucket_of(hash), true, delta_torrentcount);
}

void *vector_find_or_insert(ot_vector *vector, void *key, size_t member_size, size_t compare_size,
                            int *exactmatch)
{
    size_t index;
    bool found;

    library_goes_on(INSERT, vector);
    if (member_size != sizeof(ot_torrent) || compare_size != sizeof(ot_hash))
        broken("vector_find_or_insert with sizes %zu and %zu", member_size, compare_size);
    if (bucket_of(key) != locked_bucket())
        broken("vector_find_or_insert of a torrent of another bucket");
    index = vector_search(vector, key, member_size, compare_size, &found);
    *exactmatch = found;
    if (found)
        return (ot_torrent *)vector->data + index;
    if (memory == NONE_FOR_TORRENTS)
        return NULL;
    return memset(vector_insert(vector, index, member_size), 0xdb, member_size);
}

void vector_remove_torrent(ot_vector *vector, ot_torrent *match)
{
    ot_torrent *torrents = vector->data;

    library_goes_on(REMOVE_TORRENT, vector);
    if (match < torrents || match >= torrents + vector->size)
        broken("vector_remove_torrent of one that is not there");
    if (match->peer_list) {
        free(match->peer_list->peers.data);
        free(match->peer_list);
    }
    vector->size--;
    memmove(match, match + 1, (size_t)(torrents + vector->size - match) * sizeof *match);
}

/* Adds the peer and announces it, with the bucket locked; scribbles over both. */
static void apply(ot_hash *hash, ot_peer *peer, int proto)
{
    int bucket = bucket_of(hash), delta = 0;
    ot_vector *vector = table_lock(bucket);
    bool found;
    size_t index = vector_search(vector, hash, sizeof(ot_torrent), sizeof *hash, &found);
    ot_torrent *torrent;
    ot_peerlist *swarm;

    if (!found) {
        torrent = vector_insert(vector, index, sizeof *torrent);
        memcpy(torrent->hash, hash, sizeof *hash);
        torrent->peer_list = allocate(NULL, sizeof *torrent->peer_list);
        memset(torrent->peer_list, 0, sizeof *torrent->peer_list);
        delta = 1;
    }
    swarm = ((ot_torrent *)vector->data)[index].peer_list;
    swarm->base = now_minutes();
    index = vector_search(&swarm->peers, peer, sizeof *peer, PEER_ADDRESS_SIZE, &found);
    if (!found) {
        vector_insert(&swarm->peers, index, sizeof *peer);
        swarm->peer_count++;
    }
    ((ot_peer *)swarm->peers.data)[index] = *peer;

    if (reversed == (proto == FLAG_MCA)) {
        enum place before = host_place();
        if (proto == FLAG_UDP)
            go_to(IN_TELL);
        livesync_tell(hash, peer);
        go_to(before);
    }
    memset(hash, 0xee, sizeof *hash);
    memset(peer, 0xee, sizeof *peer);
    table_unlock(bucket, delta);
}
