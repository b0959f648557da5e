/* The layouts and numbers of livesync.h as the C compiler sees them, for bindings that
   repeat them. A line is

     struct field offset size    for each field,
     struct - - size             for each struct,
     CONSTANT - - value          for each constant.

   Fails if a field is missing here, unless it is so small that it lies in padding: each
   must begin where the one before has ended. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "livesync.h"

#define FIELD( type, name ) \
  field( #type, #name, offsetof( type, name ), sizeof ((type *)0)->name, __alignof__( ((type *)0)->name ) )
#define STRUCT( type ) structure( #type, sizeof( type ), __alignof__( type ) )
#define CONSTANT( name ) printf( #name " - - %d\n", name )

/* Where the last field has ended. */
static size_t end;

static size_t aligned( size_t offset, size_t alignment ) {
  return ( offset + alignment - 1 ) / alignment * alignment;
}

static void missing( const char *type, const char *before ) {
  fprintf( stderr, "%s has a field before %s that is not listed\n", type, before );
  exit( 1 );
}

static void field( const char *type, const char *name, size_t offset, size_t size, size_t alignment ) {
  if( offset != aligned( end, alignment ) ) missing( type, name );
  printf( "%s %s %zu %zu\n", type, name, offset, size );
  end = offset + size;
}

static void structure( const char *type, size_t size, size_t alignment ) {
  if( size != aligned( end, alignment ) ) missing( type, "its end" );
  printf( "%s - - %zu\n", type, size );
  end = 0;
}

static void peer( void ) {
  FIELD( livesync_peer_t, ip );
  FIELD( livesync_peer_t, port );
  FIELD( livesync_peer_t, flags );
  FIELD( livesync_peer_t, reserved );
  STRUCT( livesync_peer_t );
}

static void cursor( void ) {
  FIELD( livesync_cursor_t, bucket );
  FIELD( livesync_cursor_t, place );
  FIELD( livesync_cursor_t, after );
  STRUCT( livesync_cursor_t );
}

static void torrent( void ) {
  FIELD( livesync_torrent_t, info_hash );
  FIELD( livesync_torrent_t, base_offset );
  FIELD( livesync_torrent_t, downloaded );
  STRUCT( livesync_torrent_t );
}

static void config( void ) {
  FIELD( livesync_config_t, size );
  FIELD( livesync_config_t, interface );
  FIELD( livesync_config_t, group );
  FIELD( livesync_config_t, allow );
  FIELD( livesync_config_t, port );
  FIELD( livesync_config_t, ttl );
  FIELD( livesync_config_t, loopback );
  FIELD( livesync_config_t, speak );
  FIELD( livesync_config_t, listen );
  FIELD( livesync_config_t, ipv6 );
  FIELD( livesync_config_t, scrape );
  FIELD( livesync_config_t, table );
  FIELD( livesync_config_t, environment );
  FIELD( livesync_config_t, flush_ms );
  FIELD( livesync_config_t, first_beacon_delay_ms );
  FIELD( livesync_config_t, beacon_interval_ms );
  FIELD( livesync_config_t, inquire_percent );
  FIELD( livesync_config_t, tell_packets );
  FIELD( livesync_config_t, remembered_torrents );
  FIELD( livesync_config_t, peer_lifetime_s );
  FIELD( livesync_config_t, torrent_lifetime_s );
  FIELD( livesync_config_t, table_bytes );
  FIELD( livesync_config_t, log_level );
  FIELD( livesync_config_t, user );
  FIELD( livesync_config_t, log );
  FIELD( livesync_config_t, is_running );
  FIELD( livesync_config_t, is_blessed );
  FIELD( livesync_config_t, add_peer );
  FIELD( livesync_config_t, remove_peer );
  FIELD( livesync_config_t, packet_applied );
  FIELD( livesync_config_t, new_tracker_id );
  FIELD( livesync_config_t, count_torrents );
  FIELD( livesync_config_t, walk_torrents );
  FIELD( livesync_config_t, look_up_torrent );
  FIELD( livesync_config_t, merge_torrent );
  FIELD( livesync_config_t, key_file );
  FIELD( livesync_config_t, cluster );
  FIELD( livesync_config_t, max_skew_s );
  FIELD( livesync_config_t, repair );
  FIELD( livesync_config_t, auth );
  STRUCT( livesync_config_t );
}

