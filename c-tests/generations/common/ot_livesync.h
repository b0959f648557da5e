/* The shape of opentracker's ot_livesync.h from 22 April 2010 on. */
#ifndef OT_LIVESYNC_H__
#define OT_LIVESYNC_H__

#include "io.h"
#include "trackerlogic.h"

#ifdef WANT_SYNC_LIVE

void livesync_init();
void livesync_deinit();
void livesync_bind_mcast( char *ip, uint16_t port );
void livesync_tell( struct ot_workstruct *ws );
void livesync_ticker( );
void handle_livesync( const int64 sock );

#endif
#endif
