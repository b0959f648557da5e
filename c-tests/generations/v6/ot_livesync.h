/* The shape of opentracker's ot_livesync.h until 21 April 2010. */
#ifndef OT_LIVESYNC_H__
#define OT_LIVESYNC_H__

#include "io.h"
#include "trackerlogic.h"

#ifdef WANT_SYNC_LIVE

void livesync_init();
void livesync_deinit();
void livesync_bind_mcast( char *ip, uint16_t port );
void livesync_tell( HASH_PARAMETER( const info_hash ), const ot_peer * const peer );
void livesync_ticker( );
void handle_livesync( const int64 serversocket );

#endif
#endif
