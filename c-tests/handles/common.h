/* The common part of the programs beside this file. Each of them tests one side of the
   handles of livesync.h, on 127.0.0.1 and the port of its arguments. It prints "ok" or the
   failure. */

#ifndef COMMON_H
#define COMMON_H

#include <stdint.h>

#include "livesync.h"

/* Time limit for events that must happen. */
enum { PATIENCE_MS = 60000 };

/* Prints the failure, and ends the program. */
void fail( const char *what );

int64_t now_ms( void );
void sleep_ms( int ms );

/* Returns a config for 127.0.0.1, where other nodes of this host can be received. */
livesync_config_t local_config( int port );
int is_loopback( const uint8_t *ip );

/* Torrents have numbers, and everything about one follows from its number. */
void hash_of( uint32_t torrent, uint8_t *info_hash );
uint32_t number_of( const uint8_t *info_hash );

livesync_peer_t ipv4_peer( uint16_t port, uint8_t flags );
livesync_peer_t ipv6_peer( uint16_t port, uint8_t flags );

void announce( livesync_t *handle, uint32_t torrent, livesync_peer_t peer );
livesync_stats_t stats_of( livesync_t *handle );

#endif
