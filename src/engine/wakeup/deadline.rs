//! A point in time that threads share.

use std::time::Duration;

use super::super::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::time::Time;

/// A point in time that threads share without a lock.
///
/// It also works where atomic operations have only 32 bits. There it is rounded up to 66
/// microseconds, and wraps after three days.
pub(super) struct Deadline(AtomicUsize);

impl Deadline {
    /// The number of nanoseconds in a tick, as a power of 2.
    const TICK: u32 = if usize::BITS < 64 { 16 } else { 0 };

    /// The latest deadline from now on. A later one is cut down to it, as a time that wraps would
    /// look as if it had passed.
    const LATEST: Duration = Duration::from_secs(3600);

    /// Makes a deadline that has passed.
    pub(super) fn passed() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(super) fn set(&self, now: Time, at: Time) {
        self.0.store(Self::until(now, at), SeqCst);
    }

    /// Sets the deadline to this time, unless it is earlier already.
    pub(super) fn bring_forward(&self, now: Time, at: Time) {
        let (now, at) = (Self::ticks(now), Self::until(now, at));
        let left = |deadline: usize| deadline.wrapping_sub(now).cast_signed();
        let earlier = |set| (left(at) < left(set)).then_some(at);
        let _ = self.0.fetch_update(SeqCst, SeqCst, earlier);
    }

    fn until(now: Time, at: Time) -> usize {
        let at = at.min(now + Self::LATEST) + Duration::from_nanos((1 << Self::TICK) - 1);
        Self::ticks(at)
    }

    pub(super) fn is_over(&self, now: Time) -> bool {
        let passed = Self::ticks(now).wrapping_sub(self.0.load(SeqCst));
        passed <= usize::MAX / 2
    }

    fn ticks(at: Time) -> usize {
        (at.as_nanos() >> Self::TICK) as usize
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_over_from_then_on() {
        let (deadline, start) = (Deadline::passed(), Time::START + Duration::from_secs(5));
        assert!(deadline.is_over(start));
        let at = start + Duration::from_millis(3);
        deadline.set(start, at);
        assert!(!deadline.is_over(start) && !deadline.is_over(at.before(Duration::from_nanos(1))));
        assert!(deadline.is_over(at + Duration::from_micros(66)));
        deadline.set(start, Time::NEVER);
        assert!(!deadline.is_over(start + Duration::from_secs(3599)));
        deadline.bring_forward(start, at);
        deadline.bring_forward(start, at + Duration::from_secs(1));
        assert!(deadline.is_over(at + Duration::from_micros(66)));
    }
}
