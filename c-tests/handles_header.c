/* Does include/livesync.h compile, also beside the other header? */

#include "livesync.h"
#include "ot_livesync.h"
#include "livesync.h"

int use( livesync_t **handle );

int use( livesync_t **handle ) {
  livesync_config_t config;
  int error = livesync_config_init( &config, sizeof config );
  config.port = 9696;
  config.log_level = LIVESYNC_LOG_WARN;
  return error == LIVESYNC_OK ? livesync_open( &config, handle ) : error;
}
