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

const EVENTS = 256; // taken at once
const NODES = 256; // more are never known

/**
 * A member of a cluster. Its methods throw a LivesyncError where those of livesync.h return
 * one. It emits what it hears from others:
 * - 'add' (infoHash: Buffer, peer: Peer): announced to another tracker. Do not announce it again.
 * - 'remove' (infoHash: Buffer, peer: Peer): said goodbye there.
 * - 'newTrackerId' (trackerId: number): another tracker spoke under our id; this is the new one.
 * - 'error' (error: LivesyncError): it failed, and hears and says nothing more.
 */
class Livesync extends EventEmitter {
  #handle = null;
  #watch = null;
  #timer = null;

  /**
   * Joins the group. What is wrong is also told on standard error.
   * @param {Object<string, string | number | boolean>} settings fields of livesync_config_t, but
   *   no callbacks; `interface` must be there. Scrape sync needs `table` here.
   */
  constructor(settings) {
    super();
    const out = [null];
    library.livesync_open(toConfig(settings), out);
    this.#handle = out[0];
  }

  /**
   * Starts to sync. The event loop then runs until stop() or close().
   * @param {number} [trackerId] no other tracker of the cluster has it; 0: drawn at random
   */
  start(trackerId = 0) {
    library.livesync_start_polling(this.#handle, trackerId);
    // poll() is in koffi's type declarations, not in its manual: package.json pins the version.
    this.#watch = koffi.node.poll(library.livesync_fd(this.#handle), { readable: true }, () => this.#turn());
    this.#turn();
  }

  /**
   * Tells the others of an announce of a client. A peer that leaves has LIVESYNC_PEER_STOPPED.
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

  /** @returns {object[]} livesync_node_t, with `ip` as text: who was heard, the last one first */
  nodes() {
    return list(livesync_node_t, NODES, (out, capacity, size) =>
      library.livesync_nodes(this.#handle, out, capacity, size)).map(withText);
  }

  /** @returns {string} statistics and nodes in the exposition format of Prometheus */
  metricsText() {
    for (let size = 8192; ;) {
      const out = Buffer.alloc(size);
      const length = library.livesync_metrics_text(this.#handle, out, size);
      if (length < size) return out.toString('utf8', 0, length);
      size = length + 1;
    }
  }

  /**
   * The peers of a torrent, those announced last first. It needs the setting `table`.
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

  /** Stops to sync, after what was announced was sent. start() starts again. */
  stop() {
    this.#unwatch();
    library.livesync_stop(this.#handle);
  }

  /** Stops, and gives everything back. Closing again does nothing. */
  close() {
    this.#unwatch();
    library.livesync_close(this.#handle);
    this.#handle = null;
  }

  /* Runs the library once, and hands on what it heard. A listener may stop or close us. */
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
