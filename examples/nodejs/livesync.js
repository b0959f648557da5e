/* A program's own node in a cluster of BitTorrent trackers, on Node's event loop: no
   thread, no callback from C, no call that blocks. */
'use strict';

const { EventEmitter } = require('node:events');
const koffi = require('koffi');
const constants = require('./constants.js');
const { list, toConfig, toInfoHash, toPeer, withText } = require('./convert.js');
const library = require('./library.js');
const { livesync_counts_t, livesync_event_t, livesync_node_t, livesync_peer_t,
  livesync_stats_t } = require('./structs.js');

/** @typedef {import('./convert.js').Peer} Peer */

const EVENTS = 256; // taken in one call
const NODES = 256; // the library's upper bound

/**
 * One node of a cluster. Its methods throw a LivesyncError where the functions of livesync.h
 * return an error. It emits these events:
 * - 'add' (infoHash: Buffer, peer: Peer): another tracker announced it. Do not announce it here.
 * - 'remove' (infoHash: Buffer, peer: Peer): the peer left another tracker.
 * - 'newTrackerId' (trackerId: number): another tracker had our id; this is our new one.
 * - 'error' (error: LivesyncError): the node failed, and neither sends nor receives any more.
 */
class Livesync extends EventEmitter {
  #handle = null;
  #watch = null;
  #timer = null;

  /**
   * Joins the group. The details of an error are on standard error.
   * @param {Object<string, string | number | boolean>} settings fields of livesync_config_t, but
   *   no callbacks; `interface` is required. Scrape sync needs `table` here.
   */
  constructor(settings) {
    super();
    const out = [null];
    library.livesync_open(toConfig(settings), out);
    this.#handle = out[0];
  }

  /**
   * Starts syncing. The event loop then runs until stop() or close().
   * @param {number} [trackerId] unique in the cluster; 0: drawn at random
   */
  start(trackerId = 0) {
    library.livesync_start_polling(this.#handle, trackerId);
    // poll() is in koffi's type declarations, not in its manual: package.json pins the version.
    this.#watch = koffi.node.poll(library.livesync_fd(this.#handle), { readable: true }, () => this.#turn());
    this.#turn();
  }

  /**
   * Announces a peer to the other trackers. A peer that leaves has LIVESYNC_PEER_STOPPED.
   * @param {Uint8Array} infoHash 20 bytes
   * @param {Peer} peer
   */
  announce(infoHash, peer) {
    library.livesync_announce(this.#handle, toInfoHash(infoHash), toPeer(peer));
  }

  /** @returns {Object<string, number>} livesync_stats_t */
  stats() {
    const stats = {};
    library.livesync_stats(this.#handle, stats, livesync_stats_t.size);
    return stats;
  }

  /** @returns {object[]} livesync_node_t, with `ip` as text; the one that sent last first */
  nodes() {
    return list(livesync_node_t, NODES, (out, capacity, size) =>
      library.livesync_nodes(this.#handle, out, capacity, size)).map(withText);
  }

  /** @returns {string} counters and nodes in the exposition format of Prometheus */
  metricsText() {
    for (let size = 8192; ;) {
      const out = Buffer.alloc(size);
      const length = library.livesync_metrics_text(this.#handle, out, size);
      if (length < size) return out.toString('utf8', 0, length);
      size = length + 1;
    }
  }

  /**
   * Returns the peers of a torrent, those announced last first. It needs the setting `table`.
   * @param {Uint8Array} infoHash
   * @param {number} [limit]
   * @returns {Peer[]}
   */
  peers(infoHash, limit = 50) {
    return list(livesync_peer_t, limit, (out, capacity) =>
      library.livesync_peers(this.#handle, toInfoHash(infoHash), out, capacity)).map(withText);
  }

  /** @param {Uint8Array} infoHash @returns {Object<string, number>} livesync_counts_t; needs `table` */
  counts(infoHash) {
    const counts = {};
    library.livesync_counts(this.#handle, toInfoHash(infoHash), counts, livesync_counts_t.size);
    return counts;
  }

  /** Sends the last announces and stops syncing. start() resumes. */
  stop() {
    this.#unwatch();
    library.livesync_stop(this.#handle);
  }

  /** Stops, and frees the handle. A second call does nothing. */
  close() {
    this.#unwatch();
    library.livesync_close(this.#handle);
    this.#handle = null;
  }

  /* Runs the library once, and emits its events. A listener may call stop() or close(). */
  #turn() {
    let events;
    try {
      library.livesync_process(this.#handle);
      events = list(livesync_event_t, EVENTS, (out, capacity, size) =>
        library.livesync_poll_events(this.#handle, out, capacity, size));
      clearTimeout(this.#timer);
      const timeout = events.length === EVENTS ? 0 : library.livesync_next_timeout_ms(this.#handle);
      this.#timer = setTimeout(() => this.#turn(), timeout);
    } catch (error) {
      this.#unwatch();
      this.emit('error', error);
      return;
    }
    for (const event of events) if (this.#watch) this.#hand(event);
  }

  #hand({ event_type: type, info_hash: infoHash, peer, tracker_id: trackerId }) {
    if (type === constants.LIVESYNC_EVENT_ADD_PEER) this.emit('add', Buffer.from(infoHash), withText(peer));
    if (type === constants.LIVESYNC_EVENT_REMOVE_PEER) this.emit('remove', Buffer.from(infoHash), withText(peer));
    if (type === constants.LIVESYNC_EVENT_NEW_TRACKER_ID) this.emit('newTrackerId', trackerId);
  }

  #unwatch() {
    clearTimeout(this.#timer);
    this.#watch?.close();
    this.#watch = null;
  }
}

module.exports = { Livesync, LivesyncError: library.LivesyncError, ...constants };
