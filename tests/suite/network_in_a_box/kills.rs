//! Each tracker is killed in turn, and restarted with an empty table.

use std::thread;
use std::time::{Duration, Instant};

use livesync::unstable::wire::Packet;

use super::books::FULL;
use super::clients::{Load, waited};
use super::trackers::{Cluster, TRACKERS};
use super::{PACE, a_while, announce_themselves_again};
use crate::repair::witness::{Kind, Seen, Witness};
use crate::support::netns;
use crate::support::skip;

/// A packet is on the witness's list at most this long after it was on the wire.
const LATE: Duration = Duration::from_millis(100);

#[test]
fn who_is_killed_takes_with_it_only_what_it_has_not_sent() {
    const TEST: &str =
        "network_in_a_box::kills::who_is_killed_takes_with_it_only_what_it_has_not_sent";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut cluster = Cluster::new();
    let witness = Witness::on(&mut cluster.network, "witness");
    cluster.start();
    let load = Load::start(&cluster, PACE);
    for number in 0..TRACKERS {
        thread::sleep(a_while() / 4);
        cluster.trackers[number].kill();
        thread::sleep(a_while() / 8);
        cluster.start_again(number);
    }
    thread::sleep(a_while() / 4);
    let answers = load.end();
    cluster.meet();
    println!(
        "{} clients were answered; they waited {}",
        answers.len(),
        waited(&answers)
    );
    announce_themselves_again(&cluster, &answers, "killed in turn");

    let began: Vec<_> = { &cluster.trackers }
        .iter()
        .map(|tracker| (tracker.spawned, tracker.ready))
        .collect();
    let books = cluster.end();
    let seen = witness.take();
    let mut sent_by_survivors = 0;
    let mut announced = 0;
    for (own, (spawned, ready)) in books.iter().zip(began) {
        println!("{}", own.line);
        let from_it = announces(&seen, |seen| seen.from().to_string() == own.id);
        assert_eq!(own.told(), from_it, "announced, and on the wire");
        sent_by_survivors += from_it;
        announced += own.told();
        let since = |time: Instant| {
            announces(&seen, |seen| {
                seen.from().to_string() != own.id && seen.at >= time
            })
        };
        let (least, most) = (since(ready + LATE), since(spawned));
        let lost = own.lost() * FULL;
        println!(
            "of {least} to {most} announces of others on the wire in its time it has heard {}",
            own.heard()
        );
        assert!(own.heard() <= most, "heard what nobody said");
        assert!(own.heard() + lost >= least, "lost and not counted");
    }
    // Each client has announced itself twice; announces that the survivors did not get went to
    // the killed trackers.
    let announced_to_killed = 2 * answers.len() as u64 - announced;
    let sent_by_killed = announces(&seen, |_| true) - sent_by_survivors;
    println!("the killed ones had sent {sent_by_killed} of {announced_to_killed} announces");
    assert!(sent_by_killed + TRACKERS as u64 * FULL >= announced_to_killed);
}

/// Returns how many announces are in the matching packets.
fn announces(seen: &[Seen], of: impl Fn(&Seen) -> bool) -> u64 {
    let first = seen
        .iter()
        .filter(|seen| seen.kind() == Kind::First && of(seen));
    first
        .map(|seen| match seen.frame().packet {
            Packet::Live(list) => list.len() as u64,
            _ => 0,
        })
        .sum()
}
