//! Five trackers, the C programs of examples/tracker, on a network and on machines with faults,
//! while clients announce themselves. Lost announces are counted, so that the books balance.
//!
//! Each test prints its figures. Durations are not checked here, as others use this machine,
//! too: `tube::figures` checks them in virtual time. Most tests are long.
//! LIVESYNC_TESTS_PARTITION_SECONDS and LIVESYNC_TESTS_BURST make two of them still longer, as
//! `scripts/trust network` does.

mod books;
mod burst;
mod clients;
mod clocks;
mod flood;
mod floods;
mod kills;
mod trackers;

use std::env;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::netns;
use crate::support::{is_long, is_too_long, skip};
use books::{balance, balance_of};
use clients::{Answer, Load, announce_again, missing, until_all_know, waited};
use trackers::{Cluster, SYNC_PORT};

const SECOND: Duration = Duration::from_secs(1);

/// Announces per second, of all trackers together.
const PACE: u32 = 2_000;

/// Time limit for everything that is not measured. No test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Length of a fault: until more packets were sent than nodes remember.
fn a_while() -> Duration {
    SECOND * if is_long() { 5 } else { 1 }
}

#[test]
fn what_gets_lost_is_repaired() {
    const TEST: &str = "network_in_a_box::what_gets_lost_is_repaired";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let percentages: &[u8] = if is_long() { &[10, 30, 50] } else { &[30] };
    for percent in percentages {
        let mut cluster = started();
        for host in cluster.hosts.iter() {
            host.lose_incoming_udp(SYNC_PORT, *percent).expect("nft");
        }
        let answers = Load::of(&cluster, PACE, a_while());
        agree(&cluster, &answers, &format!("{percent}% lost"));
        let books = cluster.end();
        balance(&books);
        assert!(books.iter().all(|books| books.lost() == 0));
    }
}

#[test]
fn what_a_tracker_says_before_it_stops_is_heard_or_counted() {
    const TEST: &str = "network_in_a_box::what_a_tracker_says_before_it_stops_is_heard_or_counted";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let mut cluster = started();
    for host in cluster.hosts.iter() {
        host.lose_incoming_udp(SYNC_PORT, 20).expect("nft");
    }
    let load = Load::start(&cluster, PACE);
    thread::sleep(3 * SECOND);
    let stopped = cluster.end_last();
    load.end();
    // After ten seconds every missing packet counts as lost.
    thread::sleep(13 * SECOND);
    let mut books = cluster.end();
    books.push(stopped);
    (0..4).for_each(|number| balance_of(number, &books));
}

#[test]
fn who_was_cut_off_for_a_while_knows_everything_again() {
    const TEST: &str = "network_in_a_box::who_was_cut_off_for_a_while_knows_everything_again";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut cluster = started();
    let load = Load::start(&cluster, PACE);
    let cut_off = &cluster.hosts[4];
    cluster.network.plug(cut_off, false).expect("unplugged");
    thread::sleep(a_while());
    cluster.network.plug(cut_off, true).expect("plugged in");
    agree(&cluster, &load.end(), "cut off for a while");
    let books = cluster.end();
    balance(&books);
    assert!(books.iter().all(|books| books.lost() == 0));
}

#[test]
fn what_who_was_cut_off_for_long_has_missed_is_counted() {
    const TEST: &str = "network_in_a_box::what_who_was_cut_off_for_long_has_missed_is_counted";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let seconds = setting("LIVESYNC_TESTS_PARTITION_SECONDS", 15);
    let mut cluster = started();
    let load = Load::start(&cluster, PACE);
    let cut_off = &cluster.hosts[4];
    cluster.network.plug(cut_off, false).expect("unplugged");
    thread::sleep(seconds * SECOND);
    cluster.network.plug(cut_off, true).expect("plugged in");
    // The next announces show which packets are missing; after ten seconds they count as lost.
    thread::sleep(SECOND);
    let answers = load.end();
    thread::sleep(13 * SECOND);
    announce_themselves_again(&cluster, &answers, &format!("cut off for {seconds} s"));
    balance(&cluster.end());
}

#[test]
fn an_interface_that_is_down_for_a_while_costs_nothing_but_time() {
    const TEST: &str =
        "network_in_a_box::an_interface_that_is_down_for_a_while_costs_nothing_but_time";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut cluster = started();
    let load = Load::start(&cluster, PACE);
    let set = |state: &str| {
        let mut ip = cluster.hosts[4].command("ip");
        let set = ip.args(["link", "set", "eth0", state]).status();
        assert!(set.expect("ip").success());
    };
    set("down");
    thread::sleep(a_while());
    set("up");
    agree(&cluster, &load.end(), "interface down for a while");
    let books = cluster.end();
    balance(&books);
    assert!(books[4].not_sent() > 0, "it was not down");
}

#[test]
fn who_was_paused_hears_what_it_has_missed() {
    const TEST: &str = "network_in_a_box::who_was_paused_hears_what_it_has_missed";
    if is_too_long(TEST) {
        return;
    }
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut cluster = started();
    let load = Load::start(&cluster, PACE);
    cluster.trackers[2].signal(Signal::SIGSTOP);
    thread::sleep(5 * SECOND);
    cluster.trackers[2].signal(Signal::SIGCONT);
    thread::sleep(SECOND);
    let answers = load.end();
    agree(&cluster, &answers, "paused for 5 s");
    println!("clients waited {}", waited(&answers));
    balance(&cluster.end());
}

/// Starts five trackers that know each other.
fn started() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.start();
    cluster
}

/// Returns how long it takes until all trackers know these clients, and no others.
fn agree(cluster: &Cluster, answers: &[Answer], what: &str) -> Duration {
    let took = until_all_know(cluster, answers, PATIENCE);
    let took = took.unwrap_or_else(|| panic!("{what}: not all know all"));
    let clients = answers.len();
    println!("{what}: all know {clients} clients {took:?} after the last announce");
    took
}

/// Repeats the announces, as clients do within half an hour: lost peers come back.
fn announce_themselves_again(cluster: &Cluster, answers: &[Answer], what: &str) {
    for (number, host) in cluster.hosts.iter().enumerate() {
        let missing = missing(host, answers);
        println!(
            "{what}: tracker {number} misses {missing} of {} clients",
            answers.len()
        );
    }
    announce_again(cluster, answers);
    agree(cluster, answers, &format!("{what}, all announced again"));
}

fn setting(name: &str, default: u32) -> u32 {
    let value = env::var(name).ok();
    value.map_or(default, |value| value.parse().expect(name))
}
