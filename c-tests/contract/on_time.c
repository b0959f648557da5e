/* idle and pounding: a main loop that does not turn, and one that does nothing but turn.
   Peers and beacons are on the wire on time, and not before. Other programs use this
   machine, too, so a late packet is measured again until the time limit. */

#define _GNU_SOURCE
#include "scenarios.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "contract.h"
#include "wire.h"

enum { LEAST_TIMES = 3, LATE_MS = 50 };

static double flush_time(int wire)
{
    static unsigned number;
    ot_hash hash;
    ot_peer peer = {{10, 0, 0, 1, 0x1a, 0xe1, 0, 0}};

    hash_of(number++, &hash);
    usleep(30 * 1000); /* the library sleeps again */
    double begin = seconds();
    host_announce(&hash, &peer);
    if (!wire_receive(wire, US, SYNC_LIVE, PATIENCE).length)
        broken("a peer is not announced");
    return seconds() - begin;
}

static double beacon_time(int wire)
{
    static double last;
    double before = last;

    if (!wire_receive(wire, US, SYNC_SCRAPE_BEACON, PATIENCE).length)
        broken("no beacon");
    last = seconds();
    return last - before;
}

/* The shortest time must be the due one, and the longest one must not be before it. */
static double shortest(double measure(int wire), int wire, const char *what, double due)
{
    double begin = seconds(), least = PATIENCE, most = 0;

    for (int i = 0; i < LEAST_TIMES || least > due + LATE_MS / 1e3; i++) {
        double took = measure(wire);
        least = took < least ? took : least;
        most = took > most ? took : most;
        if (seconds() - begin > PATIENCE)
            broken("%s comes after %.0f ms, not %.0f", what, least * 1e3, due * 1e3);
    }
    if (most < due - 0.01)
        broken("%s comes after %.0f ms at most, not %.0f", what, most * 1e3, due * 1e3);
    return least;
}

static void measure(int wire, const char *scenario)
{
    double flush = shortest(flush_time, wire, "a peer", 0.1);

    /* Drops the waiting packets; the next one arrives while we watch. */
    while (wire_receive(wire, US, SYNC_SCRAPE_BEACON, 0.001).length)
        ;
    beacon_time(wire);
    double beacon = shortest(beacon_time, wire, "a beacon", 0.2);
    printf("%s: a peer is announced after %.1f ms, a beacon every %.1f ms\n", scenario, flush * 1e3,
           beacon * 1e3);
}

void idle(uint16_t port, unsigned number)
{
    int wire = wire_join(port);

    (void)number;
    set_beacons("0.2", "0.2");
    host_sync(port, US);
    measure(wire, "idle");
    end_sync();
}

static void *pound(void *pounding)
{
    while (*(atomic_bool *)pounding)
        host_ticker();
    return NULL;
}

void pounding(uint16_t port, unsigned number)
{
    static atomic_bool going_on = true;
    int wire = wire_join(port);

    (void)number;
    set_beacons("0.2", "0.2");
    host_sync(port, US);
    host_thread(pound, &going_on);
    measure(wire, "pounding");
    going_on = false;
    host_join();
    end_sync();
}
