//! How long the engine's lock is held each time, for `benches/sync/holds.rs`: by the time that its
//! holder spends on a processor, so that other programs make no difference.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::net::thread_time;

/// Each power of two nanoseconds has so many counts of its own.
const PARTS: u64 = 8;

/// How often the lock was held for a time in each of these ranges.
static COUNTS: [AtomicU64; 64 * PARTS as usize] = [const { AtomicU64::new(0) }; _];

/// A mutex that counts how long it is held.
pub(super) struct Mutex<T>(parking_lot::Mutex<T>);

/// Counts when it is dropped.
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
        COUNTS[range(thread_time().saturating_sub(self.since))].fetch_add(1, Ordering::Relaxed);
    }
}

fn range(held: Duration) -> usize {
    let nanos = (held.as_nanos() as u64).max(PARTS);
    let power = u64::from(nanos.ilog2());
    let part = (nanos >> (power - u64::from(PARTS.ilog2()))) % PARTS;
    (power * PARTS + part) as usize
}

/// The longest time in a range.
fn longest(range: usize) -> Duration {
    let (power, part) = (range as u64 / PARTS, range as u64 % PARTS);
    let width = (1 << power) / PARTS;
    Duration::from_nanos((1 << power) + (part + 1) * width)
}

/// How long the lock was held since the last call: for each of these parts in 10,000 of all times
/// the longest, an eighth too long at most. Nothing if it was never held.
pub fn take_holds<const N: usize>(parts: [u64; N]) -> Option<[Duration; N]> {
    let counts = COUNTS
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
