/* A node in Node.js: announces two peers each second, and prints the announces of other nodes.
 *
 * Build and run it:
 *
 *     npm --prefix examples/nodejs install
 *     node examples/nodejs/node.js 127.0.0.1 9696 7001
 */
'use strict';

const { Livesync, LIVESYNC_PEER_SEEDING, LIVESYNC_PEER_STOPPED } = require('./livesync.js');

const INFO_HASH = Buffer.alloc(20, 0xab);

const [address, port, peerPort] = process.argv.slice(2);
if (process.argv.length !== 5 || !isPort(port) || !isPort(peerPort)) {
  console.error('usage: node node.js INTERFACE PORT PEER_PORT');
  process.exit(2);
}

process.on('uncaughtException', (error) => {
  console.error(error.message);
  process.exit(1);
});

const livesync = new Livesync({ interface: address, port, allow: address, loopback: true, ipv6: true });
livesync.on('add', (infoHash, peer) => show('+', infoHash, peer));
livesync.on('remove', (infoHash, peer) => show('-', infoHash, peer));
livesync.start();
announce(0);
const second = setInterval(announce, 1000, 0); // repeated for nodes that join later
process.stdin.resume().on('end', leave);

function announce(flags) {
  livesync.announce(INFO_HASH, { ip: '192.0.2.1', port: peerPort, flags: LIVESYNC_PEER_SEEDING | flags });
  livesync.announce(INFO_HASH, { ip: '2001:db8::1', port: peerPort, flags });
}

function show(sign, infoHash, peer) {
  console.log(`${sign} ${infoHash.toString('hex')} ${peer.ip} ${peer.port}`);
}

function leave() {
  clearInterval(second);
  announce(LIVESYNC_PEER_STOPPED);
  livesync.close();
}

function isPort(text) {
  return /^\d+$/.test(text) && text > 0 && text <= 65535;
}
