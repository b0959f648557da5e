/* Does include/livesync.h compile, also beside the other header? */

#include "livesync.h"
#include "ot_livesync.h"
#include "livesync.h"

#if LIVESYNC_VERSION != \
    ( LIVESYNC_VERSION_MAJOR << 16 | LIVESYNC_VERSION_MINOR << 8 | LIVESYNC_VERSION_PATCH )
#error "the version cannot be compared by the preprocessor"
#endif

int use( livesync_t **handle );

int use( livesync_t **handle ) {
  livesync_config_t config;
  int error = livesync_config_init( &config, sizeof config );
  config.port = 9696;
  config.log_level = LIVESYNC_LOG_WARN;
  return error == LIVESYNC_OK ? livesync_open( &config, handle ) : error;
}
