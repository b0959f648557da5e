//! Measures the cost of announcing, sending and receiving, beside a baseline that works as the
//! C module does: one mutex, a copy, one sendto(2) for each full packet; one recvfrom(2) for
//! each datagram. Both run in turn in one process, so that the ratios hold on a noisy machine.
//! README.md has the results.
//!
//! ```text
//! cargo bench --bench sync                        # everything
//! cargo bench --bench sync -- receiving loss      # some rows
//! cargo bench --bench sync -- --brief             # only checks that it runs
//! ```

mod announcer;
mod baseline;
mod buckets;
mod child;
mod holds;
mod latency;
mod loss;
mod measure;
mod memory;
mod network;
mod ours;
mod paced;
mod receiving;
mod table;
mod telling;
mod worst;

use std::env;

use table::Effort;

/// Measures some rows, and prints them.
type Group = fn(Effort);

/// The tasks that run in processes of their own.
const TASKS: [(&str, child::Task); 2] = [(loss::SENDER, loss::send), (memory::NODE, memory::live)];

/// The groups of rows, each in a file of its own.
const GROUPS: [(&str, Group); 9] = [
    ("telling", telling::run),
    ("paced", paced::run),
    ("worst", worst::run),
    ("receiving", receiving::run),
    ("loss", loss::run),
    ("latency", latency::run),
    ("buckets", buckets::run),
    ("holds", holds::run),
    ("memory", memory::run),
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if child::run(&arguments, &TASKS) {
        return;
    }
    let (options, wanted): (Vec<_>, Vec<_>) = arguments
        .iter()
        .map(String::as_str)
        .partition(|argument| argument.starts_with("--"));
    // `cargo test --benches` only checks that it runs.
    let effort = Effort {
        brief: options.contains(&"--brief") || !options.contains(&"--bench"),
    };
    table::head();
    for (name, run) in GROUPS {
        if wanted.is_empty() || wanted.contains(&name) {
            run(effort);
        }
    }
}
