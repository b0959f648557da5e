//! Measures how long the engine lock is held each time, for `benches/sync/holds.rs`.
//!
//! It counts the time that the holder spends on a processor, so that other programs make no
//! difference.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::net::thread_time;

/// How many ranges each power of two nanoseconds is divided into.
const RANGES_PER_POWER: u64 = 8;

/// How often the lock was held for a time in each of these ranges.
static HOLD_COUNTS: [AtomicU64; 64 * RANGES_PER_POWER as usize] = [const { AtomicU64::new(0) }; _];

/// A mutex that counts how long it is held.
pub(super) struct Mutex<T>(parking_lot::Mutex<T>);

/// A guard that counts the hold when it is dropped.
pub(super) struct MutexGuard<'a, T> {
    guard: parking_lot::MutexGuard<'a, T>,
    since: Duration,
}

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            guard: self.0.lock(),
            since: thread_time(),
        }
    }

    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        Some(MutexGuard {
            guard: self.0.try_lock()?,
            since: thread_time(),
        })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        HOLD_COUNTS[range(thread_time().saturating_sub(self.since))]
            .fetch_add(1, Ordering::Relaxed);
    }
}

fn range(held: Duration) -> usize {
    let nanos = (held.as_nanos() as u64).max(RANGES_PER_POWER);
    let power = u64::from(nanos.ilog2());
    let part = (nanos >> (power - u64::from(RANGES_PER_POWER.ilog2()))) % RANGES_PER_POWER;
    (power * RANGES_PER_POWER + part) as usize
}

/// Returns the longest time in a range.
fn longest(range: usize) -> Duration {
    let (power, part) = (
        range as u64 / RANGES_PER_POWER,
        range as u64 % RANGES_PER_POWER,
    );
    let width = (1 << power) / RANGES_PER_POWER;
    Duration::from_nanos((1 << power) + (part + 1) * width)
}

/// Returns quantiles of how long the engine lock was held each time since the last call.
///
/// Each of `parts` is a quantile in parts of 10,000; its result is at most an eighth too long.
/// Returns `None` if the lock was never held.
pub fn take_holds<const N: usize>(parts: [u64; N]) -> Option<[Duration; N]> {
    let counts = HOLD_COUNTS
        .each_ref()
        .map(|count| count.swap(0, Ordering::Relaxed));
    let all: u64 = counts.iter().sum();
    (all > 0).then(|| {
        parts.map(|part| {
            let wanted = (all * part).div_ceil(10_000);
            let mut seen = 0;
            let range = counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            longest(range.unwrap_or_default())
        })
    })
}
