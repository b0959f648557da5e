//! Measures how long the engine's lock is held, since threads that announce or read statistics
//! may wait for it. It needs a library that is built to time its lock: `RUSTFLAGS="--cfg
//! lock_times" cargo bench --bench sync -- holds`; without SHA instructions, add `--cfg
//! sha2_backend="soft"`.

use crate::table::Effort;
#[cfg(not(lock_times))]
use crate::table::note;

#[cfg(not(lock_times))]
pub fn run(_: Effort) {
    note("holds: built without --cfg lock_times, so the lock is not timed");
}

#[cfg(lock_times)]
pub fn run(effort: Effort) {
    timed::run(effort);
}

#[cfg(lock_times)]
mod timed {
    use std::sync::Arc;

    use livesync::unstable::take_holds;
    use livesync::{Config, Keys};

    use crate::announcer::{Announcer, flat_out};
    use crate::network;
    use crate::ours::{self, Nothing};
    use crate::table::{Effort, row_of_ours};

    /// The quantiles of all holds of the lock, in parts of 10,000.
    const PARTS: [(u64, &str); 3] = [(5_000, "median"), (9_990, "p99.9"), (10_000, "longest")];

    /// Both nodes of one process receive the announces of both.
    pub fn run(effort: Effort) {
        for (key, what) in [(None, "without a key"), (Some([7; 32]), "with a key")] {
            for (threads, pace) in [(1, "one thread"), (2, "two threads")] {
                let port = network::port();
                let config = || {
                    let config = ours::config(port);
                    key.iter()
                        .fold(config, |config: Config, key| config.keys(Keys::new(*key)))
                };
                let nodes = [(); 2].map(|()| ours::start(config(), Arc::new(Nothing::default())));
                take_holds([]);
                let each = effort.pick(5_000_000, 100_000);
                flat_out(&nodes[0], &network::announces(), threads, each);
                nodes[0].until_all_has_left();
                let held = take_holds(PARTS.map(|(part, _)| part)).expect("it was held");
                for ((_, which), held) in PARTS.iter().zip(held) {
                    let path = format!("the engine's lock is held, {which}, {what}, {pace}");
                    let goal = if *which == "p99.9" {
                        "at most 200 µs"
                    } else {
                        ""
                    };
                    row_of_ours(&path, "-", held.as_secs_f64() * 1e6, "µs", goal);
                }
            }
        }
    }
}
