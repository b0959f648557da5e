//! How often the event loop looks for announces.
//!
//! While the event loop looks from time to time, an announce does not wake it. The more announces
//! there are, the more often it looks; with few it looks every `flush_after`, or ten times a second
//! if that is more often. When it has found none for long, it looks no more, and the next announce
//! wakes it.

use std::time::Duration;

use crate::time::Time;

/// The shortest time between two looks.
const LOOK_MIN_INTERVAL: Duration = Duration::from_micros(128);

/// The longest time between two looks. It bounds how long a full packet waits, however long
/// announces may wait for their packet to fill up.
const LOOK_MAX_INTERVAL: Duration = Duration::from_millis(100);

/// How many announces the event loop aims to find in each look: sixteen packets. To wake up and
/// send the first packet costs more than to send the others with it.
const LOOK_WANTED: u32 = 832;

/// The number of announces from which on the event loop looks again at once.
const LOOK_MANY: u32 = 2 * LOOK_WANTED;

/// After how many looks in vain, the longest time apart, the event loop looks no more.
const LOOK_MAX_IN_VAIN: u32 = 8;

/// How late an event loop may be before it counts as held up, or without a processor; then a tick
/// of the host does its work.
pub(in crate::engine) const LOOP_LATE_GRACE: Duration = if cfg!(shuttle) {
    Duration::ZERO
} else {
    Duration::from_millis(5)
};

/// Decides when the event loop looks for announces.
#[derive(Debug)]
pub(super) struct Pace {
    last: Time,
    wait: Duration,
    longest: Duration,
    flush_after: Duration,
    in_vain: u32,
}

impl Pace {
    /// Makes the pace of an event loop whose announces may wait for `flush_after`.
    pub(super) fn new(now: Time, flush_after: Duration) -> Self {
        Self {
            last: now,
            wait: flush_after.min(LOOK_MAX_INTERVAL),
            longest: flush_after.min(LOOK_MAX_INTERVAL),
            flush_after,
            in_vain: LOOK_MAX_IN_VAIN,
        }
    }

    /// Notes how many announces a look has found.
    pub(super) fn found(&mut self, now: Time, announces: usize) {
        let passed = now.since(self.last);
        let longer = self.wait.max(LOOK_MIN_INTERVAL).saturating_mul(2);
        let was_calm = self.is_calm();
        self.last = now;
        self.in_vain = match announces {
            0 if passed >= self.longest => (self.in_vain + 1).min(LOOK_MAX_IN_VAIN),
            0 => self.in_vain,
            _ => 0,
        };
        self.wait = match u32::try_from(announces).unwrap_or(u32::MAX) {
            0 => longer,
            LOOK_MANY.. => Duration::ZERO,
            // After a calm the rate of announces is not known yet.
            _ if was_calm => self.longest,
            announces => {
                (passed.saturating_mul(LOOK_WANTED) / announces).clamp(LOOK_MIN_INTERVAL, longer)
            }
        }
        .min(self.longest);
    }

    /// Returns the earliest time from which on the announces of this look can have waited: the time
    /// of the `first`, if it is known, or else the last look.
    pub(super) fn since(&self, first: Option<Time>) -> Time {
        first.unwrap_or(self.last).max(self.last)
    }

    /// Returns how long announces have waited since `since`. If they are nearly late they count as
    /// late, so that the event loop does not wake once more for them in a moment.
    pub(super) fn waited(&self, now: Time, since: Time) -> Duration {
        let waited = now.since(since);
        if waited >= self.flush_after - self.flush_after / 32 {
            waited.max(self.flush_after)
        } else {
            waited
        }
    }

    /// Returns whether nothing was found for so long that the event loop looks no more.
    pub(super) fn is_calm(&self) -> bool {
        self.in_vain == LOOK_MAX_IN_VAIN
    }

    /// Returns when the event loop looks next, if it is not woken before; never if it is calm.
    pub(super) fn next(&self) -> Time {
        if self.is_calm() {
            Time::NEVER
        } else {
            self.last + self.wait
        }
    }

    /// Returns when another thread has to look instead; never if the event loop is calm.
    pub(super) fn late(&self) -> Time {
        if self.is_calm() {
            Time::NEVER
        } else {
            self.last + self.flush_after.saturating_add(LOOP_LATE_GRACE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLUSH_AFTER: Duration = Duration::from_millis(100);

    /// Makes a pace that has found announces and so looks for more.
    fn awake() -> Pace {
        let mut pace = Pace::new(Time::START, FLUSH_AFTER);
        pace.found(Time::START + Duration::from_secs(9), 1);
        pace
    }

    /// Returns the waits between `looks` looks, at `per_second` announces per second.
    fn waits(pace: &mut Pace, looks: usize, per_second: u64) -> Vec<Duration> {
        let look = |_| {
            let now = pace.next();
            let announced = now.since(pace.last).as_micros() as u64 * per_second / 1_000_000;
            pace.found(now, announced as usize);
            pace.next().since(now)
        };
        (0..looks).map(look).collect()
    }

    #[test]
    fn the_more_is_announced_the_more_often_it_looks() {
        let mut pace = awake();
        for (per_second, expected) in [(10_000, 83), (1_000_000, 0), (24_000, 34), (2_000, 100)] {
            let last = waits(&mut pace, 20, per_second).pop().unwrap();
            assert_eq!(last.as_millis(), expected, "{per_second}");
        }
    }

    #[test]
    fn announces_may_wait_for_ever_but_full_packets() {
        let mut pace = Pace::new(Time::START, Duration::MAX);
        let now = Time::START + Duration::from_secs(9);
        pace.found(now, 1);
        assert_eq!(
            (pace.next(), pace.late()),
            (now + LOOK_MAX_INTERVAL, Time::NEVER)
        );
        let later = now + Duration::from_secs(1 << 30);
        assert_eq!(pace.waited(later, pace.since(None)), later.since(now));
    }

    #[test]
    fn when_nothing_is_announced_it_looks_in_vain_for_a_while_and_then_no_more() {
        let mut pace = Pace::new(Time::START, FLUSH_AFTER);
        assert_eq!(pace.next(), Time::NEVER);
        pace = awake();
        let mut looks = 0;
        while pace.next() != Time::NEVER {
            assert_eq!(pace.next(), pace.last + FLUSH_AFTER);
            pace.found(pace.next(), 0);
            looks += 1;
        }
        assert_eq!(looks, LOOK_MAX_IN_VAIN);
    }

    #[test]
    fn what_is_found_has_waited_since_the_last_look_or_its_own_time() {
        let pace = awake();
        let now = pace.last + Duration::from_millis(80);
        assert_eq!(pace.waited(now, pace.since(None)).as_millis(), 80);
        let first = pace.last + Duration::from_millis(50);
        assert_eq!(pace.waited(now, pace.since(Some(first))).as_millis(), 30);
    }
}
