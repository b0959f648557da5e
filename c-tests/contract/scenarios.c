/* contract SCENARIO PORT [NUMBER]: puts the library through a scenario, and says in
   one line what was checked. */

#define _GNU_SOURCE
#include "scenarios.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"
#include "wire.h"

enum { US = 1, THEM = 7 };

static unsigned long threads_at_start;

static unsigned long number_of_threads(void);
static void *do_nothing(void *unused);
static void say_it_hangs(int signal);
static void set_beacons(const char *first_delay, const char *interval);

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        scenario *run;
        unsigned number;
    } scenarios[] = {
        {"calls", calls, 0},         {"stops", stops, 0}, {"threads", threads, 20000},
        {"reversals", reversals, 0}, {"idle", idle, 0},   {"pounding", pounding, 0},
        {"interrupts", interrupts, 1000},
    };

    for (size_t i = 0; argc >= 3 && i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(argv[1], scenarios[i].name))
            continue;
        /* Not its warnings: that somebody is not blessed, that ids collide. */
        setenv("LIVESYNC_LOG", "error", 1);
        /* With the first thread, a sanitizer begins one of its own. */
        host_thread(do_nothing, NULL);
        host_join();
        threads_at_start = number_of_threads();
        signal(SIGALRM, say_it_hangs);
        alarm(getenv("CONTRACT_SLOW") ? 1200 : 300);
        scenarios[i].run((uint16_t)atoi(argv[2]), argc > 3 ? (unsigned)atoi(argv[3])
                                                           : scenarios[i].number);
        return 0;
    }
    fprintf(stderr, "usage: %s SCENARIO PORT [NUMBER]\n", argv[0]);
    return 2;
}

static void *do_nothing(void *unused) { return unused; }

static void say_it_hangs(int signal)
{
    broken("signal %d: no end in sight, this is a deadlock", signal);
}

double deinit_limit(void) { return getenv("CONTRACT_SLOW") ? PATIENCE : 0.2; }

/* So far, in seconds; 0 where the kernel does not say. */
static double waited_for_processor(void)
{
    char text[64] = {0};
    char *numbers = text;
    int fd = open("/proc/thread-self/schedstat", O_RDONLY);

    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        *text = 0;
    close(fd);
    /* How long it ran, and how long it waited, in nanoseconds. */
    strtoull(numbers, &numbers, 10);
    return (double)strtoull(numbers, NULL, 10) / 1e9;
}

double timed_deinit(void)
{
    double waited = waited_for_processor(), start = seconds(), took;

    host_deinit();
    took = seconds() - start;
    waited = waited_for_processor() - waited;
    return waited < took ? took - waited : 0;
}

/* Deinitialises, if that was not done; the library's thread ends, and leaves a table
   that is sound. */
static void end(void)
{
    host_deinit();
    WAIT_FOR(number_of_threads() == threads_at_start);
    host_check_and_free();
}

static unsigned long number_of_threads(void)
{
    struct stat threads;

    /* A directory for each, besides . and .. */
    return stat("/proc/self/task", &threads) ? 0 : threads.st_nlink - 2;
}

/* calls: every function of the tracker is called, in its place, by the library's
   thread and inside livesync_ticker and handle_livesync; and never while a lock of
   the library's is held, so that another thread could call livesync_tell. */

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

/* The arguments of livesync_tell may be constants, and may vanish afterwards. */
static void tell_from_constant_memory(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    hash_of(1, (ot_hash *)page);
    mprotect(page, size, PROT_READ);
    livesync_tell((ot_hash *)page, (ot_peer *)(page + sizeof(ot_hash)));
    munmap(page, size);
}

/* Sends until the library has called this function again. */
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
    /* What it knows better it looks up, once nobody tells. Merging takes an insertion
       for each lock. */
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

    /* Packets are used one after the other: when it asks about the next one, what it was
       allowed to use before is applied. */
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
    end();
    printf("calls: %lu without a lock held, %lu of them on the main thread\n", probes,
           calls_on_main);
}

/* stops: during every function of the tracker that the library calls, either
   g_opentracker_running becomes 0, or livesync_deinit is called by another thread
   while the tracker holds the call up, or it is called on that very thread, as by a
   signal handler there. No other call may follow. */

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

/* Sends whatever makes the library call, until it does so for the last time. What is
   to happen on this thread goes to a socket of the host, in a group of its own. */
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
        /* While somebody else tells, the library does not walk. */
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

/* What it knows better it looks up, some time after the tells. */
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
        /* It was faster. */
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
    /* Time enough for calls that must not be. */
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
        /* REMOVE_TORRENT is only called within INSERT, and without memory. */
        for (enum call call = 0; call < REMOVE_TORRENT; call++) {
            set_trap(manner, call, 3);
            host_init(US);
            send_until_sprung(wire, port, own_socket);
            stop_now(manner, call);
        }
        /* And with the last peer of a packet. */
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
    end();
    printf("stops: %d, the longest livesync_deinit %.1f ms\n", trap.stops, trap.longest * 1e3);
}

/* threads: 8 threads tell numbered peers, each record with its bucket locked, while
   as many arrive in the same buckets, the main thread calls livesync_ticker, another
   handle_livesync, and somebody inquires all the time. A process that listens sees
   every record once, those of a thread in their order. */

enum { TELLERS = 8, MAY_BE_UNDER_WAY = 5000 };

struct wire_count {
    atomic_ulong heard;
    atomic_uint next[TELLERS];
};
static struct wire_count *wire_count;
static unsigned tells_each;
static atomic_ulong told;
static atomic_int telling;

