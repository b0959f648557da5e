/* What the contract host is put through. */

#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <stdint.h>
#include <sys/types.h>

/* A scenario uses the group's ports from `port` on, and ends the process by
   broken() when something is wrong. */
typedef void scenario(uint16_t port, unsigned number);

scenario calls;
scenario stops;
scenario threads;
scenario reversals;
scenario idle;
scenario pounding;
scenario interrupts;

/* The ids of the host, and of the tracker that a scenario plays on the wire. */
enum { US = 1, THEM = 7 };

/* Waits until the condition holds, which it must do within some seconds. */
#define WAIT_FOR(condition)                                                                        \
    for (double begin = seconds(); !(condition); usleep(200))                                      \
        if (seconds() - begin > PATIENCE)                                                          \
            broken("in vain waited for: %s", #condition);
#define PATIENCE 60

/* Deinitialises; how long that took, not counting how long this thread waited for
   a processor. Works in a signal handler. */
double timed_deinit(void);

/* How long that may be: 200 ms, or where CONTRACT_SLOW is set in the environment, so
   long that only a deadlock takes longer. */
double deinit_limit(void);

/* Deinitialises, if that was not done; the library's thread ends, and leaves a table
   that is sound. */
void end_sync(void);

/* When the first beacon is sent, and how often, in seconds; from the next host_sync on. */
void set_beacons(const char *first_delay, const char *interval);

/* A process of its own that ends when this one does. */
pid_t begin_process(void (*run)(int socket, uint16_t port), int socket, uint16_t port);
void end_process(pid_t pid);

#endif
