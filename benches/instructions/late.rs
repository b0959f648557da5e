//! What it costs to hear a packet that comes late, and a NAK, at a node that keeps as much as it
//! may: no more for that, whatever the sender claims.

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

/// More announces than are remembered, in more full packets than the window of 8 MiB holds.
const KEPT: u64 = 310_000;

/// More packets of one announce than it holds.
const SHORT: u64 = 45_000;

/// So many packets of other announces are heard, again and again: we have told the same last.
const OTHERS: u64 = 500;

/// All that is kept is younger then.
const NOW: Duration = Duration::from_secs(5);

/// It says that it left when its sender started.
pub fn at_the_start(calls: u64) {
    late(calls, 0);
}

/// It says when it left.
pub fn now(calls: u64) {
    late(calls, NOW.as_millis() as u32);
}

/// It says that it will leave in an hour.
pub fn in_an_hour(calls: u64) {
    late(calls, 3_600_000);
}

/// It says that it will leave as late as there are numbers for.
pub fn in_weeks(calls: u64) {
    late(calls, u32::MAX);
}

/// A NAK that asks for all that there is, and what is sent again until the next one, of as many
/// packets as can be kept.
pub fn asked_for_all(calls: u64) {
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

/// Each repeats what was told here.
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
    // In both processes as many are missing.
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

/// A node that has told so much, and its epoch.
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
