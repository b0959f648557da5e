/* The structs of include/livesync.h, for koffi. Fields and their meaning are explained
   there. */
'use strict';

const koffi = require('koffi');

koffi.opaque('livesync_t');

const livesync_peer_t = koffi.struct('livesync_peer_t', {
  ip: 'uint8_t [16]',
  port: 'uint16_t',
  flags: 'uint8_t',
  reserved: 'uint8_t',
});

const livesync_cursor_t = koffi.struct('livesync_cursor_t', {
  bucket: 'uint32_t',
  place: 'uint32_t',
  after: 'uint8_t [20]',
});

const livesync_torrent_t = koffi.struct('livesync_torrent_t', {
  info_hash: 'uint8_t [20]',
  base_offset: 'uint32_t',
  downloaded: 'uint64_t',
});

const livesync_config_t = koffi.struct('livesync_config_t', {
  size: 'size_t',
  interface: 'const char *',
  group: 'const char *',
  allow: 'const char *',
  port: 'uint16_t',
  ttl: 'uint8_t',
  loopback: 'uint8_t',
  speak: 'uint8_t',
  listen: 'uint8_t',
  ipv6: 'uint8_t',
  scrape: 'uint8_t',
  table: 'uint8_t',
  environment: 'uint8_t',
  flush_ms: 'uint32_t',
  first_beacon_delay_ms: 'uint32_t',
  beacon_interval_ms: 'uint32_t',
  inquire_percent: 'uint32_t',
  tell_packets: 'uint32_t',
  remembered_torrents: 'uint32_t',
  peer_lifetime_s: 'uint32_t',
  torrent_lifetime_s: 'uint32_t',
  table_bytes: 'uint64_t',
  log_level: 'int',
  user: 'void *',
  log: 'void *',
  is_running: 'void *',
  is_blessed: 'void *',
  add_peer: 'void *',
  remove_peer: 'void *',
  packet_applied: 'void *',
  new_tracker_id: 'void *',
  count_torrents: 'void *',
  walk_torrents: 'void *',
  look_up_torrent: 'void *',
  merge_torrent: 'void *',
  key_file: 'const char *',
  cluster: 'const char *',
  max_skew_s: 'uint32_t',
  repair: 'uint8_t',
  auth: 'uint8_t',
});

const livesync_event_t = koffi.struct('livesync_event_t', {
  event_type: 'uint32_t',
  tracker_id: 'uint32_t',
  info_hash: 'uint8_t [20]',
  peer: livesync_peer_t,
  torrent: livesync_torrent_t,
  cursor: livesync_cursor_t,
  limit: 'uint32_t',
});

const livesync_stats_t = koffi.struct('livesync_stats_t', {
  size: 'size_t',
  tracker_id: 'uint32_t',
  scrape_state: 'uint32_t',
  uptime_ms: 'uint64_t',
  nodes: 'uint64_t',
  records_told: 'uint64_t',
  records_heard: 'uint64_t',
  packets_out: 'uint64_t',
  bytes_out: 'uint64_t',
  packets_in: 'uint64_t',
  bytes_in: 'uint64_t',
  send_errors: 'uint64_t',
  packets_overflowed: 'uint64_t',
  id_collisions: 'uint64_t',
  drops_not_blessed: 'uint64_t',
  drops_too_short: 'uint64_t',
  drops_own_packet: 'uint64_t',
  drops_unknown_type: 'uint64_t',
  drops_bad_length: 'uint64_t',
  drops_empty_list: 'uint64_t',
  drops_truncated_tail: 'uint64_t',
  drops_ipv6_unsupported: 'uint64_t',
  drops_scrape_unsupported: 'uint64_t',
  beacons_sent: 'uint64_t',
  beacons_heard: 'uint64_t',
  inquiries_sent: 'uint64_t',
  inquiries_heard: 'uint64_t',
  torrents_told: 'uint64_t',
  torrents_heard: 'uint64_t',
  torrents_failed: 'uint64_t',
  torrents_not_remembered: 'uint64_t',
  events_waiting: 'uint64_t',
  table_torrents: 'uint64_t',
  table_peers: 'uint64_t',
  table_bytes: 'uint64_t',
  table_expired: 'uint64_t',
  table_evicted: 'uint64_t',
  packets_missing: 'uint64_t',
  packets_repaired: 'uint64_t',
  packets_given_up: 'uint64_t',
  packets_sent_again: 'uint64_t',
  naks_sent: 'uint64_t',
  naks_heard: 'uint64_t',
  heartbeats_sent: 'uint64_t',
  packets_unproven: 'uint64_t',
  drops_bad_numbers: 'uint64_t',
  drops_duplicate: 'uint64_t',
  drops_too_late: 'uint64_t',
  drops_untagged: 'uint64_t',
  drops_bad_tag: 'uint64_t',
  drops_replayed: 'uint64_t',
  drops_skewed: 'uint64_t',
  receive_buffer_errors: 'uint64_t',
  announces_refused: 'uint64_t',
  log_lines_dropped: 'uint64_t',
  drops_bad_peer: 'uint64_t',
  drops_bad_count: 'uint64_t',
});

const livesync_node_t = koffi.struct('livesync_node_t', {
  tracker_id: 'uint32_t',
  port: 'uint16_t',
  reserved: 'uint16_t',
  ip: 'uint8_t [16]',
  last_heard_ms: 'uint64_t',
  packets: 'uint64_t',
  records: 'uint64_t',
  beacons: 'uint64_t',
  torrents: 'uint64_t',
  ahead_ms: 'int64_t',
  lag_ms: 'uint64_t',
  packets_missing: 'uint64_t',
  packets_repaired: 'uint64_t',
  packets_given_up: 'uint64_t',
  proven: 'uint64_t',
});

const livesync_counts_t = koffi.struct('livesync_counts_t', {
  size: 'size_t',
  known: 'uint32_t',
  base_offset: 'uint32_t',
  seeders: 'uint64_t',
  leechers: 'uint64_t',
  downloaded: 'uint64_t',
});

module.exports = {
  livesync_peer_t, livesync_cursor_t, livesync_torrent_t, livesync_config_t,
  livesync_event_t, livesync_stats_t, livesync_node_t, livesync_counts_t,
};
