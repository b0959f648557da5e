/* The scenarios of the contract host. */

#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <stdint.h>
#include <sys/types.h>

/* A scenario uses the group's ports from `port` on. It ends the process by broken() when a
   check fails. */
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

/* Deinitializes, and returns the duration without the time that this thread waited for a
   processor. Works in a signal handler. */
double timed_deinit(void);

/* Returns the limit for that: 200 ms, or, if CONTRACT_SLOW is set in the environment, so
   long that only a deadlock takes longer. */
double deinit_limit(void);

/* Deinitializes unless that was done; checks that the library's thread ends and that the
   table is sound. */
void end_sync(void);

/* Sets the delay of the first beacon and the interval, in seconds, from the next host_sync
   on. */
void set_beacons(const char *first_delay, const char *interval);

/* A process of its own that ends when this one does. */
pid_t begin_process(void (*run)(int socket, uint16_t port), int socket, uint16_t port);
void end_process(pid_t pid);

#endif
