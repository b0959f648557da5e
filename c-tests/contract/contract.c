#define _GNU_SOURCE
#include "contract.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLAG_TCP, FLAG_UDP, FLAG_MCA };
enum { OT_PERMISSION_MAY_LIVESYNC = 0x4 };
enum { PEER_FLAGS = 6, PEER_MINUTES = 7, PEER_ADDRESS_SIZE = 6, PEER_FLAG_FROM_SYNC = 0x10 };

#ifdef EVENT_6
enum { EVENT_SYNC = 6 };
#else
enum { EVENT_SYNC = 5 };
#endif
#ifdef WIDE
static const unsigned char localhost[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
#else
static const unsigned char localhost[] = {127, 0, 0, 1};
#endif

/* What the library finds by name. */
time_t g_now_seconds;
volatile int g_opentracker_running = 1;
uint32_t g_tracker_id;
void exerr(char *message);
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
void *__wrap_malloc(size_t size), *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size), *__real_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size), *__real_realloc(void *old, size_t size);
void __wrap_free(void *old), __real_free(void *old);
ssize_t __wrap_send(int socket, const void *packet, size_t length, int flags);
ssize_t __real_send(int socket, const void *packet, size_t length, int flags);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left);
int __real_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left);
typedef void destructor(void *object);
int __wrap___cxa_thread_atexit_impl(destructor *run, void *object, void *dso);
int __real___cxa_thread_atexit_impl(destructor *run, void *object, void *dso);
#ifdef WIDE
void handle_udp6(int64 serversocket);
void handle_udp6(int64 serversocket) { (void)serversocket; }
#endif
#ifdef EVENT_6
int load_state(const char *state_filename);
int load_state(const char *state_filename) { return !state_filename; }
#endif

const char *const place_names[PLACES] = {
    "the tracker's own code", "livesync_bind_mcast", "livesync_init",   "livesync_tell",
    "livesync_ticker",        "handle_livesync",     "livesync_deinit", "malloc"};
const char *const call_names[CALLS] = {"accesslist_isblessed",
                                       "add_peer_to_torrent_and_return_peers",
                                       "remove_peer_from_torrent",
                                       "stats_issue_event",
                                       "mutex_get_torrent_count",
                                       "mutex_bucket_lock",
                                       "mutex_bucket_lock_by_hash",
                                       "vector_find_or_insert",
                                       "vector_remove_torrent"};

observer *_Atomic on_call;
atomic_bool reversed, rough_network, blessing = true;
_Atomic enum memory memory;

static ot_vector buckets[OT_BUCKET_COUNT];
static pthread_mutex_t locks[OT_BUCKET_COUNT];
static atomic_size_t torrent_count;

/* What one thread is about. A signal handler on it looks at this, too. */
struct thread {
    bool of_host;
    volatile enum place place;
    volatile int bucket;      /* locked, plus 1; 0 for none */
    bool by_hash;             /* how the library locked it */
    size_t size_when_locked;
    unsigned begun_when_down; /* calls since g_opentracker_running is 0 */
    size_t applied;           /* peers since the last event */
    const char *last_hash;    /* where the last one lay */
};
static _Thread_local struct thread self;

static atomic_int library_thread;
static atomic_int deinitialised;
static atomic_int calls_in_progress;
static _Atomic long long slept;
static atomic_ulong call_counts[CALLS];
static pthread_t threads[64];
static int thread_count;

static void apply(ot_hash *hash, ot_peer *peer, int proto);
static void library_begins(enum call call);
static void library_goes_on(enum call call, const ot_vector *vector);
static void observe(enum call call);
static void library_ends(void);
static void check_peer_call(enum call call, const void *hash, const ot_peer *peer, int proto,
                            size_t amount, const char *reply);
static void check_bucket(int bucket);
static time_t now_minutes(void);
static int bucket_of(const void *hash);
static ot_vector *lock(int bucket);
static bool lock_patiently(int bucket);
static void unlock(int bucket, int delta);
static size_t search(const ot_vector *vector, const void *key, size_t member_size,
                     size_t compare_size, bool *found);
static void *insert(ot_vector *vector, size_t index, size_t member_size);
static void *allocate(void *memory, size_t size);