static void event( void ) {
  FIELD( livesync_event_t, event_type );
  FIELD( livesync_event_t, tracker_id );
  FIELD( livesync_event_t, info_hash );
  FIELD( livesync_event_t, peer );
  FIELD( livesync_event_t, torrent );
  FIELD( livesync_event_t, cursor );
  FIELD( livesync_event_t, limit );
  STRUCT( livesync_event_t );
}

static void stats( void ) {
  FIELD( livesync_stats_t, size );
  FIELD( livesync_stats_t, tracker_id );
  FIELD( livesync_stats_t, scrape_state );
  FIELD( livesync_stats_t, uptime_ms );
  FIELD( livesync_stats_t, nodes );
  FIELD( livesync_stats_t, records_told );
  FIELD( livesync_stats_t, records_heard );
  FIELD( livesync_stats_t, packets_out );
  FIELD( livesync_stats_t, bytes_out );
  FIELD( livesync_stats_t, packets_in );
  FIELD( livesync_stats_t, bytes_in );
  FIELD( livesync_stats_t, send_errors );
  FIELD( livesync_stats_t, packets_overflowed );
  FIELD( livesync_stats_t, id_collisions );
  FIELD( livesync_stats_t, drops_not_blessed );
  FIELD( livesync_stats_t, drops_too_short );
  FIELD( livesync_stats_t, drops_own_packet );
  FIELD( livesync_stats_t, drops_unknown_type );
  FIELD( livesync_stats_t, drops_bad_length );
  FIELD( livesync_stats_t, drops_empty_list );
  FIELD( livesync_stats_t, drops_truncated_tail );
  FIELD( livesync_stats_t, drops_ipv6_unsupported );
  FIELD( livesync_stats_t, drops_scrape_unsupported );
  FIELD( livesync_stats_t, beacons_sent );
  FIELD( livesync_stats_t, beacons_heard );
  FIELD( livesync_stats_t, inquiries_sent );
  FIELD( livesync_stats_t, inquiries_heard );
  FIELD( livesync_stats_t, torrents_told );
  FIELD( livesync_stats_t, torrents_heard );
  FIELD( livesync_stats_t, torrents_failed );
  FIELD( livesync_stats_t, torrents_not_remembered );
  FIELD( livesync_stats_t, events_waiting );
  FIELD( livesync_stats_t, table_torrents );
  FIELD( livesync_stats_t, table_peers );
  FIELD( livesync_stats_t, table_bytes );
  FIELD( livesync_stats_t, table_expired );
  FIELD( livesync_stats_t, table_evicted );
  FIELD( livesync_stats_t, packets_missing );
  FIELD( livesync_stats_t, packets_repaired );
  FIELD( livesync_stats_t, packets_given_up );
  FIELD( livesync_stats_t, packets_sent_again );
  FIELD( livesync_stats_t, naks_sent );
  FIELD( livesync_stats_t, naks_heard );
  FIELD( livesync_stats_t, heartbeats_sent );
  FIELD( livesync_stats_t, packets_unproven );
  FIELD( livesync_stats_t, drops_bad_numbers );
  FIELD( livesync_stats_t, drops_duplicate );
  FIELD( livesync_stats_t, drops_too_late );
  FIELD( livesync_stats_t, drops_untagged );
  FIELD( livesync_stats_t, drops_bad_tag );
  FIELD( livesync_stats_t, drops_replayed );
  FIELD( livesync_stats_t, drops_skewed );
  FIELD( livesync_stats_t, receive_buffer_errors );
  FIELD( livesync_stats_t, announces_refused );
  FIELD( livesync_stats_t, log_lines_dropped );
  FIELD( livesync_stats_t, drops_bad_peer );
  FIELD( livesync_stats_t, drops_bad_count );
  STRUCT( livesync_stats_t );
}

