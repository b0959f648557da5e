#include "table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "place.h"
#include "system.h"

static ot_vector buckets[OT_BUCKET_COUNT];
static pthread_mutex_t locks[OT_BUCKET_COUNT];
static atomic_size_t torrent_count;

static bool lock_patiently(int bucket);

__attribute__((constructor)) static void prepare_locks(void)
{
    pthread_mutexattr_t checking;

    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++)
        pthread_mutex_init(&locks[bucket], &checking);
}

int bucket_of(const void *hash)
{
    const uint8_t *bytes = hash;

    return bytes[0] << 2 | bytes[1] >> 6;
}

ot_vector *table_lock(int bucket)
{
    int error = pthread_mutex_lock(&locks[bucket]);

    if (error)
        broken("bucket %d cannot be locked: %s", bucket, strerror(error));
    set_locked_bucket(bucket);
    return &buckets[bucket];
}

void table_unlock(int bucket, int delta)
{
    int error;

    torrent_count += (size_t)delta;
    set_locked_bucket(-1);
    error = pthread_mutex_unlock(&locks[bucket]);
    if (error)
        broken("bucket %d cannot be unlocked: %s", bucket, strerror(error));
}

size_t table_count(void) { return torrent_count; }

bool table_has_locked(const ot_vector *vector)
{
    int bucket = locked_bucket();

    return bucket >= 0 && vector == &buckets[bucket];
}

void table_check(int bucket)
{
    const ot_vector *vector = &buckets[bucket];
    const ot_torrent *torrents = vector->data;

    for (size_t i = 0; i < vector->size; i++) {
        const ot_peerlist *swarm = torrents[i].peer_list;
        if (bucket_of(torrents[i].hash) != bucket)
            broken("bucket %d has a torrent of another one", bucket);
        if (i && memcmp(torrents[i - 1].hash, torrents[i].hash, sizeof(ot_hash)) >= 0)
            broken("bucket %d is not sorted", bucket);
        if (!swarm || swarm->peer_count != swarm->peers.size || swarm->seed_count ||
            swarm->peers.size > swarm->peers.space || swarm->base < 0 ||
            swarm->base > now_minutes())
            broken("bucket %d has a torrent whose peer list is not sound", bucket);
    }
}

size_t vector_search(const ot_vector *vector, const void *key, size_t element_size,
                     size_t compare_size, bool *found)
{
    size_t low = 0, high = vector->size;

    *found = false;
    while (low < high && !*found) {
        size_t middle = (low + high) / 2;
        int order = memcmp((const char *)vector->data + middle * element_size, key, compare_size);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
        if (order == 0) {
            low = middle;
            *found = true;
        }
    }
    return low;
}

void *vector_insert(ot_vector *vector, size_t index, size_t element_size)
{
    char *element;

    if (vector->size == vector->space) {
        size_t space = vector->space ? 2 * vector->space : 4;
        vector->data = allocate(vector->data, space * element_size);
        vector->space = space;
    }
    element = (char *)vector->data + index * element_size;
    memmove(element + element_size, element, (vector->size++ - index) * element_size);
    return element;
}

void host_check_and_free(void)
{
    size_t count = 0;

    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++) {
        ot_vector *vector = table_lock(bucket);
        ot_torrent *torrents = vector->data;
        table_check(bucket);
        count += vector->size;
        for (size_t i = 0; i < vector->size; i++) {
            free(torrents[i].peer_list->peers.data);
            free(torrents[i].peer_list);
        }
        free(torrents);
        *vector = (ot_vector){0};
        table_unlock(bucket, 0);
    }
    if (count != torrent_count)
        broken("%zu torrents, but the deltas sum up to %zu", count, torrent_count);
    torrent_count = 0;
}

void host_destroy_torrents(void)
{
    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++) {
        ot_vector vector;

        if (!lock_patiently(bucket))
            continue;
        vector = buckets[bucket];
        buckets[bucket] = (ot_vector){0};
        for (size_t i = 0; i < vector.size; i++)
            memset(((ot_torrent *)vector.data)[i].peer_list, 0xdf, sizeof(ot_peerlist));
        if (vector.data)
            memset(vector.data, 0xdf, vector.space * sizeof(ot_torrent));
        torrent_count -= vector.size;
        pthread_mutex_unlock(&locks[bucket]);
    }
}

/* Locks a bucket, but not after a time limit: interrupted code may hold the lock. */
static bool lock_patiently(int bucket)
{
    const struct timespec millisecond = {0, 1000 * 1000};
    int tries = 10;

    if (bucket == locked_bucket())
        return false;
    while (pthread_mutex_trylock(&locks[bucket])) {
        if (!--tries)
            return false;
        nanosleep(&millisecond, NULL);
    }
    return true;
}
