/* Up to three handles with tables in one cluster, each with a receive thread or all polled. */

#ifndef CLUSTER_H
#define CLUSTER_H

#include "common.h"

/* The ways to run a handle. */
enum { OWN_THREAD, POLLING };

struct cluster {
  livesync_t *handles[3];
  int way;
};

livesync_config_t table_config( int port );

/* Starts the handle with this number; its id is the number plus 1. */
livesync_t *start( struct cluster *cluster, unsigned number, const livesync_config_t *config );
void close_all( struct cluster *cluster );

/* Lets a moment pass. Without a thread the handles are processed here, at fixed times; a
   table leaves no events. */
void let_happen( struct cluster *cluster );
void let_happen_for( struct cluster *cluster, int ms );

/* Returns the counts of a torrent in a table. */
livesync_counts_t counts_of( livesync_t *handle, uint32_t torrent );
int has_counts( livesync_t *handle, uint32_t torrent, uint64_t seeders, uint64_t leechers, uint64_t downloaded );

/* Waits until the swarm of a torrent has these counts. */
void wait_for_counts( struct cluster *cluster, livesync_t *handle, uint32_t torrent, uint64_t seeders,
                      uint64_t leechers, uint64_t downloaded, const char *what );

#endif
