/* stops: during every function of the tracker that the library calls, one of these happens:
   g_opentracker_running becomes 0; or another thread calls livesync_deinit while the tracker
   delays the call; or that very thread calls it, as a signal handler on it would. No other
   call may follow. */

#define _GNU_SOURCE
#include "scenarios.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "contract.h"
#include "wire.h"

enum manner { GOES_DOWN, HELD_UP, ON_SAME_THREAD, MANNERS };
static const char *const manner_names[MANNERS] = {"the tracker going down",
                                                  "a call that is held up",
                                                  "a call on the same thread"};

static struct {
    _Atomic enum manner manner;
    _Atomic enum call call;
    atomic_int countdown;
    sem_t sprung, release;
    double took, longest, shortest;
    int stops;
} trap;

static void spring(enum call call)
{
    if (call != trap.call || (trap.manner == ON_SAME_THREAD && host_place() == ELSEWHERE) ||
        --trap.countdown != 0)
        return;
    if (trap.manner == GOES_DOWN)
        set_running(false);
    if (trap.manner == ON_SAME_THREAD)
        trap.took = timed_deinit();
    sem_post(&trap.sprung);
    if (trap.manner == HELD_UP)
        while (sem_wait(&trap.release))
            ;
}

static void set_trap(enum manner manner, enum call call, int countdown)
{
    trap.manner = manner;
    trap.call = call;
    trap.countdown = countdown;
    on_call = spring;
}

/* Sends packets that make the library call, until it does so for the last time. Calls that
   must happen on this thread are provoked by a socket of the host, in a group of its own. */
static void send_until_sprung(int wire, uint16_t port, int own_socket)
{
    static unsigned unknown = 100000;
    bool telling = trap.call == INSERT || trap.call == BY_HASH;
    bool here = trap.manner == ON_SAME_THREAD;

    for (double begin = seconds(); sem_trywait(&trap.sprung);) {
        const struct packet packets[] = {
            live_packet(THEM, 1, LIVE_RECORDS, 0),
            live_packet(THEM, 1, LIVE_RECORDS, PEER_FLAG_STOPPED),
            beacon_packet(THEM, 1000000),
            inquire_packet(THEM, US),
            tell_packet(THEM, unknown, TELL_RECORDS, 1),
        };
        /* While scrape tells of another tracker arrive, the library does not walk. */
        for (size_t i = 0; i < sizeof packets / sizeof *packets - !telling; i++)
            wire_send(wire, (uint16_t)(port + here), &packets[i]);
        unknown += TELL_RECORDS;
        if (here)
            host_handle(own_socket);
        else
            usleep(2000);
        if (seconds() - begin > PATIENCE)
            broken("%s is not called, for %s", call_names[trap.call], manner_names[trap.manner]);
    }
}

/* The library looks up the torrents that it knows better, some time after the scrape tells. */
static void look_up_until_sprung(int wire, uint16_t port, enum manner manner)
{
    const struct packet more = tell_packet(THEM, 1, TELL_RECORDS, 5);
    const struct packet less = tell_packet(THEM, 1, TELL_RECORDS, 4);

    for (int tries = 0; tries < 50; tries++) {
        unsigned long inserted = calls_of(INSERT);
        wire_send(wire, port, &more);
        wire_send(wire, port, &less);
        WAIT_FOR(calls_of(INSERT) >= inserted + 2 * TELL_RECORDS);
        set_trap(manner, BY_HASH, 3);
        for (double begin = seconds(); seconds() - begin < 0.3; usleep(200))
            if (!sem_trywait(&trap.sprung))
                return;
        /* The call was faster. */
        on_call = NULL;
    }
    broken("what is known better is not looked up");
}

static void stop_now(enum manner manner, enum call call)
{
    if (manner != ON_SAME_THREAD)
        trap.took = timed_deinit();
    if (trap.took > deinit_limit())
        broken("livesync_deinit has taken %.0f ms, by %s in %s", trap.took * 1e3,
               manner_names[manner], call_names[call]);
    trap.longest = trap.took > trap.longest ? trap.took : trap.longest;
    trap.shortest = trap.took < trap.shortest ? trap.took : trap.shortest;
    trap.stops++;
    if (manner == HELD_UP)
        sem_post(&trap.release);
    /* Waits long enough for forbidden calls to happen. */
    usleep(10 * 1000);
    on_call = NULL;
    set_running(true);
}

void stops(uint16_t port, unsigned number)
{
    int wire = wire_join(port), own_socket = wire_join((uint16_t)(port + 1));

    (void)number;
    sem_init(&trap.sprung, 0, 0);
    sem_init(&trap.release, 0, 0);
    set_beacons("0.02", "0.02");
    host_bind(port);
    for (enum manner manner = 0; manner < MANNERS; manner++) {
        trap.shortest = PATIENCE;
        /* The library calls REMOVE_TORRENT only within INSERT, and without memory. */
        for (enum call call = 0; call < REMOVE_TORRENT; call++) {
            set_trap(manner, call, 3);
            host_init(US);
            send_until_sprung(wire, port, own_socket);
            stop_now(manner, call);
        }
        /* Also at the last peer of a packet. */
        set_trap(manner, ADD, LIVE_RECORDS);
        host_init(US);
        send_until_sprung(wire, port, own_socket);
        stop_now(manner, ADD);
        if (manner != ON_SAME_THREAD) {
            host_init(US);
            look_up_until_sprung(wire, port, manner);
            stop_now(manner, BY_HASH);
        } else if (trap.shortest > deinit_limit() / 2) {
            broken("livesync_deinit waits for the call that it is made in");
        }
    }
    end_sync();
    printf("stops: %d, the longest livesync_deinit %.1f ms\n", trap.stops, trap.longest * 1e3);
}
