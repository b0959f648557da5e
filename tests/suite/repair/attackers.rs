//! No packet of an attacker without the key is used, and sync continues beside the attack.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use livesync::stats::Reject;
use livesync::{Config, KEY_LEN, Keys, TrackerId};

use super::attacker::{Attacker, Counted};
use super::forgery::{HOSTILE, Recorded, attacks};
use super::segment::{
    Ends, PATIENCE, PORT, Segment, Tracker, announce, config, peers, stop, until,
};
use super::witness::{Kind, Seen, Witness, count};
use crate::support::netns;
use crate::support::{is_long, skip};

const SECOND: Duration = Duration::from_secs(1);

/// Returns how many packets of each attack are sent so that all of them arrive, and how many in
/// all, the rest as fast as possible.
fn amounts() -> (usize, usize) {
    if is_long() {
        (40_000, 1_000_000)
    } else {
        (1_000, 25_000)
    }
}

/// A million packets if tests may be long.
#[test]
fn of_many_hostile_packets_nothing_is_used() {
    const TEST: &str = "repair::attackers::of_many_hostile_packets_nothing_is_used";
    let (arrive, many) = amounts();
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::of(3, &with_key(1));
    let recorded = record(&mut segment);
    let (recorded_at, max_skew) = (Instant::now(), with_key(1).max_skew);
    println!(
        "recorded: {} packets before the restarts, {} since",
        recorded.before.len(),
        recorded.now.len()
    );
    let attacker = Attacker::on(&mut segment.network);
    let attacks = attacks(&recorded);
    let before = Counted::of(&segment, Reject::ALL);

    let over = AtomicBool::new(false);
    let last = thread::scope(|scope| {
        let clients = scope.spawn(|| announce_until(&segment, &over));
        let _ends = Ends(&over);
        for attack in &attacks {
            let packets = (0..arrive).map(&attack.packet);
            attacker.send(&segment, attack.name, attack.reasons, packets);
        }
        let rest = many.saturating_sub(attacks.len() * arrive + recorded.now.len());
        attacker.flood(&segment, &attacks, rest);
        thread::sleep((max_skew + SECOND).saturating_sub(recorded_at.elapsed()));
        let late = recorded.now.iter().map(|seen| seen.bytes.clone());
        attacker.send(&segment, "replayed late", LATE, late);
        over.store(true, Ordering::Relaxed);
        clients.join().expect("no panic")
    });

    let expected = peers((SINCE..last).map(announce));
    let equal = |tracker: &Tracker| tracker.peers() == expected;
    let took = until(PATIENCE, || segment.trackers.iter().all(equal));
    for tracker in &segment.trackers {
        let peers = tracker.peers();
        assert!(peers.keys().all(|(hash, ..)| !hash.0.starts_with(&HOSTILE)));
        let counters = tracker.stats().counters;
        println!("{counters}");
        assert_eq!(counters.id_collisions, 0);
        assert_eq!(counters.repair.packets_lost, 0);
    }
    let counted = Counted::of(&segment, Reject::ALL).since(&before);
    println!("{counted:?}");
    for (dropped, lost) in counted.dropped.iter().zip(&counted.lost) {
        assert!(dropped + lost >= many as u64);
        assert!(
            *dropped > (attacks.len() * arrive) as u64,
            "hardly any has arrived"
        );
    }
    println!("{} real announces, all there {took:?} later", last - SINCE);
    assert!(took.is_some(), "the tables are not those of the clients");
}

/// Recorded packets that are older than clocks may be apart are dropped for that; a node that
/// receives its own packets drops them anyway.
const LATE: &[Reject] = &[Reject::Skewed, Reject::Replayed, Reject::OwnPacket];

/// The first of the clients that announce themselves during the attack.
const SINCE: u32 = 10_000;

fn with_key(key: u8) -> Config {
    let keys = Keys::new([key; KEY_LEN]);
    // The shortest time of a test.
    let max_skew = SECOND * if is_long() { 30 } else { 10 };
    config().keys(keys).max_skew(max_skew)
}

/// Records the trackers' packets before and after a restart, with NAKs, heartbeats and
/// retransmissions among them. All clients that announce themselves leave.
fn record(segment: &mut Segment) -> Recorded {
    let witness = Witness::on(&mut segment.network, "witness");
    let come_and_go = |segment: &Segment, numbers: std::ops::Range<u32>| {
        segment.announce(numbers.clone(), SECOND);
        thread::sleep(SECOND / 4);
        for number in numbers {
            segment.trackers[0].announce(stop(number));
        }
        thread::sleep(2 * SECOND);
        witness.take()
    };
    for host in &segment.hosts {
        host.lose_incoming_udp(PORT, 20).unwrap();
    }
    let before = come_and_go(segment, 0..2_000);
    let mut ids = Vec::new();
    let strangers = [with_key(1).cluster("other"), with_key(2)].map(|config| {
        let stranger = segment.network.add_host("stranger").expect("a host");
        let tracker = Tracker::start(&stranger, config);
        let id = TrackerId(stranger.address().octets());
        ids.push(id);
        (0..200).for_each(|number| tracker.announce(announce(number)));
        let mut seen = Vec::new();
        let start = Instant::now();
        while !seen.iter().any(|seen: &Seen| seen.kind() == Kind::First) {
            assert!(
                start.elapsed() < PATIENCE,
                "nothing of it on the wire: {} {}",
                tracker.stats().id,
                tracker.stats().counters
            );
            thread::sleep(SECOND / 100);
            seen.extend(witness.take());
            seen.retain(|seen| seen.from() == id);
        }
        seen
    });
    let [other_cluster, wrong_key] = strangers;
    // The first one has sent, the second one has received.
    for number in 0..2 {
        segment.restart(number, with_key(1));
    }
    let mut now = come_and_go(segment, 2_000..4_000);
    // Drops packets that strangers sent when they stopped.
    now.retain(|seen| !ids.contains(&seen.from()));
    for host in &segment.hosts {
        host.lose_incoming_udp(PORT, 0).unwrap();
    }
    for recorded in [&before, &now] {
        for kind in [
            Kind::First,
            Kind::Retransmission,
            Kind::Heartbeat,
            Kind::Nak,
        ] {
            assert!(count(recorded, kind) > 0, "no {kind:?}");
        }
    }
    let empty = |tracker: &Tracker| tracker.peers().is_empty();
    assert!(until(PATIENCE, || segment.trackers.iter().all(empty)).is_some());
    Recorded {
        before,
        now,
        other_cluster,
        wrong_key,
    }
}

/// Clients announce themselves to all trackers in turn; returns the number of the next one.
fn announce_until(segment: &Segment, over: &AtomicBool) -> u32 {
    let mut next = SINCE;
    while !over.load(Ordering::Relaxed) {
        segment.announce(next..next + 100, SECOND / 4);
        next += 100;
    }
    next
}
