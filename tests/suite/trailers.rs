//! Packets with trailers, byte for byte as in tests/vectors. Another implementation of
//! HMAC-SHA-256 made the tags there, from the text of docs/protocol.md.

use std::net::SocketAddr;
use std::time::Duration;

use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source, Waited};
use livesync::unstable::wire::{
    Beacon, Frame, Header, Heartbeat, Inquire, Nak, Packet, PacketType, Trailer,
};
use livesync::{Announce, Auth, Config, InfoHash, Keys, Peer, PeerFlags, Task, Torrent, TrackerId};

use crate::support::vectors::vector;

mod bounds;
mod clocks;
mod outputs;
mod proof;
mod start;
mod stop;

/// The tracker of the vectors.
const US: TrackerId = TrackerId([0x1a, 0x2b, 0x3c, 0x4d]);

/// The tracker that they address.
const OTHER: TrackerId = TrackerId([0x0a, 0x0b, 0x0c, 0x0d]);

/// A tracker that receives them.
const HEARER: TrackerId = TrackerId([0x5e, 0x6f, 0x70, 0x81]);

/// 2026-01-02 03:04:05.6 UTC, since 1970 and as an epoch.
const BEGAN: Duration = Duration::from_millis(1_767_323_045_600);
const EPOCH: u32 = 0x25b4_1378;
const OTHERS_EPOCH: u32 = EPOCH + 8;

#[test]
fn what_we_send_is_what_the_vectors_are() {
    let mut node = node(US, &Config::default());
    tell_peers(&mut node);
    assert_eq!(sent(&mut node), ["ours_live", "ours_live_ipv6"].map(bytes));

    hear(&mut node, 600, &Inquire { asked: US }.emit(OTHER));
    node.handle_timeout(at(600));
    assert!(matches!(node.poll_task(), Some(Task::Walk { .. })));
    let torrent = Torrent {
        info_hash: info_hash(0x6d),
        base_offset: 7,
        downloaded: 258,
    };
    node.handle_walked(&[torrent], None);
    assert_eq!(sent(&mut node), [bytes("ours_tell")]);

    node.handle_timeout(at(1600));
    assert_eq!(sent(&mut node), [bytes("heartbeat")]);

    for seq in [3, 6] {
        hear(&mut node, 1700, &numbered_list(seq));
    }
    node.handle_timeout(at(1750));
    assert_eq!(sent(&mut node)[0], bytes("nak"));

    hear(&mut node, 1800, &nak_for_the_first());
    node.handle_timeout(at(1800));
    assert_eq!(sent(&mut node)[0], bytes("again"));
}

#[test]
fn what_we_send_with_a_key_is_what_the_vectors_are() {
    let config = keyed(Keys::new(key(0)))
        .auth(Auth::Accept)
        .first_beacon_delay(Duration::from_millis(700))
        .beacon_interval(Duration::from_secs(10));
    let mut node = node(US, &config);
    tell_peers(&mut node);
    assert_eq!(sent(&mut node)[0], bytes("tagged_live"));

    node.handle_timeout(at(700));
    answer_count(&mut node, 700);
    assert_eq!(sent(&mut node), [bytes("tagged_beacon")]);

    let worth_asking = Beacon { torrents: 5000 };
    hear(&mut node, 800, &worth_asking.emit(OTHER));
    answer_count(&mut node, 800);
    hear(&mut node, 900, &nak_for_the_first());
    node.handle_timeout(at(900));
    let retransmitted = sent(&mut node);
    assert_eq!(retransmitted[0], bytes("tagged_again"));

    // Two intervals after the beacon everything is due at once.
    node.handle_timeout(at(20_800));
    answer_count(&mut node, 20_800);
    let leaves = sent(&mut node);
    assert_eq!(leaves[1], bytes("tagged_inquire"));
    assert_eq!(frame(&leaves[0]).trailer.unwrap().sent, 20_800);
    assert_eq!(frame(&leaves[2]).trailer.unwrap().sent, 20_802);
}

