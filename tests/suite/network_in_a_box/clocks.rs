//! The clock of one tracker is set by a day, and back.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use livesync::stats::Reject;

use super::books::balance;
use super::clients::Load;
use super::trackers::Cluster;
use super::{PACE, SECOND, agree, announce_themselves_again};
use crate::support::netns;
use crate::support::{cc, is_too_long, skip};

/// A day in seconds.
const DAY: i64 = 86_400;

/// A tracker reads the wall clock every ten seconds.
const NOTICED: Duration = Duration::from_secs(11);

/// The tracker whose clock is set.
const VICTIM: usize = 2;

#[test]
fn without_a_key_nobody_minds_a_clock() {
    const TEST: &str = "network_in_a_box::clocks::without_a_key_nobody_minds_a_clock";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut cluster = Cluster::new();
    let clock = Clock::of(&mut cluster);
    cluster.start();
    let load = Load::start(&cluster, PACE);
    for ahead in [DAY, -DAY, 0] {
        clock.set(ahead);
        thread::sleep(NOTICED);
    }
    agree(&cluster, &load.end(), "clock set by a day, without a key");
    let books = cluster.end();
    balance(&books);
    assert!(books.iter().all(|books| books.lost() == 0));
}

#[test]
fn with_a_key_a_wrong_clock_is_counted_until_it_is_right() {
    const TEST: &str =
        "network_in_a_box::clocks::with_a_key_a_wrong_clock_is_counted_until_it_is_right";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut cluster = Cluster::new();
    let clock = Clock::of(&mut cluster);
    cluster.give_key();
    cluster.start();
    let load = Load::start(&cluster, PACE);
    for ahead in [DAY, -DAY, 0] {
        clock.set(ahead);
        thread::sleep(NOTICED);
    }
    thread::sleep(2 * SECOND);
    let answers = load.end();
    // After ten seconds every missing packet counts as lost.
    thread::sleep(13 * SECOND);
    announce_themselves_again(&cluster, &answers, "clock set by a day, with a key");
    let books = cluster.end();
    balance(&books);
    for (number, own) in books.iter().enumerate() {
        let refused = own.dropped(Reject::Skewed);
        println!("tracker {number} has refused {refused} packets of another time");
        assert!(refused > 0, "nobody minds");
        // It logs once a minute that a clock is ahead or behind.
        let direction = if number == VICTIM { "behind" } else { "ahead" };
        let warned = own
            .log
            .lines()
            .find(|line| line.contains("; its clock is 86"));
        assert!(
            warned.is_some_and(|line| line.ends_with(direction)),
            "{}",
            own.log
        );
    }
}

/// The wall clock of the victim: c-tests/faults/clock.c.
struct Clock {
    ahead: File,
}

impl Clock {
    fn of(cluster: &mut Cluster) -> Self {
        let path = cluster.files.path().join("ahead");
        let clock = Self {
            ahead: File::create_new(&path).expect("a file"),
        };
        clock.set(0);
        cluster.set(VICTIM, "CLOCK_AHEAD", path);
        cluster.set(VICTIM, "LD_PRELOAD", library());
        clock
    }

    fn set(&self, ahead: i64) {
        let bytes = ahead.to_ne_bytes();
        self.ahead.write_all_at(&bytes, 0).expect("write");
    }
}

fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let library = cc::scratch().join("clock.so");
        cc::run(
            Command::new(cc::compiler())
                .args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"])
                .arg(cc::root().join("c-tests/faults/clock.c"))
                .arg("-o")
                .arg(&library),
        );
        library
    });
    library.clone()
}
