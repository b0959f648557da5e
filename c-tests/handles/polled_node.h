/* A node in a host loop with poll(2). */

#ifndef POLLED_NODE_H
#define POLLED_NODE_H

#include <pthread.h>
#include <stddef.h>

#include "common.h"

/* Number of torrents, and upper bound for a single walk. */
enum { TORRENTS = 1000, PORTION = 97 };

/* The ways in which a node gets its announces. */
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
  /* Torrents: download counts by number; 0 for unknown ones. */
  uint64_t downloaded[TORRENTS];
  unsigned torrents, raised, counted, walked, looked_up;
  /* The id that replaced one that another node had. */
  unsigned renamed;
  uint32_t new_id;
};

/* Returns the node that a callback is for; fails if it may not come now. */
static inline struct node *called_back( void *user ) {
  struct node *node = user;
  if( !pthread_equal( pthread_self(), node->thread ) ) fail( "called back from another thread" );
  if( !node->in_process ) fail( "called back outside of livesync_process()" );
  if( livesync_close( node->handle ) != LIVESYNC_E_STATE ) fail( "closed inside of a callback" );
  return node;
}

#endif
