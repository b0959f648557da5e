#define _GNU_SOURCE
#include "rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "place.h"
#include "table.h"

enum { PEER_FLAGS = 6, PEER_MINUTES = 7, PEER_FLAG_FROM_SYNC = 0x10 };

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

/* The library's calls on one thread. */
static _Thread_local struct {
    unsigned begun_when_down; /* calls since g_opentracker_running became 0 */
    size_t applied;           /* peers since the last event */
    const char *last_hash;    /* address of the last one's hash */
} self;

static atomic_int library_thread;
static atomic_int deinitialised;
static atomic_int calls_in_progress;
static atomic_ulong call_counts[CALLS];

static void observe(enum call call);

/* Makes the line without stdio, which a signal handler may have interrupted; vsnprintf is as
   near as C comes to that. */
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

void library_starts(void)
{
    library_thread = 0;
    deinitialised = 0;
    self.begun_when_down = 0;
    self.applied = 0;
}

void library_has_stopped(bool for_certain) { deinitialised = for_certain; }

bool library_is_calling(void) { return calls_in_progress != 0; }

unsigned long calls_of(enum call call) { return call_counts[call]; }

void library_begins(enum call call)
{
    const char *name = call_names[call];

    if (is_of_host()) {
        enum place place = host_place();
        if (place != IN_TICKER && place != IN_HANDLE)
            broken("%s is called from inside %s", name, place_names[place]);
    } else {
        int thread = gettid(), expected = 0;
        if (!atomic_compare_exchange_strong(&library_thread, &expected, thread) &&
            expected != thread)
            broken("%s is called from a second thread of the library", name);
    }
    if (locked_bucket() >= 0)
        broken("%s is called with bucket %d locked", name, locked_bucket());
    if (deinitialised)
        broken("%s is called after livesync_deinit has returned", name);
    if (!is_running() && self.begun_when_down++)
        broken("%s is called when g_opentracker_running is 0", name);
    call_counts[call]++;
    calls_in_progress += !is_of_host();
    observe(call);
    /* If it became 0 during the call, this was the one call that may go on. */
    if (!is_running())
        self.begun_when_down = 1;
}

void library_goes_on(enum call call, const ot_vector *vector)
{
    if (!table_has_locked(vector))
        broken("%s without having locked that bucket", call_names[call]);
    call_counts[call]++;
    observe(call);
}

void library_ends(void) { calls_in_progress -= !is_of_host(); }

void check_packet_begins(void)
{
    if (self.applied)
        broken("a packet, though the one before was no event yet");
}

void check_peer_call(enum call call, const void *hash, const ot_peer *peer, int proto,
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

void count_peer(void) { self.applied++; }

void check_packet_ends(unsigned long peers)
{
    if (peers == 0 || peers != self.applied)
        broken("stats_issue_event says %lu, but %zu were applied", peers, self.applied);
    self.applied = 0;
    self.last_hash = NULL;
}

static void observe(enum call call)
{
    observer *now = on_call;

    if (now)
        now(call);
}
