/* The contract host: a tracker that checks how the library uses it. It has
   the classic tracker's symbols and layouts, and ends by abort() with a line that
   begins "contract broken:" when the library

   - calls it from a thread that is neither the library's one thread nor inside
     handle_livesync() or livesync_ticker(),
   - calls it on a thread that has a bucket locked, or while a lock of the
     library's own is held,
   - does not lock and unlock in pairs, by number or by hash; or passes a delta
     that is not how much the bucket grew; or leaves a bucket that is not in order,
   - begins more than the one call that a thread was about to make when
     g_opentracker_running became 0, or any call after livesync_deinit(),
   - allocates memory in livesync_deinit(), changes errno there, or does not wait
     for a call that goes on; or makes exit() in a signal handler unsafe,
   - passes arguments that break the contract, or memory that it still needs:
     the host scribbles over its arguments.

   The linker needs --wrap for malloc, calloc, realloc, free, send, nanosleep,
   clock_nanosleep and __cxa_thread_atexit_impl.

   Built with -DWIDE it is of the generation with 16-byte addresses, built with
   -DEVENT_6 of the one in which EVENT_SYNC is 6. */

#ifndef CONTRACT_H
#define CONTRACT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "ot_livesync.h"

enum { OT_BUCKET_COUNT = 1024 };

typedef struct {
    void *data;
    size_t size;
    size_t space;
} ot_vector;

typedef struct {
    time_t base;
    size_t seed_count;
    size_t peer_count;
    size_t down_count;
    ot_vector peers;
} ot_peerlist;

typedef struct {
    ot_hash hash;
    ot_peerlist *peer_list;
} ot_torrent;

#ifdef __LP64__
_Static_assert(sizeof(ot_hash) == 20 && sizeof(ot_peer) == 8, "ot_hash, ot_peer");
_Static_assert(sizeof(ot_vector) == 24 && offsetof(ot_vector, data) == 0 &&
                   offsetof(ot_vector, size) == 8 && offsetof(ot_vector, space) == 16,
               "ot_vector");
_Static_assert(sizeof(ot_torrent) == 32 && offsetof(ot_torrent, hash) == 0 &&
                   offsetof(ot_torrent, peer_list) == 24,
               "ot_torrent");
_Static_assert(sizeof(ot_peerlist) == 56 && offsetof(ot_peerlist, base) == 0 &&
                   offsetof(ot_peerlist, seed_count) == 8 &&
                   offsetof(ot_peerlist, peer_count) == 16 &&
                   offsetof(ot_peerlist, down_count) == 24 && offsetof(ot_peerlist, peers) == 32,
               "ot_peerlist");
_Static_assert(sizeof(time_t) == 8, "time_t");
#endif

/* The address on which the host syncs, as its generation has addresses. */
#ifdef WIDE
enum { ADDRESS_SIZE = 16 };
#else
enum { ADDRESS_SIZE = 4 };
#endif
extern const unsigned char localhost[ADDRESS_SIZE];

/* The work of a thread of the host, for the checks and for a signal handler that has
   interrupted it. */
enum place {
    ELSEWHERE,
    IN_BIND,
    IN_INIT,
    IN_TELL,
    IN_TICKER,
    IN_HANDLE,
    IN_DEINIT,
    IN_MALLOC,
    PLACES
};
extern const char *const place_names[PLACES];

/* The host's functions that the library calls. */
enum call { ISBLESSED, ADD, REMOVE, EVENT, COUNT, WALK, BY_HASH, INSERT, REMOVE_TORRENT, CALLS };
extern const char *const call_names[CALLS];

/* Ends the process, since the library or a test has failed. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The six functions as a tracker calls them. host_sync binds on the loopback interface and
   starts. host_announce is an announce of a client: it calls livesync_tell with the
   torrent's bucket locked, and scribbles over both. */
void host_sync(uint16_t port, uint32_t id);
void host_bind(uint16_t port);
void host_init(uint32_t id);
void host_announce(ot_hash *hash, ot_peer *peer);
void host_ticker(void);
void host_handle(int socket);
void host_deinit(void);

/* Begins a thread of the host. It blocks all signals, which are for the main thread. */
void host_thread(void *(*run)(void *), void *argument);

/* Waits for all threads that host_thread began. */
void host_join(void);

/* Does to the torrents what the tracker's signal handler does before it calls
   livesync_deinit(): bucket by bucket, under the bucket locks, it makes them unreachable and
   overwrites them. Unlike the real one it neither waits for the bucket that the interrupted
   code has locked nor calls free(), in which the interrupted code may be: there the real one
   hangs by its own fault. */
void host_destroy_torrents(void);

/* Counts all torrents, compares the count with the sum of the deltas, and frees them. */
void host_check_and_free(void);

/* Returns the work of the calling thread. */
enum place host_place(void);

/* Returns whether the library's own thread is inside one of the host's functions, or between
   lock and unlock. */
bool library_is_calling(void);

/* Returns the total time for which livesync_deinit has asked to sleep, in nanoseconds. */
long long slept_in_deinit(void);

/* Returns how often the library has made this call so far. */
unsigned long calls_of(enum call call);

/* The library's thread calls it on every call of the library, before the host's own work. */
typedef void observer(enum call call);
extern observer *_Atomic on_call;

/* True if the host announces the peers that come from sync, and not those of clients. */
extern atomic_bool reversed;

/* The places where memory is out: in vector_find_or_insert, or in the calloc that the
   library calls for a peer list. */
enum memory { ENOUGH, NONE_FOR_TORRENTS, NONE_FOR_PEER_LISTS };
extern _Atomic enum memory memory;

/* True if the network is slow for some packets, and refuses others at first. */
extern atomic_bool rough_network;

/* The answer of accesslist_isblessed. */
extern atomic_bool blessing;

/* Sets g_opentracker_running. */
void set_running(bool running);
bool is_running(void);

double seconds(void);

/* Returns the tracker's clock in minutes. */
time_t now_minutes(void);

#endif
