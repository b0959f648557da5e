/* interrupts: trackers go down at random moments. Each round is a child that announces,
   ticks and handles, while peers, scrape tells, inquiries and beacons come in, until
   SIGALRM arrives a random number of microseconds later. The handler does the same as
   the classic tracker's handler for SIGINT: it clears
   g_opentracker_running, frees all torrents, calls livesync_deinit() and exit(0). */

#define _GNU_SOURCE
#include "scenarios.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"
#include "wire.h"

/* Number of children that run at once, each in a group of its own. */
enum { CHILDREN = 12 };

/* Number of torrents at the start, and number of torrents that come in. */
enum { TORRENTS = 3000, NUMBERS = 6000 };

/* While no call is going on, a deinit may ask for this many nanoseconds of sleep, except for
   one in FEW: the library's thread may have lost its processor between two calls. */
enum { LONG_SLEEP = 2000000, FEW = 20 };

/* Upper bound for the number of rounds. */
enum { MAX_ROUNDS = 1 << 20 };

/* Seconds within which a child must end after the signal. */
enum { CHILD_PATIENCE = 10 };

/* Shared with the children. */
static struct {
    atomic_ulong interrupted[PLACES];
    atomic_ulong in_delivery;
    atomic_ulong longest; /* microseconds */
    atomic_ulong waited;  /* deinits that reached their time limit, or nearly */
    atomic_uint undisturbed; /* deinits while no call of the library was going on */
    atomic_uint slept_long;  /* of these, the ones that asked for a long sleep */
    unsigned took[MAX_ROUNDS]; /* duration of these in microseconds */
} *results;

static pid_t begin_child(uint16_t port, unsigned round);
static void check_child(pid_t pid, int status, unsigned round);
static void be_a_tracker(uint16_t port, unsigned round);
static void go_down(int signal);
static unsigned long all_calls(void);
static unsigned percentile(unsigned per_thousand);
static int compare(const void *one, const void *other);
static pid_t begin_sender(uint16_t port);