static void node( void ) {
  FIELD( livesync_node_t, tracker_id );
  FIELD( livesync_node_t, port );
  FIELD( livesync_node_t, reserved );
  FIELD( livesync_node_t, ip );
  FIELD( livesync_node_t, last_heard_ms );
  FIELD( livesync_node_t, packets );
  FIELD( livesync_node_t, records );
  FIELD( livesync_node_t, beacons );
  FIELD( livesync_node_t, torrents );
  FIELD( livesync_node_t, ahead_ms );
  FIELD( livesync_node_t, lag_ms );
  FIELD( livesync_node_t, packets_missing );
  FIELD( livesync_node_t, packets_repaired );
  FIELD( livesync_node_t, packets_given_up );
  FIELD( livesync_node_t, proven );
  STRUCT( livesync_node_t );
}

static void counts( void ) {
  FIELD( livesync_counts_t, size );
  FIELD( livesync_counts_t, known );
  FIELD( livesync_counts_t, base_offset );
  FIELD( livesync_counts_t, seeders );
  FIELD( livesync_counts_t, leechers );
  FIELD( livesync_counts_t, downloaded );
  STRUCT( livesync_counts_t );
}

static void constants( void ) {
  CONSTANT( LIVESYNC_OK );
  CONSTANT( LIVESYNC_E_ARGUMENT );
  CONSTANT( LIVESYNC_E_CONFIG );
  CONSTANT( LIVESYNC_E_SOCKET );
  CONSTANT( LIVESYNC_E_THREAD );
  CONSTANT( LIVESYNC_E_STATE );
  CONSTANT( LIVESYNC_E_BUSY );
  CONSTANT( LIVESYNC_E_TRIPPED );
  CONSTANT( LIVESYNC_E_SILENT );
  CONSTANT( LIVESYNC_E_FORKED );
  CONSTANT( LIVESYNC_E_FULL );
  CONSTANT( LIVESYNC_MERGED );
  CONSTANT( LIVESYNC_KNOWN_BETTER );
  CONSTANT( LIVESYNC_NOT_STORED );
  CONSTANT( LIVESYNC_LOG_OFF );
  CONSTANT( LIVESYNC_LOG_ERROR );
  CONSTANT( LIVESYNC_LOG_WARN );
  CONSTANT( LIVESYNC_LOG_INFO );
  CONSTANT( LIVESYNC_LOG_DEBUG );
  CONSTANT( LIVESYNC_AUTH_REQUIRE );
  CONSTANT( LIVESYNC_AUTH_ACCEPT );
  CONSTANT( LIVESYNC_MAX_NODES );
  CONSTANT( LIVESYNC_PEER_SEEDING );
  CONSTANT( LIVESYNC_PEER_COMPLETED );
  CONSTANT( LIVESYNC_PEER_STOPPED );
  CONSTANT( LIVESYNC_EVENT_ADD_PEER );
  CONSTANT( LIVESYNC_EVENT_REMOVE_PEER );
  CONSTANT( LIVESYNC_EVENT_NEW_TRACKER_ID );
  CONSTANT( LIVESYNC_EVENT_COUNT_TORRENTS );
  CONSTANT( LIVESYNC_EVENT_WALK_TORRENTS );
  CONSTANT( LIVESYNC_EVENT_LOOK_UP_TORRENT );
  CONSTANT( LIVESYNC_EVENT_MERGE_TORRENT );
  CONSTANT( LIVESYNC_SCRAPE_OFF );
  CONSTANT( LIVESYNC_SCRAPE_IDLE );
  CONSTANT( LIVESYNC_SCRAPE_INQUIRING );
  CONSTANT( LIVESYNC_SCRAPE_TELLING );
  CONSTANT( LIVESYNC_SCRAPE_TELLING_BACK );
  CONSTANT( LIVESYNC_FEATURE_CLASSIC );
  CONSTANT( LIVESYNC_FEATURE_SCRAPE );
}

int main( void ) {
  peer();
  cursor();
  torrent();
  config();
  event();
  stats();
  node();
  counts();
  constants();
  return 0;
}
