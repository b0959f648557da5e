//! Measures announces: the time that a call takes, and its processor time with that of the
//! library's thread.

use std::sync::Arc;
use std::time::Duration;

use crate::announcer::{Announcer, flat_out};
use crate::baseline::{Receiver, Teller};
use crate::measure::{processor, wall};
use crate::network;
use crate::ours::{self, Nothing};
use crate::table::{Effort, note, row};

/// Measures each way without a listener, and as a listener of its own packets, which the
/// loopback interface brings back.
pub fn run(effort: Effort) {
    for listens in [false, true] {
        for (threads, what, goal) in [
            (1, "one thread", "0.39: 12 of 31 ns"),
            (2, "two threads", "0.12: 15 of 125 ns"),
        ] {
            let (port, our_port) = (network::port(), network::port());
            let teller = Teller::new(port);
            let _receiver = listens.then(|| Receiver::start(port, teller.address()));
            let config = ours::config(our_port).listen(listens);
            let node = ours::start(config, Arc::new(Nothing::default()));
            let [wall, processor] = effort.medians(
                || announce_all(&teller, effort, threads),
                || announce_all(&node, effort, threads),
            );
            let what = format!("{what}{}", if listens { ", listening" } else { "" });
            row(&format!("tell, {what}"), "ns", wall, goal);
            let path = format!("processor per 10 million sent, {what}");
            row(&path, "s", processor, "0.39: 0.12 of 0.305 s");
            let counters = ours::counters(&node);
            let lost = counters.packets_overflowed + counters.send_errors;
            if lost > 0 {
                note(&format!("ours: {lost} packets not sent"));
            }
        }
    }
}

/// Returns the nanoseconds that an announce takes in its thread, and the seconds of processor
/// time for ten million.
fn announce_all(way: &dyn Announcer, effort: Effort, threads: usize) -> [f64; 2] {
    let announces = network::announces();
    let each = effort.pick(10_000_000, 100_000);
    let mut time = Duration::ZERO;
    let spent = processor(|| {
        time = wall(|| flat_out(way, &announces, threads, each));
        way.until_all_has_left();
    });
    [
        time.as_secs_f64() * 1e9 / each as f64,
        spent.as_secs_f64() * 1e7 / (each * threads) as f64,
    ]
}
