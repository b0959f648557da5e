//! Measures the slowest announces at the pace of a very busy tracker, a million per second. It
//! takes the slowest of ten thousand, whose time includes reading the clock in both ways, and
//! the average when a thousand come at once.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::announcer::Announcer;
use crate::baseline::{Receiver, Teller};
use crate::measure::wall;
use crate::network;
use crate::ours::{self, Nothing};
use crate::table::{Effort, quantile, row};

const PACE: Duration = Duration::from_micros(1);

pub fn run(effort: Effort) {
    for listens in [false, true] {
        let (port, our_port) = (network::port(), network::port());
        let teller = Teller::new(port);
        let _receiver = listens.then(|| Receiver::start(port, teller.address()));
        let config = ours::config(our_port).listen(listens);
        let node = ours::start(config, Arc::new(Nothing::default()));
        let [worst] = effort.medians(|| [worst_of(&teller, effort)], || [worst_of(&node, effort)]);
        let what = if listens { ", listening" } else { "" };
        let [at_once] = effort.medians(
            || [thousand_at_once(&teller, effort)],
            || [thousand_at_once(&node, effort)],
        );
        row(
            &format!("tell, a thousand at once{what}"),
            "ns",
            at_once,
            "0.39: 12 of 31 ns",
        );
        row(
            &format!("tell, p99.99{what}"),
            "ns",
            worst,
            "0.67: 1 of 1.5 µs",
        );
    }
}

fn worst_of(way: &dyn Announcer, effort: Effort) -> f64 {
    let announces = network::announces();
    let tells = effort.pick(1_000_000, 20_000);
    let mut took = Vec::with_capacity(tells);
    let mut due = Instant::now();
    for (info_hash, peer) in announces.iter().cycle().take(tells) {
        due += PACE;
        while Instant::now() < due {}
        let start = Instant::now();
        way.send_announce(info_hash, peer);
        took.push(start.elapsed().as_nanos() as f64);
    }
    way.until_all_has_left();
    quantile(took, 9_999)
}

/// A thousand announces fit into one of the library's lanes, which its thread empties
/// meanwhile.
fn thousand_at_once(way: &dyn Announcer, effort: Effort) -> f64 {
    const BURST: usize = 1000;
    let announces = network::announces();
    let bursts = effort.pick(1000, 20);
    let mut announces = announces.iter().cycle();
    let mut took = Duration::ZERO;
    for _ in 0..bursts {
        let burst = announces.by_ref().take(BURST);
        took += wall(|| burst.for_each(|(info_hash, peer)| way.send_announce(info_hash, peer)));
        thread::sleep(PACE * BURST as u32);
    }
    way.until_all_has_left();
    took.as_nanos() as f64 / (bursts * BURST) as f64
}
