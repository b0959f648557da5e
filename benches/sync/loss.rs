//! Measures loss: the part of a sender's announces that does not arrive. The sender is a
//! process of its own. Our receiver counts lost packets and sends NAKs for them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::announcer::Announcer;
use crate::baseline::{RECORDS, Receiver, Teller};
use crate::child;
use crate::network;
use crate::ours::{self, Nothing};
use crate::table::{Effort, note, row};

/// Name of the child's task.
pub const SENDER: &str = "sender";

/// Time that a sender stays after its last announce, to retransmit lost packets.
const STAYS: Duration = Duration::from_millis(2500);

/// Packets per second.
const BUSY: &str = "100000";
const FULL_BLAST: &str = "0";

/// The library's way.
const OURS: &str = "ours";
/// The C way.
const THE_C_WAY: &str = "c";

pub fn run(effort: Effort) {
    for (path, pace, sender, goal) in [
        ("loss at 100,000 packets/s", BUSY, OURS, "0"),
        (
            "loss at 100,000 packets/s of a C module",
            BUSY,
            THE_C_WAY,
            "0",
        ),
        ("loss at full blast", FULL_BLAST, OURS, "0.065: 1% of 15.5%"),
        (
            "loss at full blast of a C module",
            FULL_BLAST,
            THE_C_WAY,
            "0.065: 1% of 15.5%",
        ),
    ] {
        let mut account = String::new();
        let [lost] = effort.medians(
            || [heard_by_the_c_way(effort, pace)],
            || {
                let (lost, counted) = heard_by_ours(effort, sender, pace);
                account = counted;
                [lost]
            },
        );
        row(path, "%", lost, goal);
        note(&account);
    }
}

fn heard_by_the_c_way(effort: Effort, pace: &str) -> f64 {
    let port = network::port();
    let receiver = Receiver::start(port, None);
    let sender = child::start(SENDER, &[THE_C_WAY, &port.to_string(), pace, time(effort)]);
    let announced = child::answer(sender)[0];
    thread::sleep(Duration::from_millis(100));
    percent(announced - receiver.applied() as f64, announced)
}

/// Returns the loss, and a line that accounts for it.
fn heard_by_ours(effort: Effort, sender: &str, pace: &str) -> (f64, String) {
    let port = network::port();
    let host = Arc::new(Nothing::default());
    let node = ours::start(ours::config(port), host.clone());
    let sender = child::start(SENDER, &[sender, &port.to_string(), pace, time(effort)]);
    let [announced, unsent] = child::answer(sender)[..] else {
        panic!("two numbers");
    };
    thread::sleep(Duration::from_millis(100));
    let applied = host.applied() as f64;
    let stats = node.stats().expect("it was started");
    let repair = &stats.counters.repair;
    let missing = (repair.packets_lost + stats.packets_missing) as f64;
    let uncounted = announced - applied - (unsent + missing) * (RECORDS - 1) as f64;
    let account = format!(
        "ours, last round: of {announced} announces {applied} applied; the sender counts {unsent} \
         packets as not sent, the receiver {missing} as missing, so {uncounted} announces are lost \
         and not counted; {}",
        stats.counters
    );
    let lost = announced - applied;
    (percent(lost, announced), account)
}

fn percent(part: f64, all: f64) -> f64 {
    100.0 * part / all
}

/// Returns how many milliseconds a sender announces.
fn time(effort: Effort) -> &'static str {
    effort.pick("2000", "100")
}

/// The task of a child: announces, and answers with the number of announces.
pub fn send(arguments: &[&str]) {
    let [way, port, pace, time] = arguments else {
        panic!("four arguments");
    };
    let port = port.parse().expect("a port");
    let pace = pace.parse().expect("a number");
    let time = Duration::from_millis(time.parse().expect("a time"));
    if *way == THE_C_WAY {
        let announced = announce_for(&Teller::new(port), RECORDS, pace, time);
        return println!("{announced} 0");
    }
    let node = ours::start(ours::config(port), Arc::new(Nothing::default()));
    // A trailer takes the room of one record.
    let announced = announce_for(&node, RECORDS - 1, pace, time);
    thread::sleep(STAYS);
    let counters = ours::counters(&node);
    println!(
        "{announced} {}",
        counters.packets_overflowed + counters.send_errors
    );
}

/// Announces in full packets for some time, at this many packets per second, or as fast as it
/// can. Like a tracker it sleeps when there is no work, and then catches up. Returns the number
/// of announces.
fn announce_for(way: &dyn Announcer, records: usize, pace: u32, time: Duration) -> usize {
    let announces = network::announces();
    let mut announces = announces.iter().cycle();
    let start = Instant::now();
    let mut packets = 0;
    while start.elapsed() < time {
        if pace > 0 && Duration::from_secs(packets as u64) / pace > start.elapsed() {
            thread::sleep(Duration::from_micros(100));
            continue;
        }
        for (info_hash, peer) in announces.by_ref().take(records) {
            way.send_announce(info_hash, peer);
        }
        packets += 1;
    }
    packets * records
}
