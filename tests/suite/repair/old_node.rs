//! Trackers of 2009, and those without repair, beside those with it.
//!
//! An old tracker understands only packets that were sent for the first time, as far as they
//! have arrived, and none twice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use livesync::{Announce, InfoHash, Peer, PeerFlags, TrackerId};

use super::segment::{PATIENCE, PORT, Peers, Segment, Tracker, announce, config, peers, until};
use super::witness::{Kind, Seen, Witness};
use crate::support::host::{Host as Program, program};
use crate::support::netns;
use crate::support::skip;

const SECOND: Duration = Duration::from_secs(1);
const LOSS: u8 = 30;

/// Number of announces to each of the trackers.
const ANNOUNCES: u32 = 5_000;

#[test]
fn old_trackers_hear_what_they_always_heard_and_are_heard() {
    const TEST: &str = "repair::old_node::old_trackers_hear_what_they_always_heard_and_are_heard";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    // The third one does not repair; the C program does not, either.
    let mut segment = Segment::of(2, &config());
    segment.meet();
    let plain = segment.network.add_host("plain").unwrap();
    segment
        .trackers
        .push(Tracker::start(&plain, config().repair(false)));
    segment.hosts.push(plain);
    let mut program = DropIn::on(&mut segment.network);
    let old = Witness::on(&mut segment.network, "old");
    let witness = Witness::on(&mut segment.network, "witness");
    for host in segment.hosts.iter().chain([&program.host, &old.host]) {
        host.lose_incoming_udp(PORT, LOSS).unwrap();
    }

    thread::scope(|scope| {
        scope.spawn(|| segment.announce(0..3 * ANNOUNCES, SECOND));
        program.program.run(&format!("burst {ANNOUNCES}"));
        say(&old, 3 * ANNOUNCES..4 * ANNOUNCES);
    });
    let missing = |tracker: &Tracker| {
        let from_repairing = (0..3 * ANNOUNCES).filter(|number| number % 3 < 2);
        let known = tracker.peers();
        let is_missing = |number: &u32| {
            !peers([announce(*number)])
                .keys()
                .all(|peer| known.contains_key(peer))
        };
        (
            from_repairing.filter(is_missing).collect::<Vec<_>>(),
            tracker.stats(),
        )
    };
    let recovered = |tracker: &Tracker| missing(tracker).0.is_empty();
    let [one, other, plain] = &segment.trackers[..] else {
        panic!("three trackers")
    };
    let took = until(PATIENCE, || recovered(one) && recovered(other));
    println!("those that repair have all of theirs after {took:?}");
    assert!(took.is_some(), "{:?}, {:?}", missing(one), missing(other));
    // By now all retransmissions, and a second NAK, have been sent.
    thread::sleep(2 * SECOND);

    let seen = witness.take();
    let first: Vec<_> = seen
        .iter()
        .filter(|seen| seen.kind() == Kind::First)
        .collect();
    let retransmitted = seen
        .iter()
        .filter(|seen| seen.kind() == Kind::Retransmission)
        .count();
    assert!(retransmitted > 0, "nothing was retransmitted");
    hears_what_was_sent_first(&old.take(), &first);

    // A tracker without repair sends the packets of 2009, and no others.
    let id_of = |number: usize| TrackerId(segment.hosts[number].address().octets());
    for seen in &seen {
        let from = seen.from();
        if [id_of(2), PROGRAM].contains(&from) {
            assert_eq!(seen.kind(), Kind::First);
            assert!(seen.frame().trailer.is_none());
            assert_eq!((seen.bytes.len() - 8) % 28, 0);
        }
    }
    // The old trackers exchange announces with the others as far as packets arrive.
    let of = |known: &Peers, who: &dyn Fn(u32) -> bool| {
        let announced = (0..4 * ANNOUNCES).filter(|number| who(*number));
        let announced = peers(announced.map(announce));
        let heard = announced
            .keys()
            .filter(|peer| known.contains_key(*peer))
            .count();
        heard as f64 / announced.len() as f64
    };
    // No other tracker announces its torrents.
    let of_program = |tracker: &Tracker| {
        let peers = tracker.peers();
        let of_program = peers.keys().filter(|(hash, ..)| hash.0[19] == 0);
        of_program.count() as f64 / f64::from(ANNOUNCES)
    };
    let by_plain = |number| number < 3 * ANNOUNCES && number % 3 == 2;
    let by_old = |number| number >= 3 * ANNOUNCES;
    let by_repairing = |number| number < 3 * ANNOUNCES && number % 3 < 2;
    for (what, part) in [
        ("one of plain", of(&one.peers(), &by_plain)),
        ("other of plain", of(&other.peers(), &by_plain)),
        ("one of old", of(&one.peers(), &by_old)),
        ("plain of old", of(&plain.peers(), &by_old)),
        ("one of the program", of_program(one)),
        ("plain of the program", of_program(plain)),
        (
            "plain of those that repair",
            of(&plain.peers(), &by_repairing),
        ),
    ] {
        println!("{what}: {:.0}%", 100.0 * part);
        assert!((0.5..0.9).contains(&part), "{what}: {part}");
    }
    let heard = program.heard();
    println!("LIVESYNC_REPAIR=0: {heard} of {}", 4 * ANNOUNCES);
    let part = f64::from(heard) / f64::from(4 * ANNOUNCES);
    assert!((0.5..0.9).contains(&part));
}

