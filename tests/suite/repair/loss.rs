//! Packets are lost, and every announce arrives. `tube::figures` checks in virtual time how
//! soon.

use std::collections::BTreeSet;
use std::time::Duration;

use livesync::Stats;
use livesync::unstable::wire::Packet;

use super::segment::{PATIENCE, PORT, Segment, announce, config, peers, until};
use super::witness::{Kind, Witness, count};
use crate::support::netns;
use crate::support::{is_too_long, skip};

const ANNOUNCES: u32 = 20_000;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn at_10_percent_loss_everything_arrives_everywhere() {
    const TEST: &str = "repair::loss::at_10_percent_loss_everything_arrives_everywhere";
    if !is_too_long(TEST) {
        arrives(TEST, 10);
    }
}

#[test]
fn at_30_percent_loss_everything_arrives_everywhere() {
    arrives(
        "repair::loss::at_30_percent_loss_everything_arrives_everywhere",
        30,
    );
}

#[test]
fn at_50_percent_loss_everything_arrives_everywhere() {
    const TEST: &str = "repair::loss::at_50_percent_loss_everything_arrives_everywhere";
    if !is_too_long(TEST) {
        arrives(TEST, 50);
    }
}

/// Five trackers get all peers although each of them loses this percentage of all packets,
/// including NAKs and retransmissions.
fn arrives(test: &str, percent: u8) {
    if let Err(reason) = netns::loss_available() {
        return skip(test, &reason);
    }
    let segment = Segment::of(5, &config());
    segment.meet();
    for host in &segment.hosts {
        host.lose_incoming_udp(PORT, percent).unwrap();
    }
    segment.announce(0..ANNOUNCES, SECOND);
    let took = segment.until_all_know(ANNOUNCES as usize);
    let repair = |count: fn(&livesync::stats::RepairCounters) -> u64| {
        segment.sum(|stats| count(&stats.counters.repair))
    };
    println!(
        "{percent}% loss: complete {took:?} after the last announce; {} packets sent, {} missing \
         ones recovered by {} NAKs and {} retransmitted packets, {} lost",
        segment.sum(|stats| stats.counters.packets_out),
        repair(|repair| repair.packets_recovered),
        repair(|repair| repair.naks_sent),
        repair(|repair| repair.packets_retransmitted),
        repair(|repair| repair.packets_lost),
    );
    assert!(took.is_some());
    let expected = peers((0..ANNOUNCES).map(announce));
    for tracker in &segment.trackers {
        assert!(tracker.peers() == expected);
    }
    assert_eq!(repair(|repair| repair.packets_lost), 0);
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
    segment.meet();
    segment.announce(0..ANNOUNCES, 2 * SECOND);
    let took = segment.until_all_know(ANNOUNCES as usize);
    let seen = witness.take();
    let [first, retransmitted, heartbeats, naks] = [
        Kind::First,
        Kind::Retransmission,
        Kind::Heartbeat,
        Kind::Nak,
    ]
    .map(|kind| count(&seen, kind));
    println!(
        "no loss: complete {took:?} after the last announce; {first} packets, {heartbeats} \
         heartbeats, {naks} NAKs, {retransmitted} retransmitted packets"
    );
    assert!(took.is_some());
    // Nor does any node send NAKs when all are silent and send only heartbeats.
    let said = |stats: Stats| stats.counters.repair.heartbeats_sent;
    let before = segment.sum(said);
    assert!(until(PATIENCE, || segment.sum(said) >= before + 10).is_some());
    let naks_in_all = segment.sum(|stats| stats.counters.repair.naks_sent);
    // A busy machine may drop packets all the same.
    if segment.hosts.iter().all(|host| host.lost_packets() == 0) {
        assert!(100 * (retransmitted + heartbeats + naks) < 2 * seen.len());
        assert_eq!(naks_in_all, 0);
    }
}

#[test]
fn what_ten_have_lost_one_asks_for() {
    const TEST: &str = "repair::loss::what_ten_have_lost_one_asks_for";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::of(11, &config());
    let witness = Witness::on(&mut segment.network, "witness");
    // They must know how many nodes they are.
    segment.meet();
    let sender = &segment.hosts[0];
    if let Err(reason) = segment.network.lose_live_packets(sender, 20) {
        return skip(TEST, &reason);
    }
    let all = segment.trackers.split_off(1);
    segment.announce(0..ANNOUNCES, 4 * SECOND);
    segment.trackers.extend(all);
    let took = segment.until_all_know(ANNOUNCES as usize);

    let seen = witness.take();
    let numbers = |kind| {
        let of_kind = seen.iter().filter(move |seen| seen.kind() == kind);
        of_kind.map(|seen| seen.seq()).collect::<BTreeSet<u32>>()
    };
    let arrived = numbers(Kind::First);
    let lost: BTreeSet<u32> = numbers(Kind::Retransmission)
        .difference(&arrived)
        .copied()
        .collect();
    let requested: usize = seen
        .iter()
        .filter_map(|seen| match seen.frame().packet {
            Packet::Nak(nak) => Some(nak.ranges().map(|range| lost.range(range).count())),
            _ => None,
        })
        .map(Iterator::sum::<usize>)
        .sum();
    let per_packet = requested as f64 / lost.len() as f64;
    println!(
        "lost by ten: {} of {} packets, requested {requested} times in {} NAKs, that is {per_packet:.2} \
         times each; retransmitted {} times; complete {took:?} after the last announce",
        lost.len(),
        lost.len() + arrived.len(),
        count(&seen, Kind::Nak),
        count(&seen, Kind::Retransmission),
    );
    assert!(took.is_some());
    assert!(lost.len() > 40, "nothing much is lost");
    // tube::figures checks in virtual time that it is 1.5 at most if no node is late.
    assert!(per_packet < 5.0, "half of the ten send NAKs");
}
