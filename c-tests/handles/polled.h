/* Nodes that a program drives by a poll(2) loop of its own: two of them in one cluster, on
   one thread, all by events or all by callbacks. */

#ifndef POLLED_H
#define POLLED_H

#include <pthread.h>
#include <stddef.h>

#include "common.h"

/* How many torrents there are, and how many are walked at most in one go. */
enum { TORRENTS = 1000, PORTION = 97 };

/* How a node is told what it hears. */
enum { BY_EVENTS, BY_CALLBACKS, EVENTS_WAIT };

struct node {
  livesync_t *handle;
  int way, in_process;
  /* The only thread that may call back. */
  pthread_t thread;
  int64_t due;
  /* Peers. */
  unsigned added, removed, packets;
  livesync_peer_t last;
  uint8_t last_hash[20];
  /* Torrents: by number, how often they were downloaded; 0 for those not known. */
  uint64_t downloaded[TORRENTS];
  unsigned torrents, raised, counted, walked, looked_up;
  /* The id that took the place of one that somebody else has. */
  unsigned renamed;
  uint32_t new_id;
};

/* A new node, and a config for it, in which it does not take part in scrape sync. */
livesync_config_t new_node( struct node *node, int port, int way );
void start( struct node *node, const livesync_config_t *config, uint32_t id );

/* Two nodes with the ids 1 and 2, that do not take part in scrape sync. */
void start_two( struct node *two, int port, int way );
void close_two( struct node *two );

/* One turn of a loop with two handles. A handle is processed when it says so, and not
   otherwise: what it does not say does not happen. */
void turn( struct node *two, int limit_ms );
void turn_for( struct node *two, int ms );

/* Turns until a counter has a value. */
void wait_for( struct node *two, const unsigned *counter, unsigned value, const char *what );

/* The parts of a turn, for loops that are not made of turns. */
void process( struct node *node );
void take_events( struct node *node );

/* The node that a callback is for; fails if it may not come now. */
struct node *called_back( void *user );

/* The torrents of a node, in polled_torrents.c. */

/* How often a torrent was downloaded: more than 32 bits hold, and never 0. */
uint64_t downloads_of( uint32_t torrent );

void set_torrent_callbacks( livesync_config_t *config );

/* The answers to events. */
void answer_count( struct node *node );
void answer_walk( struct node *node, const livesync_event_t *event );
void answer_look_up( struct node *node, const livesync_event_t *event );
void answer_merge( struct node *node, const livesync_event_t *event );

#endif