void interrupts(uint16_t port, unsigned rounds)
{
    struct {
        pid_t pid;
        unsigned round;
        double begun;
    } children[CHILDREN] = {{0}};
    unsigned begun = 0, ended = 0;
    double start = seconds();
    pid_t sender;

    results =
        mmap(NULL, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    setenv("LIVESYNC_FIRST_BEACON_DELAY", "0.01", 1);
    setenv("LIVESYNC_BEACON_INTERVAL", "0.01", 1);
    for (unsigned number = 0; number < TORRENTS; number++) {
        ot_hash hash;
        ot_peer peer = {{10, 0, 0, 1, 0x1a, 0xe1, 0, 0}};
        hash_of(number, &hash);
        host_announce(&hash, &peer);
    }
    sender = begin_sender(port);
    while (ended < rounds) {
        for (int i = 0; i < CHILDREN; i++) {
            int status;
            if (!children[i].pid) {
                if (begun == rounds)
                    continue;
                children[i].pid = begin_child((uint16_t)(port + i), begun);
                children[i].round = begun++;
                children[i].begun = seconds();
            } else if (waitpid(children[i].pid, &status, WNOHANG)) {
                check_child(children[i].pid, status, children[i].round);
                children[i].pid = 0;
                ended++;
            } else if (seconds() - children[i].begun > CHILD_PATIENCE) {
                /* Writes a core dump, if the system does so. */
                kill(children[i].pid, SIGABRT);
                broken("round %u: process %d does not end", children[i].round, children[i].pid);
            }
        }
        usleep(500);
    }
    kill(sender, SIGKILL);
    waitpid(sender, NULL, 0);
    host_check_and_free();

    printf("interrupts: %u rounds in %.1f s; in", rounds, seconds() - start);
    for (enum place place = 0; place < PLACES; place++)
        printf(" %s %lu,", place_names[place], results->interrupted[place]);
    printf(" with the library's thread in the tracker %lu; deinit waited for another %lu times,"
           " took %.1f ms at most, and %u us (p50), %u us (p99) where nothing was called\n",
           results->in_delivery, results->waited, (double)results->longest / 1e3, percentile(500),
           percentile(990));
    if (results->slept_long * FEW > results->undisturbed)
        broken("of %u deinits while nothing is called %u want to sleep for long",
               results->undisturbed, results->slept_long);
    for (enum place place = 0; place < PLACES; place++)
        if (!results->interrupted[place] && rounds >= 1000)
            broken("(the test itself: %s was never interrupted)", place_names[place]);
}

static pid_t begin_child(uint16_t port, unsigned round)
{
    pid_t pid = fork();

    if (pid < 0)
        broken("(the test itself: no more processes)");
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    be_a_tracker(port, round);
    _exit(1);
}

static void check_child(pid_t pid, int status, unsigned round)
{
    if (WIFSIGNALED(status))
        broken("round %u: process %d dies of %s", round, pid, strsignal(WTERMSIG(status)));
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        broken("round %u: process %d ends with status %d", round, pid, WEXITSTATUS(status));
}

static void *tell_on(void *argument)
{
    unsigned number = *(unsigned *)argument;

    while (is_running()) {
        ot_hash hash;
        ot_peer peer = {{10, 0, 0, 2, 0x1a, 0xe1, 0, 0}};
        hash_of(number++ % NUMBERS, &hash);
        host_announce(&hash, &peer);
        usleep(10);
    }
    return NULL;
}

/* One round in eight interrupts the setup, and one a tracker that restarts sync all the
   time; one in four has threads that announce, as later trackers have. */
static void be_a_tracker(uint16_t port, unsigned round)
{
    int own_socket = wire_join(port);
    bool in_setup = round % 8 == 0, restarting = round % 8 == 1, threads = round % 4 == 2;
    static unsigned from[] = {0, 3000};
    struct itimerval timer = {{0, 0}, {0, 0}};

    srandom(round);
    signal(SIGALRM, go_down);
    timer.it_value.tv_usec = 1 + random() % (in_setup ? 800 : 5000);
    if (in_setup)
        setitimer(ITIMER_REAL, &timer, NULL);
    host_sync(port, US);
    if (!in_setup)
        setitimer(ITIMER_REAL, &timer, NULL);
    for (size_t i = 0; threads && i < sizeof from / sizeof *from; i++)
        host_thread(tell_on, &from[i]);
    for (unsigned number = (unsigned)random();; number++) {
        ot_hash hash;
        ot_peer peer = {{10, 0, 0, 3, 0x1a, 0xe1, 0, 0}};
        hash_of(number, &hash);
        host_announce(&hash, &peer);
        if (number % 8 == 0)
            host_ticker();
        if (number % 64 == 0)
            host_handle(own_socket);
        if (restarting && number % 16 == 0) {
            host_deinit();
            host_init(US);
        }
    }
}

static void go_down(int signal)
{
    enum place place = host_place();
    bool in_delivery = library_is_calling(), called;
    unsigned long calls;
    long long slept;
    double took;

    (void)signal;
    if (gettid() != getpid())
        broken("a signal is handled on a thread that is not the main thread");
    set_running(false);
    host_destroy_torrents();
    calls = all_calls();
    slept = slept_in_deinit();
    called = library_is_calling();
    took = timed_deinit();
    slept = slept_in_deinit() - slept;
    /* A thread of the library may have been about to make one more call. */
    called |= all_calls() != calls;
    if (took > deinit_limit())
        broken("livesync_deinit has taken %d ms in %s", (int)(took * 1e3), place_names[place]);

    results->interrupted[place]++;
    results->in_delivery += in_delivery;
    results->waited += took > 0.1;
    if (!called) {
        results->took[results->undisturbed++] = (unsigned)(took * 1e6);
        results->slept_long += slept > LONG_SLEEP;
    }
    for (unsigned long longest = results->longest, us = (unsigned long)(took * 1e6);
         us > longest && !atomic_compare_exchange_weak(&results->longest, &longest, us);)
        ;
    /* Sometimes the child waits long enough for forbidden calls to happen. */
    if (getpid() % 4 == 0)
        usleep(3000);
    exit(0);
}

static unsigned long all_calls(void)
{
    unsigned long calls = 0;

    for (enum call call = 0; call < CALLS; call++)
        calls += calls_of(call);
    return calls;
}

/* Returns a percentile of the durations of deinits without a call of the library. */
static unsigned percentile(unsigned per_thousand)
{
    qsort(results->took, results->undisturbed, sizeof *results->took, compare);
    return results->took[(size_t)results->undisturbed * per_thousand / 1000];
}

static int compare(const void *one, const void *other)
{
    unsigned left = *(const unsigned *)one, right = *(const unsigned *)other;

    return (left > right) - (left < right);
}

/* One process sends to the groups of all children. */
static pid_t begin_sender(uint16_t port)
{
    int socket = wire_join((uint16_t)(port + CHILDREN));
    pid_t pid = fork();

    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0;; i++) {
        const struct packet packets[] = {
            live_packet(THEM, i * 31 % NUMBERS, LIVE_RECORDS, i % 4 ? 0 : PEER_FLAG_STOPPED),
            inquire_packet(THEM, US),
            beacon_packet(THEM, 1000000),
            tell_packet(THEM, i * 31 % NUMBERS, TELL_RECORDS, i),
        };
        for (uint16_t child = 0; child < CHILDREN; child++) {
            wire_send(socket, (uint16_t)(port + child), &packets[0]);
            wire_send(socket, (uint16_t)(port + child), &packets[1 + i % 3]);
        }
        usleep(300);
    }
}
