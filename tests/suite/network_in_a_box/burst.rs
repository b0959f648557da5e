//! More announces than any clients make. This process makes them.

use std::thread;
use std::time::Instant;

use super::books::FULL;
use super::{SECOND, setting};
use crate::repair::segment::{Segment, announce, config};
use crate::support::netns;
use crate::support::{is_too_long, skip};

#[test]
fn of_a_burst_what_does_not_arrive_is_counted() {
    const TEST: &str = "network_in_a_box::burst::of_a_burst_what_does_not_arrive_is_counted";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let burst = setting("LIVESYNC_TESTS_BURST", 200_000);
    let segment = Segment::of(5, &config());
    segment.meet();
    let start = Instant::now();
    for number in 0..burst {
        segment.trackers[0].announce(announce(number));
    }
    let took = start.elapsed();
    // After ten seconds every missing packet counts as lost.
    thread::sleep(13 * SECOND);
    let sender = segment.trackers[0].stats().counters;
    let unsent = sender.packets_overflowed + sender.send_errors;
    println!("{burst} announces made in {took:?}; {unsent} packets not sent");
    for (number, tracker) in segment.trackers.iter().enumerate().skip(1) {
        let lost = u64::from(burst) - tracker.peers().len() as u64;
        let stats = tracker.stats();
        let repair = &stats.counters.repair;
        let counted = repair.packets_lost + stats.packets_missing + unsent;
        println!(
            "tracker {number}: {lost} announces lost; {} packets recovered, {counted} counted as \
             lost, {} dropped by the kernel",
            repair.packets_recovered, stats.receive_buffer_errors
        );
        assert!(lost <= counted * FULL, "lost and not counted");
    }
}
