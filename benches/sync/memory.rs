//! Measures the memory that a node adds to its program, in a process of its own.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::announcer::Announcer;
use crate::child;
use crate::measure::resident_memory;
use crate::network;
use crate::ours::{self, Nothing};
use crate::table::{Effort, quantile, row_of_ours};

/// Name of the child's task.
pub const NODE: &str = "node";

const MIB: f64 = (1 << 20) as f64;

pub fn run(effort: Effort) {
    for (path, announces, goal) in [
        ("memory of a node", "1", "at most 2 MiB"),
        ("memory of a node, after a million tells", "1000000", ""),
    ] {
        let rounds = 0..effort.pick(5, 1);
        let taken = rounds.map(|_| child::answer(child::start(NODE, &[announces]))[0]);
        let median = quantile(taken.collect(), 5_000);
        row_of_ours(path, "-", median / MIB, "MiB", goal);
    }
}

/// The task of a child: runs a node that receives its own announces, and answers with its
/// memory.
pub fn live(arguments: &[&str]) {
    let count = arguments[0].parse().expect("a number");
    let announces = network::announces();
    let port = network::port();
    let before = resident_memory();
    let node = ours::start(ours::config(port), Arc::new(Nothing::default()));
    for (info_hash, peer) in announces.iter().cycle().take(count) {
        node.send_announce(info_hash, peer);
    }
    thread::sleep(Duration::from_millis(500));
    println!("{}", resident_memory() - before);
}
