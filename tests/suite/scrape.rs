//! Scrape sync of two real trackers on one segment, and a witness beside them that sees all
//! packets on the wire.

mod own_socket;
mod segment;

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use self::segment::{Packet, Segment, Tracker};
use crate::support::group::{HEARTBEAT, TRAILER};
use crate::support::netns;
use crate::support::{is_long, skip};

const SCRAPE_BEACON: u32 = 1;
const SCRAPE_INQUIRE: u32 = 2;
const SCRAPE_TELL: u32 = 3;

/// Number of torrents that fit into 1472 bytes, with a trailer.
const TORRENTS_PER_PACKET: u32 = 44;

/// One of the trackers may know more downloads of a torrent that both know; this bit is for
/// c-tests/torrents.c.
const FULLER_KNOWS_MORE: u32 = 0b001;
const SMALLER_KNOWS_MORE: u32 = 0b010;
const LARGER_COUNTS: u32 = FULLER_KNOWS_MORE | SMALLER_KNOWS_MORE;

const START: Duration = Duration::from_secs(60);

#[test]
fn a_tracker_learns_what_a_fuller_one_knows_and_tells_it_what_it_knows_better() {
    Scenario {
        test: "scrape::a_tracker_learns_what_a_fuller_one_knows_and_tells_it_what_it_knows_better",
        ..Scenario::SMALL
    }
    .play();
}

#[test]
fn nothing_is_done_twice_when_the_host_ticks_all_the_time() {
    Scenario {
        test: "scrape::nothing_is_done_twice_when_the_host_ticks_all_the_time",
        commands: &["ticker"],
        ..Scenario::SMALL
    }
    .play();
}

#[test]
fn a_torrent_that_cannot_be_stored_is_skipped_and_the_others_arrive() {
    Scenario {
        test: "scrape::a_torrent_that_cannot_be_stored_is_skipped_and_the_others_arrive",
        commands: &["fail"],
        ..Scenario::SMALL
    }
    .play();
}

#[test]
fn is_clean_under_valgrind() {
    const TEST: &str = "scrape::is_clean_under_valgrind";
    if Command::new("valgrind").arg("--version").output().is_err() {
        return skip(TEST, "valgrind is not installed");
    }
    Scenario {
        test: TEST,
        fuller: 600,
        beacon_interval: Duration::from_secs(2),
        commands: &["fail", "ticker"],
        wrapper: &[
            "valgrind",
            "-q",
            "--error-exitcode=99",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
        ],
        ..Scenario::SMALL
    }
    .play();
}

/// A million torrents if tests may be long.
#[test]
fn an_empty_tracker_learns_many_torrents() {
    const TEST: &str = "scrape::an_empty_tracker_learns_many_torrents";
    let many: u32 = if is_long() { 1_000_000 } else { 50_000 };
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::new(Duration::from_millis(500), &[]);
    let [teller, empty] = &mut segment.trackers;
    teller.run(&format!("add 0 {many} {FULLER_KNOWS_MORE}"));
    println!("teller, before: {}", teller.report());
    empty.sync();
    teller.sync();

    let first = segment.next(START, |packet| packet.kind == SCRAPE_TELL);
    let first = first.expect("a telling");
    let start = first.at;
    let (mut end, mut packets) = (start, 1);
    // While it tells, it sends no beacon.
    while let Some(packet) = segment.next(START, |packet| packet.kind != HEARTBEAT) {
        match packet.kind {
            SCRAPE_TELL => (end, packets) = (packet.at, packets + 1),
            _ if packet.from == first.from => break,
            _ => {}
        }
    }
    let seconds = (end - start).as_secs_f64();
    println!("{many} torrents told in {packets} packets, {seconds:.1} s");
    let [teller, empty] = &mut segment.trackers;
    for (name, tracker) in [("teller", &mut *teller), ("learner", &mut *empty)] {
        println!("{name}: {}", tracker.report());
        println!("{name}: {} packets lost", tracker.lost_packets());
    }
    assert_eq!(packets, many.div_ceil(TORRENTS_PER_PACKET));
    empty.expect_torrents(0..many, FULLER_KNOWS_MORE, 0);
    empty.expect_count(many);
    teller.expect_count(many);
}