#[test]
fn our_heartbeat_with_a_key_is_what_the_vector_is() {
    let mut node = node(US, &keyed(Keys::new(key(0))));
    announce_at(&mut node, 500, list().next().unwrap());
    sent(&mut node);
    node.handle_timeout(at(1500));
    assert_eq!(sent(&mut node), [bytes("tagged_heartbeat")]);
}

/// Returns a node that starts, and begins its epoch, at the same time as the vectors' tracker.
fn node(id: TrackerId, config: &Config) -> Node {
    let config = config.clone().isolated_after(Duration::MAX);
    let last = if id == US { 1 } else { 2 };
    let mut node = Node::new(
        at(0),
        id,
        &[LinkInfo::multicast_ipv4(address(last))],
        1,
        &config,
    );
    node.set_unix_time(at(0), BEGAN);
    node
}

fn keyed(keys: Keys) -> Config {
    Config::default().keys(keys).cluster("example")
}

fn key(first: u8) -> [u8; 32] {
    std::array::from_fn(|i| first + i as u8)
}

/// Returns the announces of the vectors: enough for two lists.
fn list() -> impl Iterator<Item = Announce> {
    let announce = |first, ip: &str, port, flags| Announce {
        info_hash: info_hash(first),
        peer: Peer {
            ip: ip.parse().expect("an address"),
            port,
            flags,
        },
    };
    let completed = PeerFlags::SEEDING | PeerFlags::COMPLETED;
    [
        announce(0x6a, "192.0.2.1", 6881, PeerFlags::SEEDING),
        announce(0x6b, "198.51.100.7", 51413, completed),
        announce(0x6c, "2001:db8::1", 6881, PeerFlags::STOPPED),
    ]
    .into_iter()
}

fn info_hash(first: u8) -> InfoHash {
    let mut bytes = std::array::from_fn(|i| i as u8);
    bytes[0] = first;
    InfoHash(bytes)
}

fn tell_peers(node: &mut Node) {
    list().for_each(|announce| node.announce(at(500), announce));
    node.flush();
}

fn announce_at(node: &mut Node, now: u64, announce: Announce) {
    node.announce(at(now), announce);
    node.flush();
}

fn answer_count(node: &mut Node, now: u64) {
    assert_eq!(node.poll_task(), Some(Task::CountTorrents));
    node.handle_torrent_count(at(now), 1000);
}

/// Returns a list of the other tracker.
fn numbered_list(seq: u32) -> Vec<u8> {
    let header = Header::new(OTHER, PacketType::Live).emit();
    with_trailer(&[&header[..], &[0; 28]].concat(), 100, seq)
}

fn nak_for_the_first() -> Vec<u8> {
    with_trailer(&Nak::emit(OTHER, US, EPOCH, &[1..=1]), 200, 0)
}

/// Returns a packet of the other tracker as it leaves.
fn with_trailer(packet: &[u8], sent: u32, seq: u32) -> Vec<u8> {
    let trailer = Trailer {
        epoch: OTHERS_EPOCH,
        sent,
        seq,
        ..Trailer::default()
    };
    [packet, &trailer.emit()].concat()
}

fn hear(node: &mut Node, now: u64, packet: &[u8]) {
    assert_eq!(drops(node, now, packet), None);
}

/// Returns the reason for which the node drops a packet, if it does.
fn drops(node: &mut Node, now: u64, packet: &[u8]) -> Option<Reject> {
    let source = Source {
        address: address(3),
        allowed: true,
    };
    let received: Result<Received<'_>, Reject> = node.handle_datagram(at(now), source, packet);
    received.err()
}

fn sent(node: &mut Node) -> Vec<Vec<u8>> {
    let packets = std::iter::from_fn(|| node.poll_transmit());
    packets.map(|packet| packet.as_ref().to_vec()).collect()
}

fn frame(packet: &[u8]) -> Frame<'_> {
    Frame::parse(packet).expect("a packet")
}

fn bytes(name: &str) -> Vec<u8> {
    vector(&format!("{name}.hex"))
}

fn address(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 40_000).into()
}

fn at(now: u64) -> Time {
    Time::START + millis(now)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
