//! The cost of a late packet, and of a NAK, at a node whose windows are full. It must not
//! depend on what the sender claims.

use std::hint::black_box;
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::protocol::{Node, Received, Source};
use livesync::unstable::wire::{Frame, Header, Nak, PacketType, Trailer};
use livesync::{Config, TrackerId};

use crate::MORE_CALLS;
use crate::functions::{address, announce, node, packets};

const US: u8 = 2;
const SENDER: TrackerId = TrackerId([1; 4]);

/// More announces than a node remembers, in more full packets than the window of 8 MiB holds.
const KEPT: u64 = 310_000;

/// More packets of one announce each than the window holds.
const SHORT: u64 = 45_000;

/// Number of distinct packets of another node, received in turn. Their announces are those that
/// this node has announced last.
const OTHERS: u64 = 500;

/// Time of reception; all that the node keeps is younger.
const NOW: Duration = Duration::from_secs(5);

/// A late packet that claims to have left when its sender started.
pub fn at_the_start(calls: u64) {
    late(calls, 0);
}

/// A late packet with its true time.
pub fn now(calls: u64) {
    late(calls, NOW.as_millis() as u32);
}

/// A late packet that claims to leave in an hour.
pub fn in_an_hour(calls: u64) {
    late(calls, 3_600_000);
}

/// A late packet that claims the latest time that the field can hold.
pub fn in_weeks(calls: u64) {
    late(calls, u32::MAX);
}

/// A NAK for the whole window, and the packets that are retransmitted until the next NAK, as
/// many as the node can keep.
pub fn nak_for_all(calls: u64) {
    let (mut node, epoch) = full(SHORT, Node::flush);
    let nak = Nak::emit(SENDER, TrackerId([US; 4]), epoch, &[1..=u32::MAX]);
    let nak = [&nak[..], &Trailer::default().emit()].concat();
    for call in 0..calls {
        let now = Time::START + NOW + Duration::from_millis(call);
        hear(&mut node, now, &nak);
        node.handle_timeout(now);
        drain(&mut node);
    }
    assert!(node.counters().repair.packets_retransmitted > 0);
}

/// Receives late packets that repeat announces of this node.
fn late(calls: u64, sent: u32) {
    let (mut node, epoch) = full(KEPT, |_| ());
    let mut others = Vec::new();
    packets(&Config::default(), OTHERS, |packet| {
        others.push(packet.to_vec())
    });
    let mut hear = |packet_type: Header, seq, sent, packet: &[u8]| {
        let payload = &packet[Header::LEN..packet.len() - Trailer::LEN];
        let trailer = Trailer {
            epoch,
            sent,
            seq,
            ..Trailer::default()
        };
        let packet = [&packet_type.emit()[..], payload, &trailer.emit()].concat();
        hear(&mut node, Time::START + NOW, &packet);
    };
    let first = Header::new(SENDER, PacketType::Live);
    // Both processes have the same number of missing packets.
    for seq in [1, MORE_CALLS as u32 + 2] {
        hear(first, seq, NOW.as_millis() as u32, &others[0]);
    }
    for call in 0..calls {
        let packet = &others[(call % OTHERS) as usize];
        hear(first.retransmitted(), call as u32 + 2, sent, packet);
    }
    assert_eq!(node.counters().repair.packets_recovered, calls);
}

fn hear(node: &mut Node, now: Time, packet: &[u8]) {
    let source = Source {
        address: address(1),
        allowed: true,
    };
    match node.handle_datagram(now, source, packet) {
        Ok(Received::Peers(peers)) => peers.for_each(|announce| {
            black_box(announce);
        }),
        received => {
            let _ = black_box(received);
        }
    }
}

/// Returns a node that has made this many announces, and its epoch.
fn full(announces: u64, after_each: fn(&mut Node)) -> (Node, u32) {
    let mut node = node(US, &Config::default());
    let mut epoch = 0;
    for number in (0..announces).rev() {
        node.announce(Time::START, announce(number));
        after_each(&mut node);
        if let Some(packet) = node.poll_transmit() {
            let trailer = Frame::parse(packet.as_ref()).expect("a packet").trailer;
            epoch = trailer.expect("a trailer").epoch;
        }
    }
    drain(&mut node);
    (node, epoch)
}

fn drain(node: &mut Node) {
    std::iter::from_fn(|| node.poll_transmit()).for_each(drop);
}
