/* What the contract host is put through. */

#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <stdint.h>

/* How long livesync_deinit may take. */
#define DEINIT_LIMIT 0.2

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

/* Waits until the condition holds, which it must do within some seconds. */
#define WAIT_FOR(condition)                                                                        \
    for (double begin = seconds(); !(condition); usleep(200))                                      \
        if (seconds() - begin > PATIENCE)                                                          \
            broken("in vain waited for: %s", #condition);
#define PATIENCE 20

/* Deinitialises; how long that took, not counting how long this thread waited for
   a processor. Works in a signal handler. */
double timed_deinit(void);

#endif
