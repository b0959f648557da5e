/* threads: 8 threads announce numbered peers, each record with its bucket locked. At the
   same time as many peers arrive in the same buckets, the main thread calls livesync_ticker,
   another one calls handle_livesync, and inquiries come all the time. A process that listens
   receives every record once, those of a thread in their order. */

#define _GNU_SOURCE
#include "scenarios.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"
#include "wire.h"

enum { TELLERS = 8, MAY_BE_UNDER_WAY = 5000 };

struct wire_count {
    atomic_ulong heard;
    atomic_uint next[TELLERS];
};
static struct wire_count *wire_count;
static unsigned tells_each;
static atomic_ulong announced;
static atomic_int telling;

static void *tell_numbers(void *thread)
{
    uintptr_t number = (uintptr_t)thread;

    for (unsigned i = 0; i < tells_each; i++) {
        ot_hash hash;
        ot_peer peer = {{10, 0, 0, (uint8_t)number, 0x1a, 0xe1, 0, 0}};
        double begin = seconds();
        /* Flow control: without it receive buffers overflow, which is not a fault of the
           library. */
        for (; announced - wire_count->heard > MAY_BE_UNDER_WAY; usleep(200))
            if (seconds() - begin > PATIENCE)
                broken("records are lost: %lu announced, %lu on the wire", announced, wire_count->heard);
        announced++;
        hash_of(i, &hash);
        host_announce(&hash, &peer);
    }
    telling--;
    return NULL;
}

static void *handle(void *socket)
{
    while (telling) {
        host_handle((int)(intptr_t)socket);
        usleep(500);
    }
    return NULL;
}

static void count_records(int socket, uint16_t port)
{
    (void)port;
    for (;;) {
        struct packet packet = wire_receive(socket, US, SYNC_LIVE, 3600);
        for (size_t at = HEADER; at + LIVE_RECORD <= packet.length; at += LIVE_RECORD) {
            const unsigned char *record = packet.bytes + at;
            unsigned thread = record[23], number = number_of(record);
            if (thread >= TELLERS || number != wire_count->next[thread])
                broken("record %u of thread %u is on the wire, not %u", number, thread,
                       thread < TELLERS ? wire_count->next[thread] : 0);
            wire_count->next[thread]++;
            wire_count->heard++;
        }
    }
}

static void be_the_others(int socket, uint16_t port)
{
    for (unsigned i = 0;; i++) {
        const struct packet packets[] = {
            live_packet(THEM, i * 13 % 20000, LIVE_RECORDS, i % 4 ? 0 : PEER_FLAG_STOPPED),
            inquire_packet(THEM, US),
            beacon_packet(THEM, 1000000),
            tell_packet(THEM, i * 13 % 20000, TELL_RECORDS, i),
        };
        wire_send(socket, port, &packets[0]);
        /* While scrape tells of another tracker arrive, the library does not walk. */
        wire_send(socket, port, &packets[i % 400 < 30 ? 3 : 1 + i % 2]);
        /* No faster than the announcing threads, which would starve where the library is
           slow. */
        while (i * LIVE_RECORDS > wire_count->heard + MAY_BE_UNDER_WAY)
            usleep(100);
    }
}

void threads(uint16_t port, unsigned number)
{
    /* Each process has a socket of its own, so that none waits at the socket of another. */
    int counting = wire_join(port), sending = wire_join(port), own_socket = wire_join(port);
    pid_t counter, others;
    double begin = seconds();

    tells_each = number;
    telling = TELLERS;
    wire_count = mmap(NULL, sizeof *wire_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                      -1, 0);
    counter = begin_process(count_records, counting, port);
    others = begin_process(be_the_others, sending, port);
    /* The library's tell packets must leave the rough network room for peers. */
    rough_network = true;
    setenv("LIVESYNC_SCRAPE_TELL_PACKETS", "10", 1);
    set_beacons("0.02", "0.02");
    host_sync(port, US);
    for (uintptr_t thread = 0; thread < TELLERS; thread++)
        host_thread(tell_numbers, (void *)thread);
    host_thread(handle, (void *)(intptr_t)own_socket);
    while (telling)
        host_ticker();
    host_join();
    /* Peers still come in while it stops. The library sends the remaining packets for a
       limited time, which is too short on a slow machine, so they are awaited before. */
    rough_network = false;
    WAIT_FOR(wire_count->heard == announced || waitpid(counter, NULL, WNOHANG));
    double took = timed_deinit();
    if (took > deinit_limit())
        broken("livesync_deinit has taken %.0f ms", took * 1e3);
    end_process(others);
    end_process(counter);
    if (wire_count->heard != (unsigned long)TELLERS * number)
        broken("%lu records announced, %lu on the wire", announced, wire_count->heard);
    end_sync();
    for (enum call call = 0; call < INSERT; call++)
        if (!calls_of(call))
            broken("(the test itself: no %s)", call_names[call]);
    printf("threads: %lu records on the wire in %.1f s, %lu peers came in, %lu buckets walked\n",
           wire_count->heard, seconds() - begin, calls_of(ADD) + calls_of(REMOVE),
           calls_of(WALK));
}
