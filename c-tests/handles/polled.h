/* Nodes in a host loop with poll(2): two of them in one cluster, on one thread, all by
   events or all by callbacks. */

#ifndef POLLED_H
#define POLLED_H

#include "polled_node.h"
#include "polled_torrents.h"

/* Returns a new node, and a config without scrape sync for it. */
livesync_config_t new_node( struct node *node, int port, int way );
void start( struct node *node, const livesync_config_t *config, uint32_t id );

/* Starts two nodes with the ids 1 and 2, without scrape sync. */
void start_two( struct node *two, int port, int way );
void close_two( struct node *two );

/* Runs one turn of a loop with two handles. It processes a handle only when the handle's
   descriptor or timeout requires it, so that a missing request shows. */
void turn( struct node *two, int limit_ms );
void turn_for( struct node *two, int ms );

/* Turns until a counter has a value. */
void wait_for( struct node *two, const unsigned *counter, unsigned value, const char *what );

/* The parts of a turn, for loops that do not consist of turns. */
void process( struct node *node );
void take_events( struct node *node );

#endif
