/* What a program that embeds the library provides besides its table: a few
   variables and functions which the library finds by their names. */

#ifndef TRACKER_HOST_H
#define TRACKER_HOST_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* How an announce reached us. */
enum { FLAG_TCP, FLAG_UDP, FLAG_MCA };

enum { OT_PERMISSION_MAY_LIVESYNC = 0x4 };

/* Without handle_udp6 and load_state among our symbols, the library takes us
   for an opentracker of early January 2009: addresses are 4 bytes, and this
   event has this number. */
enum { EVENT_SYNC = 5 };

/* The wall clock, refreshed in every turn of the main loop. Atomic, because
   the library's thread reads it too; to the library it is a plain time_t. */
extern _Atomic time_t g_now_seconds;

/* 0 once we go down: the library then calls nothing of ours any more. */
extern volatile int g_opentracker_running;

/* Random; drawn between livesync_bind_mcast and livesync_init. */
extern uint32_t g_tracker_id;

_Noreturn void exerr(char *message);
int accesslist_isblessed(char *ip, int permissions);
void stats_issue_event(int event, int proto, uint32_t data);

/* The rest is between our own files. */

/* -v: say what happens to each peer. */
extern int g_verbose;

/* -s: other trackers are to be told of our announces. */
extern int g_syncing;

/* Lets this address speak to us on the sync group. */
void accesslist_bless(struct in_addr address);

/* Randomness of the operating system. */
void random_bytes(void *out, size_t length);

#endif
