//! Packets get lost, and every announce arrives.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use livesync::wire::Packet;

use super::segment::{PORT, Segment, announce, config, peers};
use super::witness::{Kind, Witness, count};
use crate::support::netns;
use crate::support::skip;

const ANNOUNCES: u32 = 20_000;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn at_10_percent_loss_everything_is_everywhere_within_2_seconds() {
    arrives(
        "repair::loss::at_10_percent_loss_everything_is_everywhere_within_2_seconds",
        10,
        2 * SECOND,
    );
}

#[test]
fn at_30_percent_loss_everything_is_everywhere_within_2_seconds() {
    arrives(
        "repair::loss::at_30_percent_loss_everything_is_everywhere_within_2_seconds",
        30,
        2 * SECOND,
    );
}

#[test]
fn at_50_percent_loss_everything_is_everywhere_within_5_seconds() {
    arrives(
        "repair::loss::at_50_percent_loss_everything_is_everywhere_within_5_seconds",
        50,
        5 * SECOND,
    );
}

/// Five trackers hear of all peers within so long after the last announce although each of
/// them loses so many percent of all packets, NAKs and those sent again among them.
fn arrives(test: &str, percent: u8, limit: Duration) {
    if let Err(reason) = netns::loss_available() {
        return skip(test, &reason);
    }
    let segment = Segment::of(5, &config());
    for host in &segment.hosts {
        host.lose_incoming_udp(PORT, percent).unwrap();
    }
    // Who has just begun to listen asks for nothing that was sent before it knew the sender.
    thread::sleep(2 * SECOND);
    segment.announce(0..ANNOUNCES, SECOND);
    let took = segment.until_all_know(ANNOUNCES as usize, 4 * limit);
    let repair = |count: fn(&livesync::protocol::RepairCounters) -> u64| {
        segment.sum(|stats| count(&stats.counters.repair))
    };
    println!(
        "{percent}% loss: complete {took:?} after the last announce; {} packets told, {} missing \
         ones repaired by {} NAKs and {} packets sent again, {} given up",
        segment.sum(|stats| stats.counters.packets_out),
        repair(|repair| repair.packets_repaired),
        repair(|repair| repair.naks_sent),
        repair(|repair| repair.packets_sent_again),
        repair(|repair| repair.packets_given_up),
    );
    assert!(took.is_some_and(|took| took <= limit), "{took:?}");
    let expected = peers((0..ANNOUNCES).map(announce));
    for tracker in &segment.trackers {
        assert!(tracker.peers() == expected);
    }
    assert_eq!(repair(|repair| repair.packets_given_up), 0);
}

#[test]
fn without_loss_repair_costs_less_than_2_percent_of_packets_and_nobody_asks() {
    const TEST: &str =
        "repair::loss::without_loss_repair_costs_less_than_2_percent_of_packets_and_nobody_asks";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::of(5, &config());
    let witness = Witness::on(&mut segment.network, "witness");
    segment.announce(0..ANNOUNCES, 2 * SECOND);
    let took = segment.until_all_know(ANNOUNCES as usize, SECOND);
    let seen = witness.take();
    let [first, again, heartbeats, naks] =
        [Kind::First, Kind::Again, Kind::Heartbeat, Kind::Nak].map(|kind| count(&seen, kind));
    println!(
        "no loss: complete {took:?} after the last announce; {first} packets, {heartbeats} \
         heartbeats, {naks} NAKs, {again} packets sent again"
    );
    assert!(took.is_some());
    assert!(100 * (again + heartbeats + naks) < 2 * seen.len());
    assert_eq!(naks, 0);
    // Nor when everybody is silent.
    thread::sleep(4 * SECOND);
    assert_eq!(segment.sum(|stats| stats.counters.repair.naks_sent), 0);
}

#[test]
fn what_ten_have_lost_one_asks_for() {
    const TEST: &str = "repair::loss::what_ten_have_lost_one_asks_for";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::of(11, &config());
    let witness = Witness::on(&mut segment.network, "witness");
    // So that they know how many they are.
    thread::sleep(2 * SECOND);
    let sender = &segment.hosts[0];
    if let Err(reason) = segment.network.lose_live_packets(sender, 20) {
        return skip(TEST, &reason);
    }
    let all = segment.trackers.split_off(1);
    segment.announce(0..ANNOUNCES, 4 * SECOND);
    segment.trackers.extend(all);
    let took = segment.until_all_know(ANNOUNCES as usize, 5 * SECOND);

    let seen = witness.take();
    let numbers = |kind| {
        let of_kind = seen.iter().filter(move |seen| seen.kind() == kind);
        of_kind.map(|seen| seen.seq()).collect::<BTreeSet<u32>>()
    };
    let arrived = numbers(Kind::First);
    let lost: BTreeSet<u32> = numbers(Kind::Again).difference(&arrived).copied().collect();
    let asked: usize = seen
        .iter()
        .filter_map(|seen| match seen.frame().packet {
            Packet::Nak(nak) => Some(nak.ranges().map(|range| lost.range(range).count())),
            _ => None,
        })
        .map(Iterator::sum::<usize>)
        .sum();
    let per_packet = asked as f64 / lost.len() as f64;
    println!(
        "lost by ten: {} of {} packets, asked for {asked} times in {} NAKs, that is {per_packet:.2} \
         times each; sent again {} times; complete {took:?} after the last announce",
        lost.len(),
        lost.len() + arrived.len(),
        count(&seen, Kind::Nak),
        count(&seen, Kind::Again),
    );
    assert!(took.is_some());
    assert!(lost.len() > 40, "nothing much is lost");
    assert!(per_packet <= 1.5);
}
