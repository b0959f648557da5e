/* The smallest and the largest value of each field of a config: the library names the field
   in its error, or the handle works. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

/* A field, and whether the library refuses 0 and its largest value. */
struct field {
  const char *name;
  size_t offset, size;
  int zero, most;
};

#define FIELD( name, zero, most ) \
  { #name, offsetof( livesync_config_t, name ), sizeof( ( (livesync_config_t *)0 )->name ), zero, most }

static const struct field FIELDS[] = {
  FIELD( port, 1, 0 ),
  FIELD( ttl, 1, 0 ),
  FIELD( loopback, 0, 0 ),
  FIELD( speak, 0, 0 ),
  FIELD( listen, 0, 0 ),
  FIELD( ipv6, 0, 0 ),
  FIELD( scrape, 0, 0 ),
  FIELD( table, 0, 0 ),
  FIELD( environment, 0, 0 ),
  FIELD( flush_ms, 0, 1 ),
  FIELD( first_beacon_delay_ms, 0, 0 ),
  FIELD( beacon_interval_ms, 1, 0 ),
  FIELD( inquire_percent, 0, 1 ),
  FIELD( scrape_tell_packets, 1, 1 ),
  FIELD( remembered_torrents, 0, 1 ),
  FIELD( peer_lifetime_s, 1, 0 ),
  FIELD( torrent_lifetime_s, 1, 0 ),
  FIELD( table_bytes, 1, 1 ),
  FIELD( log_level, 0, 1 ),
  FIELD( max_skew_s, 1, 1 ),
  FIELD( repair, 0, 0 ),
  FIELD( auth, 0, 1 ),
  FIELD( repair_window, 1, 1 ),
};

/* The last line of the log. */
static char g_line[256];

static void log_cb( int level, const char *message, void *user ) {
  (void)level; (void)user;
  snprintf( g_line, sizeof g_line, "%s", message );
}

static int begins_with_name( const char *name ) {
  const size_t length = strlen( name );
  return !strncmp( g_line, name, length ) && !strncmp( g_line + length, " must be ", 9 );
}

static void test_value( int port, const struct field *field, int byte, int refused ) {
  livesync_config_t config = local_config( port );
  livesync_t *handle = NULL;
  config.table = 1;
  config.loopback = 0;
  config.log = log_cb;
  memset( (char *)&config + field->offset, byte, field->size );
  g_line[0] = 0;
  if( livesync_open( &config, &handle ) ) {
    if( !refused || !begins_with_name( field->name ) ) fail( g_line[0] ? g_line : field->name );
    return;
  }
  if( refused || livesync_start( handle, 1 ) ) fail( field->name );
  if( config.speak ) announce( handle, 1, ipv4_peer( 6881, 0 ) );
  if( livesync_close( handle ) ) fail( field->name );
}

int main( int argc, char **argv ) {
  const int port = argc > 1 ? atoi( argv[1] ) : 0;
  size_t i;
  for( i = 0; i < sizeof FIELDS / sizeof *FIELDS; ++i ) {
    test_value( port, &FIELDS[i], 0, FIELDS[i].zero );
    test_value( port, &FIELDS[i], 0xff, FIELDS[i].most );
  }
  puts( "ok" );
  return 0;
}
