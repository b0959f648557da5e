//! Of what somebody without the key sends nothing is used, and sync goes on beside it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use livesync::keys::KEY_LEN;
use livesync::reject::Reject;
use livesync::{Config, Keys, TrackerId};

use super::attacker::{Attacker, Counted};
use super::forgery::{HOSTILE, Recorded, attacks};
use super::segment::{Ends, PORT, Segment, Tracker, announce, config, peers, stop, until};
use super::witness::{Kind, Witness, count};
use crate::support::netns;
use crate::support::skip;

const SECOND: Duration = Duration::from_secs(1);

/// How many packets of each attack are sent so that all of them arrive.
const ARRIVE: usize = 40_000;

/// How many are sent in all, the rest as fast as possible.
const MILLION: usize = 1_000_000;

#[test]
fn of_a_million_hostile_packets_nothing_is_used() {
    const TEST: &str = "repair::attackers::of_a_million_hostile_packets_nothing_is_used";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::of(3, &with_key(1));
    let recorded = record(&mut segment);
    let (recorded_at, max_skew) = (Instant::now(), config().max_skew);
    println!(
        "recorded: {} packets before the restarts, {} since",
        recorded.before.len(),
        recorded.now.len()
    );
    let attacker = Attacker::on(&mut segment.network);
    let attacks = attacks(&recorded);
    let before = Counted::of(&segment, &Reject::ALL);

    let over = AtomicBool::new(false);
    let last = thread::scope(|scope| {
        let clients = scope.spawn(|| announce_until(&segment, &over));
        let _ends = Ends(&over);
        for attack in &attacks {
            let packets = (0..ARRIVE).map(&attack.packet);
            attacker.send(&segment, attack.name, attack.reasons, packets);
        }
        let rest = MILLION - attacks.len() * ARRIVE - recorded.now.len();
        attacker.flood(&segment, &attacks, rest);
        thread::sleep((max_skew + SECOND).saturating_sub(recorded_at.elapsed()));
        let late = recorded.now.iter().map(|seen| seen.bytes.clone());
        attacker.send(&segment, "replayed late", LATE, late);
        over.store(true, Ordering::Relaxed);
        clients.join().expect("no panic")
    });

    let expected = peers((SINCE..last).map(announce));
    let equal = |tracker: &Tracker| tracker.peers() == expected;
    let took = until(5 * SECOND, || segment.trackers.iter().all(equal));
    for tracker in &segment.trackers {
        let peers = tracker.peers();
        assert!(peers.keys().all(|(hash, ..)| !hash.0.starts_with(&HOSTILE)));
        let counters = tracker.stats().counters;
        println!("{counters}");
        assert_eq!(counters.id_collisions, 0);
        assert_eq!(counters.repair.packets_given_up, 0);
    }
    let counted = Counted::of(&segment, &Reject::ALL).since(&before);
    println!("{counted:?}");
    for (dropped, lost) in counted.dropped.iter().zip(&counted.lost) {
        assert!(dropped + lost >= MILLION as u64);
        assert!(*dropped > MILLION as u64 / 2, "hardly any has arrived");
    }
    println!("{} real announces, all there {took:?} later", last - SINCE);
    assert!(took.is_some(), "the tables are not those of the clients");
}

/// Recorded packets that are older than clocks may be apart are dropped for that; but who
/// hears its own drops them anyway.
const LATE: &[Reject] = &[Reject::Skewed, Reject::Replayed];

/// The first of the clients that announce themselves while the attack goes on.
const SINCE: u32 = 10_000;

fn with_key(key: u8) -> Config {
    let keys = Keys::new([key; KEY_LEN]);
    config().keys(keys)
}

/// Records what the trackers say, with NAKs, heartbeats and packets sent again among it,
/// before they are started again and after. Everybody who announces himself leaves.
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
    let strangers = [with_key(1).cluster("other"), with_key(2)].map(|config| {
        let stranger = segment.network.add_host("stranger").expect("a host");
        let tracker = Tracker::start(&stranger, config);
        (0..200).for_each(|number| tracker.announce(announce(number)));
        drop(tracker);
        thread::sleep(SECOND / 4);
        let mut seen = witness.take();
        seen.retain(|seen| seen.from() == TrackerId(stranger.address().octets()));
        seen
    });
    let [other_cluster, wrong_key] = strangers;
    // The first one has sent, the second one has heard.
    for number in 0..2 {
        segment.restart(number, with_key(1));
    }
    let now = come_and_go(segment, 2_000..4_000);
    for host in &segment.hosts {
        host.lose_incoming_udp(PORT, 0).unwrap();
    }
    for recorded in [&before, &now] {
        for kind in [Kind::First, Kind::Again, Kind::Heartbeat, Kind::Nak] {
            assert!(count(recorded, kind) > 0, "no {kind:?}");
        }
    }
    let empty = |tracker: &Tracker| tracker.peers().is_empty();
    assert!(until(5 * SECOND, || segment.trackers.iter().all(empty)).is_some());
    Recorded {
        before,
        now,
        other_cluster,
        wrong_key,
    }
}

/// Clients announce themselves to all trackers in turn; the number of the next one.
fn announce_until(segment: &Segment, over: &AtomicBool) -> u32 {
    let mut next = SINCE;
    while !over.load(Ordering::Relaxed) {
        segment.announce(next..next + 100, SECOND / 4);
        next += 100;
    }
    next
}
