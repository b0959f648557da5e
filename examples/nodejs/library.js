/* The functions of include/livesync.h that livesync.js uses, for koffi. Where C returns a
   negative error, they throw it. */
'use strict';

const koffi = require('koffi');
require('./structs.js');

/** An error with the text of livesync_strerror(); `code` is one of LIVESYNC_E_... */
class LivesyncError extends Error {
  /** @param {number} code */
  constructor(code) {
    super(strerror(code));
    this.name = 'LivesyncError';
    this.code = code;
  }
}

const library = koffi.load(process.env.LIVESYNC_LIBRARY || 'liblivesync.so.0.1');
const strerror = library.func('const char *livesync_strerror(int error)');

for (const prototype of [
  'int livesync_config_init(_Out_ livesync_config_t *config, size_t size)',
  'int livesync_open(const livesync_config_t *config, _Out_ livesync_t **out)',
  'int livesync_start_polling(livesync_t *handle, uint32_t tracker_id)',
  'int livesync_fd(livesync_t *handle)',
  'int livesync_next_timeout_ms(livesync_t *handle)',
  'int livesync_process(livesync_t *handle)',
  'int livesync_poll_events(livesync_t *handle, void *out, size_t capacity, size_t event_size)',
  'int livesync_announce(livesync_t *handle, const uint8_t *info_hash, const livesync_peer_t *peer)',
  'int livesync_stats(livesync_t *handle, _Out_ livesync_stats_t *out, size_t size)',
  'int livesync_nodes(livesync_t *handle, void *out, size_t capacity, size_t node_size)',
  'int livesync_metrics_text(livesync_t *handle, void *buffer, size_t capacity)',
  'int livesync_peers(livesync_t *handle, const uint8_t *info_hash, void *out, size_t capacity)',
  'int livesync_counts(livesync_t *handle, const uint8_t *info_hash, _Out_ livesync_counts_t *out, size_t size)',
  'int livesync_stop(livesync_t *handle)',
  'int livesync_close(livesync_t *handle)',
]) {
  const call = library.func(prototype);
  exports[call.info.name] = (...args) => {
    const result = call(...args);
    if (result < 0) throw new LivesyncError(result);
    return result;
  };
}

exports.LivesyncError = LivesyncError;
