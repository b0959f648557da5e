-- The declarations of include/livesync.h that livesync.lua needs, and the conversion of values
-- to and from their structs. The environment variable LIVESYNC_LIBRARY names the library; the
-- default is liblivesync.so.0.1.

local ffi = require "ffi"

ffi.cdef [[
typedef struct livesync_t livesync_t;

typedef struct livesync_config_t {
  size_t size;
  const char *interface, *group, *allow;
  uint16_t port;
  uint8_t ttl, loopback, speak, listen, ipv6, scrape, table, environment;
  uint32_t flush_ms, first_beacon_delay_ms, beacon_interval_ms, inquire_percent;
  uint32_t scrape_tell_packets, remembered_torrents, peer_lifetime_s, torrent_lifetime_s;
  uint64_t table_bytes;
  int log_level;
  void *user, *log, *is_running, *is_allowed, *add_peer, *remove_peer, *packet_applied;
  void *new_tracker_id, *count_torrents, *walk_torrents, *look_up_torrent, *merge_torrent;
  const char *key_file, *cluster;
  uint32_t max_skew_s;
  uint8_t repair, auth;
  uint64_t repair_window;
} livesync_config_t;

typedef struct livesync_peer_t {
  uint8_t ip[16];
  uint16_t port;
  uint8_t flags, reserved;
} livesync_peer_t;

typedef struct livesync_torrent_t {
  uint8_t info_hash[20];
  uint32_t base_offset;
  uint64_t downloaded;
} livesync_torrent_t;

typedef struct livesync_cursor_t {
  uint32_t bucket, place;
  uint8_t after[20];
} livesync_cursor_t;

typedef struct livesync_event_t {
  uint32_t event_type, tracker_id;
  uint8_t info_hash[20];
  livesync_peer_t peer;
  livesync_torrent_t torrent;
  livesync_cursor_t cursor;
  uint32_t limit;
} livesync_event_t;

typedef struct livesync_stats_t {
  size_t size;
  uint32_t tracker_id, scrape_state;
  uint64_t uptime_ms, nodes, records_announced, records_heard, packets_out, bytes_out;
  uint64_t packets_in, bytes_in, send_errors, packets_overflowed, id_collisions;
  uint64_t drops_not_allowed, drops_too_short, drops_own_packet, drops_unknown_type;
  uint64_t drops_bad_length, drops_empty_list, drops_truncated_tail;
  uint64_t drops_ipv6_unsupported, drops_scrape_unsupported;
  uint64_t beacons_sent, beacons_heard, inquiries_sent, inquiries_heard;
  uint64_t torrents_sent, torrents_heard, torrents_failed, torrents_not_remembered;
  uint64_t events_waiting;
  uint64_t table_torrents, table_peers, table_bytes, table_expired, table_evicted;
  uint64_t packets_missing, packets_recovered, packets_lost, packets_retransmitted;
  uint64_t naks_sent, naks_heard, heartbeats_sent, packets_unauthenticated;
  uint64_t drops_bad_numbers, drops_duplicate, drops_too_late, drops_untagged;
  uint64_t drops_bad_tag, drops_replayed, drops_skewed, receive_buffer_errors;
  uint64_t announces_refused, log_lines_dropped, drops_bad_peer, drops_bad_count;
  uint64_t overflowed_control, overflowed_live, overflowed_repair, overflowed_bulk;
} livesync_stats_t;

typedef struct livesync_node_t {
  uint32_t tracker_id;
  uint16_t port, reserved;
  uint8_t ip[16];
  uint64_t last_heard_ms, packets, records, beacons, torrents;
  int64_t ahead_ms;
  uint64_t lag_ms, packets_missing, packets_recovered, packets_lost, authenticated;
} livesync_node_t;

typedef struct livesync_counts_t {
  size_t size;
  uint32_t known, base_offset;
  uint64_t seeders, leechers, downloaded;
} livesync_counts_t;

uint32_t livesync_version( void );
uint64_t livesync_features( void );
const char *livesync_strerror( int error );
int livesync_config_init( livesync_config_t *config, size_t size );
int livesync_open( const livesync_config_t *config, livesync_t **out );
int livesync_start_polling( livesync_t *handle, uint32_t tracker_id );
int livesync_close( livesync_t *handle );
int livesync_fd( livesync_t *handle );
int livesync_next_timeout_ms( livesync_t *handle );
int livesync_process( livesync_t *handle );
int livesync_poll_events( livesync_t *handle, livesync_event_t *out, size_t capacity, size_t size );
int livesync_announce( livesync_t *handle, const uint8_t *info_hash, const livesync_peer_t *peer );
int livesync_stats( livesync_t *handle, livesync_stats_t *out, size_t size );
int livesync_nodes( livesync_t *handle, livesync_node_t *out, size_t capacity, size_t size );
int livesync_metrics_text( livesync_t *handle, char *buffer, size_t capacity );
int livesync_peers( livesync_t *handle, const uint8_t *info_hash, livesync_peer_t *out,
  size_t capacity );
int livesync_counts( livesync_t *handle, const uint8_t *info_hash, livesync_counts_t *out,
  size_t size );

int inet_pton( int family, const char *text, void *ip );
const char *inet_ntop( int family, const void *ip, char *text, uint32_t size );
]]

local AF_INET, AF_INET6 = 2, 10 -- on Linux
local MAPPED = ("\0"):rep( 10 ) .. "\255\255" -- first 12 bytes of every IPv4 address

local h = { lib = ffi.load( os.getenv "LIVESYNC_LIBRARY" or "liblivesync.so.0.1" ) }

function h.check( result )
  if result < 0 then error( ffi.string( h.lib.livesync_strerror( result ) ), 0 ) end
  return result
end

-- Sets a field, and refuses numbers that do not fit: ffi would cut them off.
function h.set( struct, name, value )
  struct[name] = value
  if type( value ) == "number" and tonumber( struct[name] ) ~= value then
    error( name .. " cannot be " .. value, 0 )
  end
end

function h.write_ip( out, text )
  if ffi.C.inet_pton( AF_INET, text, out + 12 ) == 1 then
    ffi.copy( out, MAPPED, 12 )
  elseif ffi.C.inet_pton( AF_INET6, text, out ) ~= 1 then
    error( text .. " is no address", 0 )
  end
end

function h.read_ip( ip )
  local text = ffi.new "char[46]"
  if ffi.string( ip, 12 ) == MAPPED then
    return ffi.string( ffi.C.inet_ntop( AF_INET, ip + 12, text, 46 ) )
  end
  return ffi.string( ffi.C.inet_ntop( AF_INET6, ip, text, 46 ) )
end

function h.read_peer( peer )
  return { ip = h.read_ip( peer.ip ), port = peer.port, flags = peer.flags }
end

function h.info_hash( info_hash )
  if #info_hash ~= 20 then error( "an info_hash has 20 bytes", 0 ) end
  return info_hash
end

return h