/// Parses a packet as a tracker of 2009: type 0, records of 28 bytes. It ignores the rest.
fn understand(datagram: &[u8]) -> Vec<[u8; 28]> {
    let mut records = Vec::new();
    if datagram.len() < 8 || datagram[4..8] != [0; 4] {
        return records;
    }
    let mut off = 8;
    while off + 28 <= datagram.len() {
        records.push(datagram[off..off + 28].try_into().expect("28 bytes"));
        off += 28;
    }
    records
}

/// Checks that an old tracker understands only packets that were sent for the first time, byte
/// for byte and none of them twice, with the announced records.
fn hears_what_was_sent_first(heard: &[Seen], first: &[&Seen]) {
    let mut sent = BTreeMap::new();
    for seen in first {
        *sent.entry(&seen.bytes).or_insert(0) += 1;
    }
    assert!(sent.values().all(|times| *times == 1));
    let understood: Vec<_> = heard
        .iter()
        .filter(|heard| heard.from() != OLD && !understand(&heard.bytes).is_empty())
        .collect();
    let distinct: BTreeSet<_> = understood.iter().map(|heard| &heard.bytes).collect();
    assert_eq!(distinct.len(), understood.len(), "a packet twice");
    assert!(distinct.iter().all(|heard| sent.contains_key(heard)));
    let understood: Vec<_> = understood
        .iter()
        .filter(|heard| heard.from() != PROGRAM)
        .collect();
    let announced: BTreeSet<_> = (0..4 * ANNOUNCES)
        .map(|number| record(&announce(number)))
        .collect();
    let records: Vec<_> = understood
        .iter()
        .flat_map(|heard| understand(&heard.bytes))
        .collect();
    assert!(records.iter().all(|record| announced.contains(record)));
    let distinct: BTreeSet<_> = records.iter().collect();
    assert_eq!(distinct.len(), records.len(), "a record twice");
    let others = |seen: &&&Seen| ![OLD, PROGRAM].contains(&seen.from());
    let from_others = first.iter().filter(others).count();
    println!("old: {} of {from_others} packets", understood.len());
    assert!((50..90).contains(&(100 * understood.len() / from_others)));
}

const OLD: TrackerId = TrackerId([0x20, 0x09, 0x20, 0x09]);

/// Sends packets of 50 records from the old tracker.
fn say(old: &Witness, numbers: std::ops::Range<u32>) {
    for first in numbers.step_by(50) {
        let records = (first..first + 50).map(|number| record(&announce(number)));
        let packet: Vec<u8> = OLD
            .0
            .into_iter()
            .chain([0; 4])
            .chain(records.flatten())
            .collect();
        old.wire.send(&packet);
        thread::sleep(SECOND / 100);
    }
}

/// Makes a record by hand.
fn record(announce: &Announce) -> [u8; 28] {
    let Announce {
        info_hash: InfoHash(hash),
        peer,
    } = announce;
    let Peer {
        ip,
        port,
        flags: PeerFlags(flags),
    } = peer;
    let std::net::IpAddr::V4(ip) = ip else {
        panic!("not IPv4")
    };
    let mut record = [0; 28];
    record[..20].copy_from_slice(hash);
    record[20..24].copy_from_slice(&Ipv4Addr::octets(ip));
    record[24..26].copy_from_slice(&port.to_be_bytes());
    record[26] = *flags;
    record
}

const PROGRAM: TrackerId = TrackerId([0x0c; 4]);

/// A C program with the six functions and LIVESYNC_REPAIR=0.
struct DropIn {
    program: Program,
    host: netns::Host,
}

impl DropIn {
    fn on(network: &mut netns::Network) -> Self {
        let host = network.add_host("program").unwrap();
        let mut command: Command = host.command(program());
        let mut program = Program::start(command.arg("-q").env("LIVESYNC_REPAIR", "0"));
        program.run(&format!("bind {} {PORT}", host.address()));
        program.run(&format!("id {}", PROGRAM.to_host()));
        program.run("init");
        Self { program, host }
    }

    /// Returns how many announces it has received.
    fn heard(&mut self) -> u32 {
        self.program.run("count");
        let line = self.program.expect("count ");
        line["count ".len()..].parse().expect("a number")
    }
}
