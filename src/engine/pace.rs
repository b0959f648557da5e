//! How often to look for what was told.
//!
//! Telling wakes nobody while somebody looks every now and then: often where much is told,
//! so that no lane fills, and every `flush_after` where little is. After a look in vain at
//! that pace nobody looks any more, and the next announce wakes him.

use std::time::Duration;

use crate::time::Time;

/// In so short a time we look at it again at the earliest.
const SHORTEST: Duration = Duration::from_micros(128);

/// So many announces are to be there when we look: about one packet.
const WANTED: u32 = 52;

/// So many are there that it is better to look again at once.
const MANY: u32 = 1024;

/// When whoever takes what was told looks for it.
#[derive(Debug)]
pub(super) struct Pace {
    last: Time,
    wait: Duration,
    longest: Duration,
    calm: bool,
    asleep: bool,
}

impl Pace {
    /// Announces may wait for so long.
    pub(super) fn new(now: Time, flush_after: Duration) -> Self {
        Self {
            last: now,
            wait: SHORTEST,
            longest: flush_after,
            calm: true,
            asleep: false,
        }
    }

    /// So many announces are there now.
    pub(super) fn found(&mut self, now: Time, told: usize) {
        let passed = now.since(self.last);
        let longer = self.wait.max(SHORTEST).saturating_mul(2);
        self.calm = told == 0 && (self.calm || self.wait >= self.longest);
        self.wait = match u32::try_from(told).unwrap_or(u32::MAX) {
            0 if self.calm => SHORTEST,
            0 => longer,
            MANY.. => Duration::ZERO,
            told => (passed * WANTED / told).clamp(SHORTEST, longer),
        };
        self.wait = self.wait.min(self.longest);
        self.last = now;
        self.asleep = false;
    }

    /// Nothing was told yet. Who tells next will wake whoever looks.
    pub(super) fn sleeps(&mut self) {
        self.asleep = true;
    }

    /// How long what is found now has waited at most. Who slept was `woken` for the first
    /// of it.
    pub(super) fn waited(&self, now: Time, woken: Time) -> Duration {
        let since = if self.asleep { woken } else { self.last };
        now.since(since.max(self.last))
    }

    /// When to look at the latest, lest something wait too long.
    pub(super) fn latest(&self) -> Time {
        self.last + self.longest
    }

    /// Whether nothing is told, so that nobody looks.
    pub(super) fn is_calm(&self) -> bool {
        self.calm
    }

    /// When to look next, if not woken before; never if nothing is told at all.
    pub(super) fn next(&self) -> Time {
        if self.calm {
            Time::NEVER
        } else {
            self.last + self.wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLUSH_AFTER: Duration = Duration::from_millis(100);

    /// The waits between so many looks, at so many announces per second.
    fn waits(pace: &mut Pace, looks: usize, per_second: u64) -> Vec<Duration> {
        let look = |_| {
            let now = pace.next();
            let told = now.since(pace.last).as_micros() as u64 * per_second / 1_000_000;
            pace.found(now, told as usize);
            pace.next().since(now)
        };
        (0..looks).map(look).collect()
    }

    #[test]
    fn the_more_is_told_the_more_often_it_looks() {
        let mut pace = Pace::new(Time::START, FLUSH_AFTER);
        pace.found(Time::START + Duration::from_secs(9), 1);
        for (per_second, expected) in [(10_000, 5), (1_000_000, 0), (24_000, 2), (200, 100)] {
            let last = waits(&mut pace, 20, per_second).pop().unwrap();
            assert_eq!(last.as_millis(), expected, "{per_second}");
        }
    }

    #[test]
    fn announces_may_wait_for_ever() {
        let mut pace = Pace::new(Time::START, Duration::MAX);
        let now = Time::START + Duration::from_secs(9);
        pace.found(now, 1);
        for _ in 0..200 {
            pace.found(now, 0);
        }
        assert_eq!(pace.next(), Time::NEVER);
    }

    #[test]
    fn when_nothing_is_told_it_soon_looks_no_more() {
        let mut pace = Pace::new(Time::START, FLUSH_AFTER);
        assert_eq!(pace.next(), Time::NEVER);
        let now = Time::START + Duration::from_secs(9);
        pace.found(now, 1);
        assert_eq!(pace.next(), now + SHORTEST * 2);
        let mut looks = 0;
        while pace.next() != Time::NEVER {
            pace.found(pace.next(), 0);
            looks += 1;
        }
        assert_eq!(looks, 10, "from 0.26 ms to 100 ms, and once in vain");
    }
}
