#include "table.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

/* The one byte for a peer's age counts steps of a 45th of the expiry time: a minute at the
   default of 2700 seconds, as in opentracker. */
enum { AGE_LIMIT = 45 };

enum { TORRENT_TIMEOUT_MINUTES = 24 * 60 };

static ot_vector buckets[OT_BUCKET_COUNT];
static pthread_mutex_t locks[OT_BUCKET_COUNT];
static atomic_size_t torrent_count;
static const ot_peerlist no_peers;

static time_t age_step, last_aged;
static unsigned age_limit;

static ot_torrent *find_torrent(ot_vector *bucket, ot_hash *hash);
static ot_torrent *find_or_add_torrent(ot_vector *bucket, ot_hash *hash, int *added);
static int forget_old_peers(ot_torrent *torrent, time_t steps);
static void count_peer(ot_peerlist *swarm, const ot_peer *peer, int sign);
static size_t write_counts(const ot_peerlist *swarm, char *reply);
static size_t write_peers(const ot_peerlist *swarm, const ot_peer *asker, size_t amount, char *out);
static void tell(ot_hash *hash, const ot_peer *peer, int proto);
static void say(char sign, ot_hash *hash, const ot_peer *peer, const char *what, int proto);
static size_t vector_search(const ot_vector *vector, const void *key, size_t element_size,
                            size_t compare_size, int *exactmatch);
static void vector_remove(ot_vector *vector, size_t index, size_t element_size);
static time_t monotonic_seconds(void);

void table_init(unsigned expiry)
{
    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++)
        pthread_mutex_init(&locks[bucket], NULL);
    age_step = (expiry + AGE_LIMIT - 1) / AGE_LIMIT;
    age_limit = (expiry + (unsigned)age_step - 1) / (unsigned)age_step;
    last_aged = monotonic_seconds();
}

size_t add_peer_to_torrent_and_return_peers(ot_hash *hash, ot_peer *peer, int proto, size_t amount,
                                            char *reply)
{
    int added, known;
    size_t length = 0;
    ot_vector *bucket = mutex_bucket_lock_by_hash(hash);
    ot_torrent *torrent = find_or_add_torrent(bucket, hash, &added);
    ot_peer *mine = torrent ? vector_find_or_insert(&torrent->peer_list->peers, peer, sizeof *peer,
                                                    PEER_ADDRESS_SIZE, &known)
                            : NULL;

    if (mine) {
        ot_peerlist *swarm = torrent->peer_list;
        int completed_before = known && mine->data[PEER_FLAGS] & PEER_FLAG_COMPLETED;

        tell(hash, peer, proto);

        peer->data[PEER_FLAGS] &= PEER_FLAG_SEEDING | PEER_FLAG_COMPLETED;
        peer->data[PEER_AGE] = 0;
        /* A client that announces its completion twice counts as one download. */
        if (completed_before)
            peer->data[PEER_FLAGS] |= PEER_FLAG_COMPLETED;
        else if (peer->data[PEER_FLAGS] & PEER_FLAG_COMPLETED)
            swarm->down_count++;

        if (known)
            count_peer(swarm, mine, -1);
        *mine = *peer;
        count_peer(swarm, mine, +1);
        swarm->base = g_now_seconds / 60;

        say(known ? '=' : '+', hash, mine,
            mine->data[PEER_FLAGS] & PEER_FLAG_SEEDING ? "seeder" : "leecher", proto);
        if (reply) {
            length = write_counts(swarm, reply);
            length += write_peers(swarm, mine, amount, reply + length);
        }
    }
    mutex_bucket_unlock_by_hash(hash, added);
    return length;
}

size_t remove_peer_from_torrent(ot_hash *hash, ot_peer *peer, char *reply, int proto)
{
    size_t length = 0;
    ot_vector *bucket = mutex_bucket_lock_by_hash(hash);
    ot_torrent *torrent = find_torrent(bucket, hash);

    /* Announced even if we do not know the peer: another tracker may know it. */
    peer->data[PEER_FLAGS] |= PEER_FLAG_STOPPED;
    tell(hash, peer, proto);

    if (torrent) {
        ot_vector *peers = &torrent->peer_list->peers;
        int known;
        size_t index = vector_search(peers, peer, sizeof *peer, PEER_ADDRESS_SIZE, &known);
        if (known) {
            count_peer(torrent->peer_list, (ot_peer *)peers->data + index, -1);
            vector_remove(peers, index, sizeof *peer);
            say('-', hash, peer, "stopped", proto);
        }
    }
    if (reply)
        length = write_counts(torrent ? torrent->peer_list : &no_peers, reply);
    mutex_bucket_unlock_by_hash(hash, 0);
    return length;
}

