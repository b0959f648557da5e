#include "host.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { MAX_BLESSED = 256 };

_Atomic time_t g_now_seconds;
volatile int g_opentracker_running = 1;
uint32_t g_tracker_id;
int g_verbose;
int g_syncing;

static struct in_addr blessed[MAX_BLESSED];
static size_t blessed_count;

void exerr(char *message)
{
    fprintf(stderr, "tracker: %s\n", message);
    exit(111);
}

/* ip points to 4 raw bytes in network order. */
int accesslist_isblessed(char *ip, int permissions)
{
    if (permissions != OT_PERMISSION_MAY_LIVESYNC)
        return 0;
    for (size_t i = 0; i < blessed_count; i++)
        if (!memcmp(&blessed[i], ip, sizeof blessed[i]))
            return 1;
    return 0;
}

void stats_issue_event(int event, int proto, uint32_t data)
{
    static atomic_uint_fast64_t applied;

    (void)proto;
    if (event != EVENT_SYNC)
        return;
    uint64_t total = atomic_fetch_add(&applied, data) + data;
    if (g_verbose)
        printf("sync: %" PRIu32 " records applied, %" PRIu64 " so far\n", data, total);
}

void accesslist_bless(struct in_addr address)
{
    if (blessed_count == MAX_BLESSED)
        exerr("too many addresses to accept sync packets from");
    blessed[blessed_count++] = address;
}

void random_bytes(void *out, size_t length)
{
    if (getrandom(out, length, 0) != (ssize_t)length)
        exerr("getrandom: no randomness");
}
