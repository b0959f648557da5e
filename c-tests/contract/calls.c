/* calls: the library calls every function of the tracker in its place: on its thread, and
   inside livesync_ticker and handle_livesync. It never calls one while it holds a lock of
   its own, so that another thread could call livesync_tell meanwhile. */

#define _GNU_SOURCE
#include "scenarios.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "contract.h"
#include "wire.h"

static sem_t probe_wanted, probe_done;
static atomic_bool probing;
static atomic_ulong probes, calls_on_main;

static void *probe(void *unused)
{
    ot_hash hash;
    ot_peer peer = {{10, 0, 0, 9, 0x1a, 0xe1, 0, 0}};

    (void)unused;
    hash_of(0xffffffff, &hash);
    while (sem_wait(&probe_wanted), probing) {
        livesync_tell(&hash, &peer);
        sem_post(&probe_done);
    }
    return NULL;
}

static void probe_lock(enum call call)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE / 4;
    sem_post(&probe_wanted);
    while (sem_timedwait(&probe_done, &deadline))
        if (errno == ETIMEDOUT)
            broken("%s is called with a lock of the library's held", call_names[call]);
    probes++;
    if (host_place() != ELSEWHERE)
        calls_on_main++;
}

/* The arguments of livesync_tell may be constants, and may vanish after the call. */
static void tell_from_constant_memory(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    hash_of(1, (ot_hash *)page);
    mprotect(page, size, PROT_READ);
    livesync_tell((ot_hash *)page, (ot_peer *)(page + sizeof(ot_hash)));
    munmap(page, size);
}

/* Sends packets until the library has called this function again. */
static void provoke(int wire, uint16_t port, struct packet packet, enum call call, int own_socket)
{
    unsigned long before = calls_of(call);

    wire_send(wire, port, &packet);
    for (int turn = 0; calls_of(call) == before; turn++) {
        if (turn == PATIENCE * 1000)
            broken("%s is not called", call_names[call]);
        if (turn % 100 == 99)
            wire_send(wire, port, &packet);
        if (own_socket >= 0) {
            host_handle(own_socket);
            host_ticker();
        }
        usleep(1000);
    }
}

static void provoke_every_call(int wire, uint16_t port, int own_socket)
{
    static unsigned unknown = 1000;

    provoke(wire, port, live_packet(THEM, 1, 1, 0), ISBLESSED, own_socket);
    provoke(wire, port, live_packet(THEM, 1, LIVE_RECORDS, 0), ADD, own_socket);
    provoke(wire, port, live_packet(THEM, 1, 20, PEER_FLAG_STOPPED), REMOVE, own_socket);
    provoke(wire, port, live_packet(THEM, 1, 2, 0), EVENT, own_socket);
    provoke(wire, port, beacon_packet(THEM, 1000), COUNT, own_socket);
    provoke(wire, port, tell_packet(THEM, 30, TELL_RECORDS, 5), BY_HASH, own_socket);
    provoke(wire, port, tell_packet(THEM, unknown++, 1, 5), INSERT, own_socket);
    memory = NONE_FOR_TORRENTS;
    provoke(wire, port, tell_packet(THEM, unknown++, 1, 5), INSERT, own_socket);
    memory = NONE_FOR_PEER_LISTS;
    provoke(wire, port, tell_packet(THEM, unknown++, 1, 5), REMOVE_TORRENT, own_socket);
    memory = ENOUGH;
    provoke(wire, port, inquire_packet(THEM, US), WALK, own_socket);
    /* It looks up the torrents whose count it knows better, once no scrape tell arrives any
       more. A merge takes an insertion for each lock. */
    unsigned long looked_up = calls_of(BY_HASH) - calls_of(INSERT);
    struct packet too_few = tell_packet(THEM, 30, 1, 4);
    WAIT_FOR((wire_send(wire, port, &too_few), usleep(300 * 1000),
              calls_of(BY_HASH) - calls_of(INSERT) > looked_up));
}

void calls(uint16_t port, unsigned number)
{
    int wire = wire_join(port), own_socket;

    (void)number;
    sem_init(&probe_wanted, 0, 0);
    sem_init(&probe_done, 0, 0);
    probing = true;
    host_thread(probe, NULL);
    on_call = probe_lock;

    set_beacons("0.02", "0.02");
    host_sync(port, US);
    tell_from_constant_memory();
    provoke_every_call(wire, port, -1);
    if (calls_on_main)
        broken("(the test itself: the main thread was not idle)");
    own_socket = wire_join(port);
    WAIT_FOR((provoke_every_call(wire, port, own_socket), calls_on_main > 1000));

    /* Packets are used one after the other: when the library checks the source of the next
       one, it has applied the peers of the one before. */
    blessing = false;
    provoke(wire, port, live_packet(THEM, 1, LIVE_RECORDS, 0), ISBLESSED, -1);
    unsigned long added = calls_of(ADD);
    for (int more = 0; more < 3; more++)
        provoke(wire, port, live_packet(THEM, 1, LIVE_RECORDS, 0), ISBLESSED, -1);
    if (calls_of(ADD) != added)
        broken("a peer is added that somebody not blessed has sent");

    host_deinit();
    probing = false;
    sem_post(&probe_wanted);
    host_join();
    end_sync();
    printf("calls: %lu without a lock held, %lu of them on the main thread\n", probes,
           calls_on_main);
}