__attribute__((constructor)) static void prepare(void)
{
    pthread_mutexattr_t checking;

    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++)
        pthread_mutex_init(&locks[bucket], &checking);
    self.of_host = true;
    __atomic_store_n(&g_now_seconds, time(NULL), __ATOMIC_RELAXED);
}

/* The line is put together without stdio, which a signal handler may have
   interrupted; vsnprintf is as near as C comes to that. */
void broken(const char *format, ...)
{
    char line[512];
    int prefix = snprintf(line, sizeof line, "contract broken: ");
    va_list arguments;

    va_start(arguments, format);
    int length =
        prefix + vsnprintf(line + prefix, sizeof line - (size_t)prefix - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof line - 2)
        length = sizeof line - 2;
    line[length] = '\n';
    if (write(STDERR_FILENO, line, (size_t)length + 1) < 0)
        _exit(99);
    abort();
}

/* The tracker's side of the six functions. */

void host_sync(uint16_t port, uint32_t id)
{
    host_bind(port);
    host_init(id);
}

void host_bind(uint16_t port)
{
    char ip[sizeof localhost];

    memcpy(ip, localhost, sizeof ip);
    self.place = IN_BIND;
    livesync_bind_mcast(ip, port);
    self.place = ELSEWHERE;
    memset(ip, 0xee, sizeof ip);
}

void host_init(uint32_t id)
{
    g_tracker_id = id;
    library_thread = 0;
    deinitialised = 0;
    self.begun_when_down = 0;
    self.applied = 0;
    self.place = IN_INIT;
    livesync_init();
    self.place = ELSEWHERE;
}

void host_announce(ot_hash *hash, ot_peer *peer) { apply(hash, peer, FLAG_UDP); }

void host_ticker(void)
{
    __atomic_store_n(&g_now_seconds, time(NULL), __ATOMIC_RELAXED);
    self.place = IN_TICKER;
    livesync_ticker();
    self.place = ELSEWHERE;
    if (self.bucket)
        broken("livesync_ticker has left bucket %d locked", self.bucket - 1);
}

void host_handle(int socket)
{
    self.place = IN_HANDLE;
    handle_livesync(socket);
    self.place = ELSEWHERE;
    if (self.bucket)
        broken("handle_livesync has left bucket %d locked", self.bucket - 1);
}

void host_deinit(void)
{
    enum place interrupted = self.place;
    int errno_before = errno;
    double begin = seconds();

    errno = EXDEV;
    self.place = IN_DEINIT;
    livesync_deinit();
    self.place = interrupted;
    /* A thread that got no processor for as long as it waits may be about to call. */
    deinitialised = seconds() - begin < 0.14;
    if (errno != EXDEV)
        broken("livesync_deinit changes errno");
    errno = errno_before;
    /* If the tracker itself holds a call up it may go on, but is waited for. */
    if (library_is_calling() && seconds() - begin < 0.1)
        broken("livesync_deinit does not wait for a call that goes on");
}

struct task {
    void *(*run)(void *);
    void *argument;
};

static void *run_as_host(void *argument)
{
    struct task task = *(struct task *)argument;

    free(argument);
    self.of_host = true;
    return task.run(task.argument);
}

