/* idle and pounding: a main loop that does not turn, and one that does nothing
   but turn. Peers and beacons are on the wire on time, and not before it. Others use this
   machine, too: what is late is tried again, for as long as our patience lasts. */

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
        broken("a peer is not told");
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

/* The shortest time, which must be the one due; and the longest one, which is not before it. */
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

    /* Those that wait, and the first one of which we see when it comes. */
    while (wire_receive(wire, US, SYNC_SCRAPE_BEACON, 0.001).length)
        ;
    beacon_time(wire);
    double beacon = shortest(beacon_time, wire, "a beacon", 0.2);
    printf("%s: a peer is told after %.1f ms, a beacon every %.1f ms\n", scenario, flush * 1e3,
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
