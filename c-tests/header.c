/* Does include/ot_livesync.h compile wherever a tracker includes it? */

#ifdef AFTER_TRACKER_HEADERS
#define LIVESYNC_STANDALONE
#include "io.h"
#include "trackerlogic.h"
#endif

#include "ot_livesync.h"
#include "ot_livesync.h"

const char *version( void );
#ifdef WANT_SYNC_LIVE
/* Included twice, the calls must still be calls. */
#if defined( livesync_init ) || defined( livesync_deinit ) || \
    defined( livesync_ticker ) || defined( handle_livesync )
#error "with WANT_SYNC_LIVE the functions may not be macros"
#endif
#endif

void sync_a_moment( char *ip, ot_hash *hash, const ot_peer *peer );

const char *version( void ) { return g_version_livesync_c; }

void sync_a_moment( char *ip, ot_hash *hash, const ot_peer *peer ) {
#ifdef WANT_SYNC_LIVE
  livesync_bind_mcast( ip, LIVESYNC_PORT );
  livesync_tell( hash, peer );
#else
  (void)ip; (void)hash; (void)peer;
#endif
  livesync_init();
  livesync_ticker();
  handle_livesync( (int64)0 );
  livesync_deinit();
}