/// A fuller tracker and a smaller one, with some torrents in common.
struct Scenario {
    test: &'static str,
    /// The fuller one knows the torrents below this number.
    fuller: u32,
    /// The smaller one knows this many of these, the last ones,
    both: u32,
    /// and this many more.
    smaller_alone: u32,
    beacon_interval: Duration,
    /// The commands for both hosts before they sync.
    commands: &'static [&'static str],
    /// The program that runs the hosts.
    wrapper: &'static [&'static str],
}

impl Scenario {
    const SMALL: Self = Self {
        test: "",
        fuller: 5000,
        both: 150,
        smaller_alone: 150,
        beacon_interval: Duration::from_millis(500),
        commands: &[],
        wrapper: &[],
    };

    fn play(&self) {
        if let Err(reason) = netns::available() {
            return skip(self.test, &reason);
        }
        let mut segment = Segment::new(self.beacon_interval, self.wrapper);
        self.start(&mut segment.trackers);
        let [fuller, smaller] = segment.trackers.each_ref().map(Tracker::address);
        let first_beacon = segment
            .next(START, |packet| packet.from == fuller)
            .expect("a beacon");

        println!("the first beacon is of {}", first_beacon.from);
        let mut expected = vec![(smaller, SCRAPE_INQUIRE, 8 + 4)];
        expected.extend(scrape_tell_packets(fuller, self.fuller));
        expected.extend(scrape_tell_packets(smaller, self.both / 3));
        let packets: Vec<_> = expected
            .iter()
            .map_while(|_| {
                let wanted = |packet: &Packet| ![SCRAPE_BEACON, HEARTBEAT].contains(&packet.kind);
                let packet = segment.next(START, wanted)?;
                Some((packet.from, packet.kind, packet.length))
            })
            .collect();
        assert_eq!(packets, expected);

        // Any other packet would come before the third beacon from now on.
        let mut beacons = [fuller, smaller].map(|from| (from, 0));
        while beacons.iter().any(|(_, beacons)| *beacons < 3) {
            let packet = segment
                .next(START, |packet| packet.kind != HEARTBEAT)
                .expect("beacons go on");
            assert_eq!(packet.kind, SCRAPE_BEACON, "{packet:?}");
            for (from, beacons) in &mut beacons {
                *beacons += u32::from(packet.from == *from);
            }
        }
        self.expect_the_larger_counts(&mut segment.trackers);
        for tracker in segment.trackers {
            assert_eq!(tracker.end(), Some(0));
        }
    }

    fn start(&self, [fuller, smaller]: &mut [Tracker; 2]) {
        fuller.run(&format!("add 0 {} {FULLER_KNOWS_MORE}", self.fuller));
        smaller.run(&format!(
            "add {} {} {SMALLER_KNOWS_MORE}",
            self.fuller - self.both,
            self.both + self.smaller_alone
        ));
        // The smaller one first, so that it receives the first beacon of the other.
        for tracker in [smaller, fuller] {
            for command in self.commands {
                tracker.run(command);
            }
            tracker.sync();
        }
    }

    fn expect_the_larger_counts(&self, [fuller, smaller]: &mut [Tracker; 2]) {
        let known_to_both = self.fuller - self.both..self.fuller;
        let fuller_alone = 0..known_to_both.start;
        let smaller_alone = known_to_both.end..known_to_both.end + self.smaller_alone;
        let failed = if self.commands.contains(&"fail") {
            fuller_alone.end.div_ceil(7)
        } else {
            0
        };
        fuller.expect_torrents(fuller_alone.clone(), FULLER_KNOWS_MORE, 0);
        fuller.expect_torrents(known_to_both.clone(), LARGER_COUNTS, 0);
        fuller.expect_count(self.fuller);
        smaller.expect_torrents(fuller_alone, FULLER_KNOWS_MORE, failed);
        smaller.expect_torrents(known_to_both, LARGER_COUNTS, 0);
        smaller.expect_count(smaller_alone.end - failed);
        smaller.expect_torrents(smaller_alone, SMALLER_KNOWS_MORE, 0);
    }
}

/// Returns source, type and length of the fewest packets that can tell this many torrents.
fn scrape_tell_packets(
    from: Ipv4Addr,
    torrents: u32,
) -> impl Iterator<Item = (Ipv4Addr, u32, usize)> {
    (0..torrents)
        .step_by(TORRENTS_PER_PACKET as usize)
        .map(move |before| {
            let records = TORRENTS_PER_PACKET.min(torrents - before);
            (from, SCRAPE_TELL, 8 + 32 * records as usize + TRAILER)
        })
}