void table_scrape(ot_hash *hash, char *reply)
{
    ot_vector *bucket = mutex_bucket_lock_by_hash(hash);
    ot_torrent *torrent = find_torrent(bucket, hash);

    const ot_peerlist *swarm = torrent ? torrent->peer_list : &no_peers;
    const uint32_t counts[] = {
        htonl((uint32_t)swarm->seed_count),
        htonl((uint32_t)swarm->down_count),
        htonl((uint32_t)(swarm->peer_count - swarm->seed_count)),
    };

    memcpy(reply, counts, sizeof counts);
    mutex_bucket_unlock_by_hash(hash, 0);
}

void table_expire(void)
{
    time_t steps = (monotonic_seconds() - last_aged) / age_step;

    if (steps == 0)
        return;
    last_aged += steps * age_step;
    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++) {
        ot_vector *torrents = mutex_bucket_lock(bucket);
        int removed = 0;
        for (size_t i = 0; i < torrents->size;) {
            ot_torrent *torrent = (ot_torrent *)torrents->data + i;
            if (forget_old_peers(torrent, steps)) {
                vector_remove_torrent(torrents, torrent);
                removed++;
            } else {
                i++;
            }
        }
        mutex_bucket_unlock(bucket, -removed);
    }
}

void table_free(void)
{
    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++) {
        ot_vector *torrents = mutex_bucket_lock(bucket);
        int removed = (int)torrents->size;
        while (torrents->size)
            vector_remove_torrent(torrents, (ot_torrent *)torrents->data + torrents->size - 1);
        free(torrents->data);
        *torrents = (ot_vector){0};
        mutex_bucket_unlock(bucket, -removed);
    }
}

size_t mutex_get_torrent_count(void)
{
    return torrent_count;
}

static int bucket_of(ot_hash *hash)
{
    return (*hash)[0] << 2 | (*hash)[1] >> 6;
}

ot_vector *mutex_bucket_lock(int bucket)
{
    pthread_mutex_lock(&locks[bucket]);
    return &buckets[bucket];
}

ot_vector *mutex_bucket_lock_by_hash(ot_hash *hash)
{
    return mutex_bucket_lock(bucket_of(hash));
}

void mutex_bucket_unlock(int bucket, int delta_torrentcount)
{
    torrent_count += (size_t)delta_torrentcount;
    pthread_mutex_unlock(&locks[bucket]);
}

void mutex_bucket_unlock_by_hash(ot_hash *hash, int delta_torrentcount)
{
    mutex_bucket_unlock(bucket_of(hash), delta_torrentcount);
}

void *vector_find_or_insert(ot_vector *vector, void *key, size_t element_size, size_t compare_size,
                            int *exactmatch)
{
    size_t index = vector_search(vector, key, element_size, compare_size, exactmatch);

    if (!*exactmatch && vector->size == vector->space) {
        size_t space = vector->space ? 2 * vector->space : 8;
        void *data = realloc(vector->data, space * element_size);
        if (!data)
            return NULL;
        vector->data = data;
        vector->space = space;
    }
    char *element = (char *)vector->data + index * element_size;
    if (!*exactmatch)
        memmove(element + element_size, element, (vector->size++ - index) * element_size);
    return element;
}

void vector_remove_torrent(ot_vector *vector, ot_torrent *match)
{
    if (match->peer_list) {
        free(match->peer_list->peers.data);
        free(match->peer_list);
    }
    vector_remove(vector, (size_t)(match - (ot_torrent *)vector->data), sizeof *match);
}

static ot_torrent *find_torrent(ot_vector *bucket, ot_hash *hash)
{
    int found;
    size_t index = vector_search(bucket, hash, sizeof(ot_torrent), sizeof *hash, &found);
    return found ? (ot_torrent *)bucket->data + index : NULL;
}

static ot_torrent *find_or_add_torrent(ot_vector *bucket, ot_hash *hash, int *added)
{
    int found;
    ot_torrent *torrent =
        vector_find_or_insert(bucket, hash, sizeof *torrent, sizeof *hash, &found);

    *added = 0;
    if (!torrent || found)
        return torrent;
    memcpy(torrent->hash, hash, sizeof *hash);
    torrent->peer_list = calloc(1, sizeof *torrent->peer_list);
    if (!torrent->peer_list) {
        vector_remove_torrent(bucket, torrent);
        return NULL;
    }
    *added = 1;
    return torrent;
}

