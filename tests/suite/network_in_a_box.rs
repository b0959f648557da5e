//! Five trackers on a network that goes wrong. What does not arrive is counted: the books of
//! each tracker balance.
//!
//! Each test prints its figures. LIVESYNC_PARTITION_SECONDS and LIVESYNC_BURST make longer
//! ones of two of them, as `scripts/trust network` does.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use crate::repair::segment::{Segment, announce, config, peers, until};
use crate::support::netns;
use crate::support::skip;

const SECOND: Duration = Duration::from_secs(1);

/// Announces in a second, all trackers together.
const PACE: u32 = 2_000;

/// A packet has so many announces at most.
const FULL: u64 = 51;

#[test]
fn who_was_cut_off_for_five_seconds_knows_everything_soon() {
    const TEST: &str = "network_in_a_box::who_was_cut_off_for_five_seconds_knows_everything_soon";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let segment = segment();
    let cut_off = &segment.hosts[4];
    segment.network.plug(cut_off, false).expect("unplugged");
    segment.announce(PACE..6 * PACE, 5 * SECOND);
    segment.network.plug(cut_off, true).expect("plugged in");
    let took = all_agree(&segment, 6 * PACE, 10 * SECOND);
    println!("cut off for 5 s: all tables agree {took:?} after the end");
    assert!(took.is_some());
    assert_eq!(given_up(&segment), [0; 5]);
}

#[test]
fn an_interface_that_is_down_for_five_seconds_costs_nothing_but_time() {
    const TEST: &str =
        "network_in_a_box::an_interface_that_is_down_for_five_seconds_costs_nothing_but_time";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let segment = segment();
    let set = |state: &str| {
        let mut ip = segment.hosts[4].command("ip");
        let set = ip.args(["link", "set", "eth0", state]).status();
        assert!(set.expect("ip").success());
    };
    set("down");
    segment.announce(PACE..6 * PACE, 5 * SECOND);
    set("up");
    let took = all_agree(&segment, 6 * PACE, 10 * SECOND);
    let errors = segment.sum(|stats| stats.counters.send_errors);
    println!("down for 5 s: all tables agree {took:?} after the end; {errors} packets not sent");
    assert!(took.is_some());
    assert!(errors > 0, "it was not down");
}

#[test]
fn what_who_was_cut_off_for_long_has_missed_is_counted() {
    const TEST: &str = "network_in_a_box::what_who_was_cut_off_for_long_has_missed_is_counted";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let seconds = setting("LIVESYNC_PARTITION_SECONDS", 15);
    let segment = segment();
    let cut_off = &segment.hosts[4];
    segment.network.plug(cut_off, false).expect("unplugged");
    let told = (seconds + 1) * PACE;
    segment.announce(PACE..told, seconds * SECOND);
    segment.network.plug(cut_off, true).expect("plugged in");
    // The next announces show what is missing; ten seconds later nobody hopes any more.
    segment.announce(told..told + PACE, SECOND);
    thread::sleep(13 * SECOND);
    let expected = peers((0..told + PACE).map(announce));
    for (number, tracker) in segment.trackers.iter().enumerate() {
        let known = tracker.peers();
        assert!(known.keys().all(|peer| expected.contains_key(peer)));
        let missing = expected.len() - known.len();
        let given_up = given_up(&segment)[number];
        println!(
            "tracker {number}: {missing} of {} peers missing, {given_up} packets given up",
            expected.len()
        );
        assert!(missing as u64 <= given_up * FULL, "lost and not counted");
    }
    // Each of them announces itself again within half an hour: then all is well.
    for number in 0..told + PACE {
        segment.trackers[number as usize % 5].announce(announce(number));
        if number % PACE == 0 {
            thread::sleep(SECOND / 20);
        }
    }
    let took = all_agree(&segment, told + PACE, 10 * SECOND);
    println!("announced again: all tables agree {took:?} after the last announce");
    assert!(took.is_some());
}

#[test]
fn of_a_burst_what_does_not_arrive_is_counted() {
    const TEST: &str = "network_in_a_box::of_a_burst_what_does_not_arrive_is_counted";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let burst = setting("LIVESYNC_BURST", 200_000);
    let segment = segment();
    let start = Instant::now();
    for number in PACE..burst {
        segment.trackers[0].announce(announce(number));
    }
    let told = start.elapsed();
    // Ten seconds later nobody hopes any more.
    thread::sleep(13 * SECOND);
    let sender = segment.trackers[0].stats().counters;
    let unsent = sender.packets_overflowed + sender.send_errors;
    println!("{burst} announces told in {told:?}; {unsent} packets not sent");
    for (number, tracker) in segment.trackers.iter().enumerate().skip(1) {
        let lost = u64::from(burst) - tracker.peers().len() as u64;
        let stats = tracker.stats();
        let repair = &stats.counters.repair;
        let counted = repair.packets_given_up + stats.packets_missing + unsent;
        println!(
            "tracker {number}: {lost} announces lost; {} packets repaired, {counted} counted as \
             lost, {} dropped by the kernel",
            repair.packets_repaired, stats.receive_buffer_errors
        );
        assert!(lost <= counted * FULL, "lost and not counted");
    }
}

/// Five trackers that know each other.
fn segment() -> Segment {
    let segment = Segment::of(5, &config());
    thread::sleep(2 * SECOND);
    segment.announce(0..PACE, SECOND);
    let took = all_agree(&segment, PACE, 5 * SECOND);
    assert!(took.is_some());
    segment
}

fn all_agree(segment: &Segment, announces: u32, limit: Duration) -> Option<Duration> {
    let took = segment.until_all_know(announces as usize, limit)?;
    let expected = peers((0..announces).map(announce));
    let equal = || {
        let mut trackers = segment.trackers.iter();
        trackers.all(|tracker| tracker.peers() == expected)
    };
    until(SECOND, equal).map(|_| took)
}

/// By tracker, how many packets of others it has given up.
fn given_up(segment: &Segment) -> [u64; 5] {
    std::array::from_fn(|number| {
        let stats = segment.trackers[number].stats();
        stats.counters.repair.packets_given_up
    })
}

fn setting(name: &str, default: u32) -> u32 {
    let value = env::var(name).ok();
    value.map_or(default, |value| value.parse().expect(name))
}
