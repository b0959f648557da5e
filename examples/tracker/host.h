/* The variables and functions that a program with the library in it provides besides its
   table. The library finds them by their names. */

#ifndef TRACKER_HOST_H
#define TRACKER_HOST_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The ways in which an announce can reach us. */
enum { FLAG_TCP, FLAG_UDP, FLAG_MCA };

enum { OT_PERMISSION_MAY_LIVESYNC = 0x4 };

/* Without handle_udp6 and load_state among our symbols, the library takes us for an
   opentracker of early January 2009: addresses are 4 bytes, and this event has this number. */
enum { EVENT_SYNC = 5 };

/* The wall clock, refreshed in every turn of the main loop. Atomic, because
   the library's thread reads it too; to the library it is a plain time_t. */
extern _Atomic time_t g_now_seconds;

/* 0 once we go down: from then on the library calls none of our functions. */
extern volatile int g_opentracker_running;

/* Random; drawn between livesync_bind_mcast and livesync_init. */
extern uint32_t g_tracker_id;

_Noreturn void exerr(char *message);
int accesslist_isblessed(char *ip, int permissions);
void stats_issue_event(int event, int proto, uint32_t data);

/* The other files of this program use the rest. */

/* -v: log each change of a peer. */
extern int g_verbose;

/* -s: announce our peers to the other trackers. */
extern int g_syncing;

/* Allows this address to send to us on the sync group. */
void accesslist_bless(struct in_addr address);

/* Fills the buffer with random bytes from the operating system. */
void random_bytes(void *out, size_t length);

#endif