/* Ages the peers by this number of steps. Returns true if the torrent may go, too: it has no
   peers, and its last announce is long ago. */
static int forget_old_peers(ot_torrent *torrent, time_t steps)
{
    ot_peerlist *swarm = torrent->peer_list;
    ot_peer *peers = swarm->peers.data;
    size_t kept = 0;

    for (size_t i = 0; i < swarm->peers.size; i++) {
        /* The first step may have begun just before the announce, so a peer stays until it
           is past the limit. */
        time_t age = peers[i].data[PEER_AGE] + steps;
        if (age > (time_t)age_limit) {
            count_peer(swarm, &peers[i], -1);
            say('-', &torrent->hash, &peers[i], "expired", FLAG_UDP);
        } else {
            peers[i].data[PEER_AGE] = (uint8_t)age;
            peers[kept++] = peers[i];
        }
    }
    swarm->peers.size = kept;
    return !kept && g_now_seconds / 60 - swarm->base > TORRENT_TIMEOUT_MINUTES;
}

static void count_peer(ot_peerlist *swarm, const ot_peer *peer, int sign)
{
    swarm->peer_count += (size_t)sign;
    if (peer->data[PEER_FLAGS] & PEER_FLAG_SEEDING)
        swarm->seed_count += (size_t)sign;
}

static size_t write_counts(const ot_peerlist *swarm, char *reply)
{
    const uint32_t counts[] = {
        htonl((uint32_t)(swarm->peer_count - swarm->seed_count)),
        htonl((uint32_t)swarm->seed_count),
    };
    memcpy(reply, counts, sizeof counts);
    return sizeof counts;
}

/* Picks peers that are useful to the client, each with the same chance: walks through all of
   them, and takes the next with probability (still wanted / still to come). */
static size_t write_peers(const ot_peerlist *swarm, const ot_peer *asker, size_t amount, char *out)
{
    const ot_peer *peer = swarm->peers.data;
    int seeding = asker->data[PEER_FLAGS] & PEER_FLAG_SEEDING;
    size_t to_come = swarm->peer_count - (seeding ? swarm->seed_count : 1);
    size_t taken = 0;

    for (; amount > taken && to_come; peer++) {
        if (peer == asker || (seeding && peer->data[PEER_FLAGS] & PEER_FLAG_SEEDING))
            continue;
        if ((size_t)random() % to_come-- < amount - taken)
            memcpy(out + PEER_ADDRESS_SIZE * taken++, peer, PEER_ADDRESS_SIZE);
    }
    return PEER_ADDRESS_SIZE * taken;
}

/* Announces every local change to the other trackers, with the bucket locked. Announces that
   came from other trackers stay here, or they would circle for ever. */
static void tell(ot_hash *hash, const ot_peer *peer, int proto)
{
#ifdef WANT_SYNC_LIVE
    if (g_syncing && proto != FLAG_MCA)
        livesync_tell(hash, peer);
#else
    (void)hash, (void)peer, (void)proto;
#endif
}

static void say(char sign, ot_hash *hash, const ot_peer *peer, const char *what, int proto)
{
    char hex[2 * sizeof *hash + 1], ip[INET_ADDRSTRLEN];

    if (!g_verbose)
        return;
    for (size_t i = 0; i < sizeof *hash; i++)
        sprintf(hex + 2 * i, "%02x", (*hash)[i]);
    inet_ntop(AF_INET, peer->data + PEER_IP, ip, sizeof ip);
    printf("%c %s %s:%d %s%s\n", sign, hex, ip,
           peer->data[PEER_PORT] << 8 | peer->data[PEER_PORT + 1], what,
           proto == FLAG_MCA ? " from sync" : "");
}

/* Returns the index of the element that starts with key, or the place where it would be. */
static size_t vector_search(const ot_vector *vector, const void *key, size_t element_size,
                            size_t compare_size, int *exactmatch)
{
    const char *data = vector->data;
    size_t low = 0, high = vector->size;

    *exactmatch = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(data + middle * element_size, key, compare_size);
        if (order == 0) {
            *exactmatch = 1;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void vector_remove(ot_vector *vector, size_t index, size_t element_size)
{
    char *element = (char *)vector->data + index * element_size;
    memmove(element, element + element_size, (--vector->size - index) * element_size);
}

/* Ages must not follow the wall clock when somebody sets it. */
static time_t monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}
