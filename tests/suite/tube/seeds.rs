//! Runs a property for many seeds.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::is_long;

/// Runs a property for the seeds of the environment. Without them it runs as many seeds as
/// usual if tests may be long, and a fifth of them if not. Returns how much time passed in its
/// cluster.
pub fn for_seeds(usual: u64, mut property: impl FnMut(u64) -> Duration) {
    let number = |variable| {
        let value = env::var(variable).ok()?;
        Some(
            value
                .parse::<u64>()
                .unwrap_or_else(|e| panic!("{variable}={value}: {e}")),
        )
    };
    let seeds = match number("LIVESYNC_TESTS_TUBE_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            0..number("LIVESYNC_TESTS_TUBE_SEEDS").unwrap_or(if is_long() {
                usual
            } else {
                usual.div_ceil(5)
            })
        }
    };
    let start = Instant::now();
    let mut virtual_time = Duration::ZERO;
    for seed in seeds.clone() {
        let failing = SaysSeed(seed);
        virtual_time += property(seed);
        drop(failing);
    }
    let hours = virtual_time.as_secs_f64() / 3600.0;
    let took = start.elapsed().as_secs_f64();
    println!(
        "{}: {} seeds, {hours:.1} hours of a cluster in {took:.2} s: {:.0} per second",
        thread::current().name().unwrap_or("a property"),
        seeds.count(),
        virtual_time.as_secs_f64() / took,
    );
}

/// Prints the seed if the property panics.
struct SaysSeed(u64);

impl Drop for SaysSeed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("to see it again: LIVESYNC_TESTS_TUBE_SEED={}", self.0);
        }
    }
}