static void *tell_numbers(void *thread)
{
    uintptr_t number = (uintptr_t)thread;

    for (unsigned i = 0; i < tells_each; i++) {
        ot_hash hash;
        ot_peer peer = {{10, 0, 0, (uint8_t)number, 0x1a, 0xe1, 0, 0}};
        double begin = seconds();
        /* Flow control: without it, receive buffers overflow, and that says nothing. */
        for (; told - wire_count->heard > MAY_BE_UNDER_WAY; usleep(200))
            if (seconds() - begin > PATIENCE)
                broken("records are lost: %lu told, %lu on the wire", told, wire_count->heard);
        told++;
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

/* A process of its own that ends when this one does. */
static pid_t begin_process(void (*run)(int socket, uint16_t port), int socket, uint16_t port)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(socket, port);
    _exit(0);
}

static void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
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
        /* While somebody else tells, the library does not walk. */
        wire_send(socket, port, &packets[i % 400 < 30 ? 3 : 1 + i % 2]);
        /* No faster than the tellers, who would starve where the library is slow. */
        while (i * LIVE_RECORDS > wire_count->heard + MAY_BE_UNDER_WAY)
            usleep(100);
    }
}

void threads(uint16_t port, unsigned number)
{
    /* One socket for each, so that nobody waits at the socket of another. */
    int counting = wire_join(port), sending = wire_join(port), own_socket = wire_join(port);
    pid_t counter, others;
    double begin = seconds();

    tells_each = number;
    telling = TELLERS;
    wire_count = mmap(NULL, sizeof *wire_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                      -1, 0);
    counter = begin_process(count_records, counting, port);
    others = begin_process(be_the_others, sending, port);
    /* What it tells of its torrents must leave the rough network room for peers. */
    rough_network = true;
    setenv("LIVESYNC_TELL_PACKETS", "10", 1);
    set_beacons("0.02", "0.02");
    host_sync(port, US);
    for (uintptr_t thread = 0; thread < TELLERS; thread++)
        host_thread(tell_numbers, (void *)thread);
    host_thread(handle, (void *)(intptr_t)own_socket);
    while (telling)
        host_ticker();
    host_join();
    /* Peers still come in while it stops. It sends what is left for as long as it may, which on a
       slow machine is not all: that is awaited before. */
    rough_network = false;
    WAIT_FOR(wire_count->heard == told || waitpid(counter, NULL, WNOHANG));
    double took = timed_deinit();
    if (took > deinit_limit())
        broken("livesync_deinit has taken %.0f ms", took * 1e3);
    end_process(others);
    end_process(counter);
    if (wire_count->heard != (unsigned long)TELLERS * number)
        broken("%lu records told, %lu on the wire", told, wire_count->heard);
    end();
    for (enum call call = 0; call < INSERT; call++)
        if (!calls_of(call))
            broken("(the test itself: no %s)", call_names[call]);
    printf("threads: %lu records on the wire in %.1f s, %lu peers came in, %lu buckets walked\n",
           wire_count->heard, seconds() - begin, calls_of(ADD) + calls_of(REMOVE),
           calls_of(WALK));
}

/* reversals: two trackers that tell what comes from sync. What one tracker was told
   by a third must not come from either. */

static void be_reversed(int socket, uint16_t port)
{
    reversed = true;
    host_sync(port, US + 1);
    for (;;) {
        host_handle(socket);
        host_ticker();
        usleep(1000);
    }
}

void reversals(uint16_t port, unsigned number)
{
    int wire = wire_join(port), own_socket = wire_join(port);
    pid_t other = begin_process(be_reversed, wire_join(port), port);
    struct packet packet = live_packet(THEM, 1, LIVE_RECORDS, 0);

    (void)number;
    reversed = true;
    host_sync(port, US);
    /* Applied both by the library's thread and on the main thread, in both. */
    for (unsigned i = 0; i < 20; i++) {
        packet = live_packet(THEM, i * LIVE_RECORDS, LIVE_RECORDS, i % 2 ? PEER_FLAG_STOPPED : 0);
        wire_send(wire, port, &packet);
        host_handle(own_socket);
        host_ticker();
    }
    WAIT_FOR(calls_of(ADD) + calls_of(REMOVE) >= 2 * 20 * LIVE_RECORDS);

    /* A completion is told by such a tracker, too: once, and no echo comes back. What it had told
       again would leave before it. */
    ot_hash hash;
    ot_peer peer = {{10, 0, 0, 1, 0x1a, 0xe1, 0x40, 0}};
    unsigned long before = calls_of(ADD);
    hash_of(1, &hash);
    livesync_tell(&hash, &peer);
    packet = wire_receive(wire, US, SYNC_LIVE, PATIENCE);
    if (!packet.length)
        broken("a completion is not told");
    if (number_of(packet.bytes + HEADER) != 1 || packet.bytes[HEADER + 26] != 0x40)
        broken("what came from sync was told again");
    if (wire_receive(wire, US + 1, SYNC_LIVE, 0.5).length || calls_of(ADD) != before)
        broken("a completion comes back");
    end_process(other);
    end();
    printf("reversals: %lu peers applied, none told again\n", calls_of(ADD) + calls_of(REMOVE));
}

/* idle and pounding: a main loop that does not turn, and one that does nothing
   but turn. Peers and beacons are on the wire on time, and not before it. Others use this
   machine, too: what is late is tried again, for as long as our patience lasts. */

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
    end();
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
    end();
}

static void set_beacons(const char *first_delay, const char *interval)
{
    setenv("LIVESYNC_FIRST_BEACON_DELAY", first_delay, 1);
    setenv("LIVESYNC_BEACON_INTERVAL", interval, 1);
}
