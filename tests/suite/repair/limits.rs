//! Bounds for the cost of repair, also while an attacker sends NAKs for everything all the
//! time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livesync::TrackerId;
use livesync::unstable::wire::{Heartbeat, Nak, Trailer};

use super::attacker::Attacker;
use super::segment::{Segment, announce, config, peers};
use super::witness::{Kind, Seen, Witness};
use crate::support::netns;
use crate::support::{is_too_long, skip};

const SECOND: Duration = Duration::from_secs(1);

/// The bytes per second that a tracker may retransmit: the larger one of this, and of a fifth
/// of its other packets.
const RETRANSMIT_RATE: usize = 512 << 10;

/// The bytes per second of its NAKs.
const NAK_RATE: usize = 64 << 10;

/// Part of a second's token bucket that may be spent at once, at the beginning.
const BURST_PART: f64 = 0.25;

const ANNOUNCES: u32 = 20_000;

#[test]
fn repair_stays_below_its_caps_whatever_others_ask_for() {
    const TEST: &str = "repair::limits::repair_stays_below_its_caps_whatever_others_ask_for";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::of(3, &config());
    let witness = Witness::on(&mut segment.network, "witness");
    let attacker = Attacker::on(&mut segment.network);
    segment.announce(0..ANNOUNCES, SECOND);
    let trailer = |seen: &Seen| (seen.from(), seen.frame().trailer.expect("a trailer"));
    let trackers: HashMap<TrackerId, Trailer> = witness.take().iter().map(trailer).collect();
    assert_eq!(trackers.len(), 3);

    // Clients announce themselves meanwhile.
    let began = Instant::now();
    let flood = std::thread::scope(|scope| {
        let flood = scope.spawn(|| flood(&attacker, &trackers, 4 * SECOND));
        segment.announce(ANNOUNCES..2 * ANNOUNCES, 4 * SECOND);
        flood.join().expect("no panic")
    });
    let took = segment.until_all_know(2 * ANNOUNCES as usize);
    let expected = peers((0..2 * ANNOUNCES).map(announce));
    let seen = witness.take();
    println!("{flood} NAKs for everything; complete {took:?} after the last announce");
    for id in trackers.keys() {
        let of_kind = |kind| {
            let seen = seen.iter().filter(move |seen| seen.kind() == kind);
            seen.filter(|seen| seen.from() == *id)
                .map(|seen| (seen.at, seen.bytes.len()))
                .collect::<Vec<_>>()
        };
        for (what, kind, cap) in [
            ("retransmitted", Kind::Retransmission, RETRANSMIT_RATE),
            ("NAKs", Kind::Nak, NAK_RATE),
        ] {
            let packets = of_kind(kind);
            let (most, whole) = (most_in_a_second(&packets), sum(&packets));
            println!("{id}: {what}: {whole} bytes, at most {most} in a second");
            // In one second it may be more, if packets of the one before were delayed:
            // tube::limits checks that, too, in virtual time.
            let seconds = began.elapsed().as_secs_f64();
            assert!(
                whole as f64 <= cap as f64 * (seconds + BURST_PART),
                "{what}: {whole} bytes in {seconds} seconds"
            );
            // How near it comes to the cap depends on this machine. No NAK is sent for packets
            // that are known by heartbeats alone, of nodes for which there is no room.
            assert!(whole > 0 || kind == Kind::Nak, "{what}: none at all");
        }
        let first = sum(&of_kind(Kind::First));
        assert!(
            first / 4 / 5 < RETRANSMIT_RATE,
            "the larger one is not the fixed cap"
        );
    }
    assert!(took.is_some());
    for tracker in &segment.trackers {
        assert!(tracker.peers() == expected);
    }
}

/// Unknown trackers send NAKs for all packets to all trackers, and claim that they have sent
/// many themselves; returns how many packets that takes.
fn flood(attacker: &Attacker, trackers: &HashMap<TrackerId, Trailer>, time: Duration) -> usize {
    let start = Instant::now();
    let (_, any) = trackers.iter().next().expect("one");
    // As many as are remembered in addition to the trackers.
    let unknown = (0..200).map(|number: u32| TrackerId((0xee00_0000 + number).to_be_bytes()));
    let mut unknown = unknown.cycle();
    let (mut sent, mut highest) = (0, 1_000);
    let mut send = |packet: &[u8], trailer: &Trailer| {
        attacker.say(&with_trailer(packet, trailer));
        sent += 1;
    };
    while start.elapsed() < time {
        for (target, trailer) in trackers {
            let id = unknown.next().expect("an id");
            let nak = Nak::emit(id, *target, trailer.epoch, &[1..=u32::MAX]);
            send(&nak, trailer);
        }
        highest += 1;
        for id in unknown.by_ref().take(10) {
            let epoch = any.epoch;
            send(&Heartbeat { epoch, highest }.emit(id), any);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    sent
}

fn with_trailer(packet: &[u8], of: &Trailer) -> Vec<u8> {
    let seq = 0;
    [packet, &Trailer { seq, ..*of }.emit()].concat()
}

fn sum(packets: &[(Instant, usize)]) -> usize {
    packets.iter().map(|(_, bytes)| bytes).sum()
}

fn most_in_a_second(packets: &[(Instant, usize)]) -> usize {
    let (mut first, mut bytes, mut most) = (0, 0, 0);
    for (at, more) in packets {
        bytes += more;
        while *at - packets[first].0 > SECOND {
            bytes -= packets[first].1;
            first += 1;
        }
        most = most.max(bytes);
    }
    most
}
