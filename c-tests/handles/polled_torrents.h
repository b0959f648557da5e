/* The torrents of a node in a host loop with poll(2). */

#ifndef POLLED_TORRENTS_H
#define POLLED_TORRENTS_H

#include "polled_node.h"

/* Returns a torrent's download count: more than 32 bits hold, and never 0. */
uint64_t downloads_of( uint32_t torrent );

void set_torrent_callbacks( livesync_config_t *config );

/* The answers to events. */
void answer_count( struct node *node );
void answer_walk( struct node *node, const livesync_event_t *event );
void answer_look_up( struct node *node, const livesync_event_t *event );
void answer_merge( struct node *node, const livesync_event_t *event );

#endif
