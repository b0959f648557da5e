/* Nodes that a program drives by a poll(2) loop of its own: two of them in one cluster, on
   one thread, all by events or all by callbacks. */

#ifndef POLLED_H
#define POLLED_H

#include "polled_node.h"
#include "polled_torrents.h"

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

#endif
