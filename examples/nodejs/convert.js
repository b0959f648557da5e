/* Converts JavaScript values to those of livesync.h, and back. koffi checks little, and ends
   the process at a value of another type than declared, so callers' values are converted here. */
'use strict';

const net = require('node:net');
const koffi = require('koffi');
const library = require('./library.js');
const { livesync_config_t } = require('./structs.js');

/**
 * @typedef {object} Peer
 * @property {string} ip IPv4 or IPv6
 * @property {number} port
 * @property {number} [flags] LIVESYNC_PEER_... bits
 */

const TEXTS = ['interface', 'group', 'allow', 'key_file', 'cluster'];

/** Returns the default configuration with these settings. */
function toConfig(settings) {
  const config = {};
  library.livesync_config_init(config, livesync_config_t.size);
  for (const [name, value] of Object.entries(settings)) {
    if (TEXTS.includes(name)) config[name] = String(value);
    else if (typeof config[name] === 'number') config[name] = Number(value);
    else throw new TypeError(`livesync has no setting ${name}`);
  }
  if (!config.table) config.scrape = 0;
  return config;
}

function toInfoHash(bytes) {
  if (!(bytes instanceof Uint8Array) || bytes.length !== 20) throw new TypeError('an info_hash has 20 bytes');
  return bytes;
}

/** @param {Peer} peer */
function toPeer({ ip, port, flags = 0 }) {
  if (!(port >= 0 && port <= 65535)) throw new RangeError(`not a port: ${port}`);
  return { ip: addressToBytes(ip), port: Number(port), flags: Number(flags), reserved: 0 };
}

/** Lets `fill` write at most `capacity` structs, and returns as many as it reports. */
function list(struct, capacity, fill) {
  const out = Buffer.alloc(capacity * struct.size);
  return koffi.decode(out, struct, fill(out, capacity, struct.size));
}

/** Returns a peer or a node with its address as text. */
function withText(struct) {
  return { ...struct, ip: addressToText(struct.ip) };
}

function addressToBytes(text) {
  if (net.isIPv4(text)) return Buffer.from([...IPV4_MAPPED, ...text.split('.')]);
  if (!net.isIPv6(text)) throw new TypeError(`not an IP address: ${text}`);
  const [left, right] = canonical(text).split('::').map((groups) => (groups ? groups.split(':') : []));
  const groups = right ? [...left, ...Array(8 - left.length - right.length).fill('0'), ...right] : left;
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function addressToText(bytes) {
  const buffer = Buffer.from(bytes);
  if (buffer.indexOf(IPV4_MAPPED) === 0) return buffer.subarray(12).join('.');
  return canonical(buffer.toString('hex').match(/..../g).join(':'));
}

/* Writes an IPv6 address as URLs have it: short, and in hexadecimal groups only. */
function canonical(text) {
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

const IPV4_MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

module.exports = { list, toConfig, toInfoHash, toPeer, withText };