void host_thread(void *(*run)(void *), void *argument)
{
    struct task *task = allocate(NULL, sizeof *task);
    sigset_t all, before;

    *task = (struct task){run, argument};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (thread_count == (int)(sizeof threads / sizeof *threads) ||
        pthread_create(&threads[thread_count++], NULL, run_as_host, task))
        broken("(the test itself: no more threads)");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void host_join(void)
{
    while (thread_count)
        pthread_join(threads[--thread_count], NULL);
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

void host_check_and_free(void)
{
    size_t count = 0;

    for (int bucket = 0; bucket < OT_BUCKET_COUNT; bucket++) {
        ot_vector *vector = lock(bucket);
        ot_torrent *torrents = vector->data;
        check_bucket(bucket);
        count += vector->size;
        for (size_t i = 0; i < vector->size; i++) {
            free(torrents[i].peer_list->peers.data);
            free(torrents[i].peer_list);
        }
        free(torrents);
        *vector = (ot_vector){0};
        unlock(bucket, 0);
    }
    if (count != torrent_count)
        broken("%zu torrents, but the deltas sum up to %zu", count, torrent_count);
    torrent_count = 0;
}

enum place host_place(void) { return self.place; }

bool library_is_calling(void) { return calls_in_progress != 0; }

long long slept_in_deinit(void) { return slept; }

unsigned long calls_of(enum call call) { return call_counts[call]; }

void set_running(bool running)
{
    __atomic_store_n(&g_opentracker_running, running, __ATOMIC_SEQ_CST);
}

bool is_running(void) { return __atomic_load_n(&g_opentracker_running, __ATOMIC_SEQ_CST); }

double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What the library calls. */

void exerr(char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(111);
}

int accesslist_isblessed(char *ip, int permissions)
{
    library_begins(ISBLESSED);
    if (permissions != OT_PERMISSION_MAY_LIVESYNC)
        broken("accesslist_isblessed with permissions %d", permissions);
    if (memcmp(ip, localhost, sizeof localhost))
        broken("accesslist_isblessed with an address that is not 127.0.0.1");
    if (self.applied)
        broken("a packet, though the one before was no event yet");
    memset(ip, 0xee, sizeof localhost);
    library_ends();
    return blessing;
}

size_t add_peer_to_torrent_and_return_peers(ot_hash *hash, ot_peer *peer, int proto, size_t amount,
                                            char *reply)
{
    library_begins(ADD);
    check_peer_call(ADD, hash, peer, proto, amount, reply);
    apply(hash, peer, FLAG_MCA);
    self.applied++;
    library_ends();
    return 0;
}

size_t remove_peer_from_torrent(ot_hash *hash, ot_peer *peer, char *reply, int proto)
{
    int bucket;
    ot_vector *vector;
    size_t index;
    bool found;

    /* As of a client, whose goodbyes the tracker tells with the bucket locked: livesync_init
       looks how. */
    if (proto != FLAG_MCA) {
        lock(bucket = bucket_of(hash));
        peer->data[6] |= 0x20;
        livesync_tell(hash, peer);
        unlock(bucket, 0);
        return 0;
    }
    library_begins(REMOVE);
    check_peer_call(REMOVE, hash, peer, proto, 0, reply);
    vector = lock(bucket = bucket_of(hash));
    index = search(vector, hash, sizeof(ot_torrent), sizeof *hash, &found);
    if (found) {
        ot_peerlist *swarm = ((ot_torrent *)vector->data)[index].peer_list;
        ot_peer *peers = swarm->peers.data;
        index = search(&swarm->peers, peer, sizeof *peer, PEER_ADDRESS_SIZE, &found);
        if (found) {
            swarm->peer_count--;
            swarm->peers.size--;
            memmove(peers + index, peers + index + 1,
                    (swarm->peers.size - index) * sizeof *peers);
        }
    }
    if (reversed)
        livesync_tell(hash, peer);
    unlock(bucket, 0);
    memset(hash, 0xee, sizeof *hash);
    memset(peer, 0xee, sizeof *peer);
    self.applied++;
    library_ends();
    return 0;
}

void stats_issue_event(int event, int proto, event_data data)
{
    library_begins(EVENT);
    if (event != EVENT_SYNC || proto != 0)
        broken("stats_issue_event(%d, %d, …), not (%d, 0, …)", event, proto, EVENT_SYNC);
    if (data == 0 || data != self.applied)
        broken("stats_issue_event says %lu, but %zu were applied", (unsigned long)data,
               self.applied);
    self.applied = 0;
    self.last_hash = NULL;
    library_ends();
}

size_t mutex_get_torrent_count(void)
{
    library_begins(COUNT);
    library_ends();
    return torrent_count;
}

static ot_vector *lock_for_library(int bucket, bool by_hash)
{
    ot_vector *vector = lock(bucket);

    self.by_hash = by_hash;
    self.size_when_locked = vector->size;
    return vector;
}

static void unlock_for_library(int bucket, bool by_hash, int delta)
{
    if (self.bucket != bucket + 1 || self.by_hash != by_hash)
        broken("unlocks bucket %d%s, but has locked %d%s", bucket, by_hash ? " by hash" : "",
               self.bucket - 1, self.by_hash ? " by hash" : "");
    if (buckets[bucket].size - self.size_when_locked != (size_t)delta)
        broken("unlocks bucket %d with delta %d, but it had %zu torrents and now has %zu", bucket,
               delta, self.size_when_locked, buckets[bucket].size);
    check_bucket(bucket);
    unlock(bucket, delta);
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
    if (bucket_of(key) != self.bucket - 1)
        broken("vector_find_or_insert of a torrent of another bucket");
    index = search(vector, key, member_size, compare_size, &found);
    *exactmatch = found;
    if (found)
        return (ot_torrent *)vector->data + index;
    if (memory == NONE_FOR_TORRENTS)
        return NULL;
    return memset(insert(vector, index, member_size), 0xdb, member_size);
}

/* From here the library gets its memory, and that for peer lists. */

static void check_may_allocate(void)
{
    if (self.place == IN_DEINIT)
        broken("livesync_deinit allocates or frees memory");
}

void *__wrap_malloc(size_t size)
{
    check_may_allocate();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    check_may_allocate();
    if (memory == NONE_FOR_PEER_LISTS && self.bucket)
        return NULL;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    check_may_allocate();
    return __real_realloc(old, size);
}

void __wrap_free(void *old)
{
    check_may_allocate();
    __real_free(old);
}

/* Here its packets leave. A slow network gives others time to be faster, a full one
   takes the packet later. */
ssize_t __wrap_send(int socket, const void *packet, size_t length, int flags)
{
    static atomic_uint packets;

    if (rough_network && packets++ % 4 == 0)
        usleep(50);
    if (rough_network && packets % 7 == 0) {
        errno = EAGAIN;
        return -1;
    }
    return __real_send(socket, packet, length, flags);
}

/* exit() runs the destructors of the thread's variables. It crashes in a signal handler
   that has interrupted the C library adding one. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    if (self.place == IN_DEINIT)
        slept += time->tv_sec * 1000000000LL + time->tv_nsec;
    return __real_nanosleep(time, left);
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left)
{
    if (self.place == IN_DEINIT)
        slept += time->tv_sec * 1000000000LL + time->tv_nsec;
    return __real_clock_nanosleep(clock, flags, time, left);
}

int __wrap___cxa_thread_atexit_impl(destructor *run, void *object, void *dso)
{
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (self.of_host && !sigismember(&blocked, SIGINT))
        broken("%s adds a destructor to a thread that takes signals", place_names[self.place]);
    return __real___cxa_thread_atexit_impl(run, object, dso);
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

/* Adds the peer, and tells it, with the bucket locked; scribbles over both. */
static void apply(ot_hash *hash, ot_peer *peer, int proto)
{
    int bucket = bucket_of(hash), delta = 0;
    ot_vector *vector = lock(bucket);
    bool found;
    size_t index = search(vector, hash, sizeof(ot_torrent), sizeof *hash, &found);
    ot_torrent *torrent;
    ot_peerlist *swarm;

    if (!found) {
        torrent = insert(vector, index, sizeof *torrent);
        memcpy(torrent->hash, hash, sizeof *hash);
        torrent->peer_list = allocate(NULL, sizeof *torrent->peer_list);
        memset(torrent->peer_list, 0, sizeof *torrent->peer_list);
        delta = 1;
    }
    swarm = ((ot_torrent *)vector->data)[index].peer_list;
    swarm->base = now_minutes();
    index = search(&swarm->peers, peer, sizeof *peer, PEER_ADDRESS_SIZE, &found);
    if (!found) {
        insert(&swarm->peers, index, sizeof *peer);
        swarm->peer_count++;
    }
    ((ot_peer *)swarm->peers.data)[index] = *peer;

    if (reversed == (proto == FLAG_MCA)) {
        enum place before = self.place;
        if (proto == FLAG_UDP)
            self.place = IN_TELL;
        livesync_tell(hash, peer);
        self.place = before;
    }
    memset(hash, 0xee, sizeof *hash);
    memset(peer, 0xee, sizeof *peer);
    unlock(bucket, delta);
}

/* The library calls, and has no bucket locked on this thread. */
static void library_begins(enum call call)
{
    const char *name = call_names[call];

    if (self.of_host) {
        if (self.place != IN_TICKER && self.place != IN_HANDLE)
            broken("%s is called from inside %s", name, place_names[self.place]);
    } else {
        int thread = gettid(), expected = 0;
        if (!atomic_compare_exchange_strong(&library_thread, &expected, thread) &&
            expected != thread)
            broken("%s is called from a second thread of the library", name);
    }
    if (self.bucket)
        broken("%s is called with bucket %d locked", name, self.bucket - 1);
    if (deinitialised)
        broken("%s is called after livesync_deinit has returned", name);
    if (!is_running() && self.begun_when_down++)
        broken("%s is called when g_opentracker_running is 0", name);
    call_counts[call]++;
    calls_in_progress += !self.of_host;
    observe(call);
    /* If it became 0 in here, this was the one call that may go on. */
    if (!is_running())
        self.begun_when_down = 1;
}

/* The library calls, and has the bucket with this vector locked. */
static void library_goes_on(enum call call, const ot_vector *vector)
{
    if (!self.bucket || vector != &buckets[self.bucket - 1])
        broken("%s without having locked that bucket", call_names[call]);
    call_counts[call]++;
    observe(call);
}

static void observe(enum call call)
{
    observer *now = on_call;

    if (now)
        now(call);
}

static void library_ends(void) { calls_in_progress -= !self.of_host; }

static void check_peer_call(enum call call, const void *hash, const ot_peer *peer, int proto,
                            size_t amount, const char *reply)
{
    const char *name = call_names[call];

    if (proto != FLAG_MCA || amount || reply)
        broken("%s with proto %d, amount %zu, reply %p", name, proto, amount, (const void *)reply);
    /* Records in a packet lie 28 bytes apart, and a peer lies behind its hash. */
    if (self.last_hash && hash == self.last_hash + 28)
        broken("%s is passed a record where the library received it", name);
    self.last_hash = hash;
    if (peer->data[PEER_FLAGS] & PEER_FLAG_FROM_SYNC || peer->data[PEER_MINUTES])
        broken("%s with flags %#x and minutes %d", name, peer->data[PEER_FLAGS],
               peer->data[PEER_MINUTES]);
}

static void check_bucket(int bucket)
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

static time_t now_minutes(void) { return __atomic_load_n(&g_now_seconds, __ATOMIC_RELAXED) / 60; }

static int bucket_of(const void *hash)
{
    const uint8_t *bytes = hash;

    return bytes[0] << 2 | bytes[1] >> 6;
}

static ot_vector *lock(int bucket)
{
    int error = pthread_mutex_lock(&locks[bucket]);

    if (error)
        broken("bucket %d cannot be locked: %s", bucket, strerror(error));
    self.bucket = bucket + 1;
    return &buckets[bucket];
}

/* Without waiting for ever for code that was interrupted, or waits for such code. */
static bool lock_patiently(int bucket)
{
    const struct timespec millisecond = {0, 1000 * 1000};
    int tries = 10;

    if (bucket == self.bucket - 1)
        return false;
    while (pthread_mutex_trylock(&locks[bucket])) {
        if (!--tries)
            return false;
        nanosleep(&millisecond, NULL);
    }
    return true;
}

static void unlock(int bucket, int delta)
{
    int error;

    torrent_count += (size_t)delta;
    self.bucket = 0;
    error = pthread_mutex_unlock(&locks[bucket]);
    if (error)
        broken("bucket %d cannot be unlocked: %s", bucket, strerror(error));
}

/* The index of the member that begins with key, or where it would have to be. */
static size_t search(const ot_vector *vector, const void *key, size_t member_size,
                     size_t compare_size, bool *found)
{
    size_t low = 0, high = vector->size;

    *found = false;
    while (low < high && !*found) {
        size_t middle = (low + high) / 2;
        int order = memcmp((const char *)vector->data + middle * member_size, key, compare_size);
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

/* Makes room for a member, whose bytes the caller sets. */
static void *insert(ot_vector *vector, size_t index, size_t member_size)
{
    char *member;

    if (vector->size == vector->space) {
        size_t space = vector->space ? 2 * vector->space : 4;
        vector->data = allocate(vector->data, space * member_size);
        vector->space = space;
    }
    member = (char *)vector->data + index * member_size;
    memmove(member + member_size, member, (vector->size++ - index) * member_size);
    return member;
}

static void *allocate(void *memory, size_t size)
{
    enum place before = self.place;

    if (before == ELSEWHERE)
        self.place = IN_MALLOC;
    memory = realloc(memory, size);
    self.place = before;
    if (!memory)
        broken("(the test itself: no memory)");
    return memory;
}
