/* What the contract host is put through. */

#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <stdint.h>

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
#define PATIENCE 60

/* Deinitialises; how long that took, not counting how long this thread waited for
   a processor. Works in a signal handler. */
double timed_deinit(void);

/* How long that may be: 200 ms, or where CONTRACT_SLOW is set in the environment, so
   long that only a deadlock takes longer. */
double deinit_limit(void);

#endif
