#include "every.h"

static int start( livesync_t *handle ) { return livesync_start( handle, 0 ); }
static int start_polling( livesync_t *handle ) { return livesync_start_polling( handle, 0 ); }

static int announce_one( livesync_t *handle ) {
  livesync_peer_t peer = ipv4_peer( 6881, 0 );
  uint8_t info_hash[20];
  hash_of( 99, info_hash );
  return livesync_announce( handle, info_hash, &peer );
}

static int try_to_announce( livesync_t *handle ) {
  livesync_peer_t peer = ipv4_peer( 6881, 0 );
  uint8_t info_hash[20];
  hash_of( 98, info_hash );
  return livesync_try_announce( handle, info_hash, &peer );
}

/* No packet waits at standard input. */
static int receive( livesync_t *handle ) { return livesync_receive( handle, 0 ); }

static int stats( livesync_t *handle ) {
  livesync_stats_t stats;
  return livesync_stats( handle, &stats, sizeof stats );
}

static int nodes( livesync_t *handle ) {
  livesync_node_t node;
  return livesync_nodes( handle, &node, 1, sizeof node );
}

static int metrics_text( livesync_t *handle ) {
  char text[64];
  return livesync_metrics_text( handle, text, sizeof text );
}

static int peers( livesync_t *handle ) {
  livesync_peer_t peer;
  uint8_t info_hash[20] = { 0 };
  return livesync_peers( handle, info_hash, &peer, 1 );
}

static int counts( livesync_t *handle ) {
  livesync_counts_t counts;
  uint8_t info_hash[20] = { 0 };
  return livesync_counts( handle, info_hash, &counts, sizeof counts );
}

static int poll_events( livesync_t *handle ) {
  livesync_event_t event;
  return livesync_poll_events( handle, &event, 1, sizeof event );
}

static int answer_count( livesync_t *handle ) { return livesync_answer_count( handle, 0 ); }
static int answer_walk( livesync_t *handle ) { return livesync_answer_walk( handle, NULL, 0, NULL ); }
static int answer_look_up( livesync_t *handle ) { return livesync_answer_look_up( handle, NULL ); }

static int answer_merge( livesync_t *handle ) {
  uint8_t info_hash[20] = { 0 };
  return livesync_answer_merge( handle, info_hash, LIVESYNC_MERGED );
}

const struct function with_handle[] = {
  { "livesync_start", start },
  { "livesync_start_polling", start_polling },
  { "livesync_announce", announce_one },
  { "livesync_try_announce", try_to_announce },
  { "livesync_tick", livesync_tick },
  { "livesync_receive", receive },
  { "livesync_stats", stats },
  { "livesync_nodes", nodes },
  { "livesync_metrics_text", metrics_text },
  { "livesync_peers", peers },
  { "livesync_counts", counts },
  { "livesync_fd", livesync_fd },
  { "livesync_next_timeout_ms", livesync_next_timeout_ms },
  { "livesync_process", livesync_process },
  { "livesync_poll_events", poll_events },
  { "livesync_answer_count", answer_count },
  { "livesync_answer_walk", answer_walk },
  { "livesync_answer_look_up", answer_look_up },
  { "livesync_answer_merge", answer_merge },
  { "livesync_stop", livesync_stop },
  { NULL, NULL },
};
