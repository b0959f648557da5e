//! Limits on what repair may send.

use std::time::Duration;

use crate::time::Time;

const SECOND: u128 = Duration::from_secs(1).as_nanos();

/// A full bucket holds the bytes of one second, divided by this.
const BURST_DIVISOR: u64 = 4;

/// A bucket of bytes that refills at a given rate.
#[derive(Debug)]
pub(super) struct TokenBucket {
    bytes: u64,
    filled: Time,
}

impl TokenBucket {
    pub(super) fn new(now: Time, rate: u64) -> Self {
        Self {
            bytes: rate / BURST_DIVISOR,
            filled: now,
        }
    }

    /// Returns whether at least half of the bucket is left.
    pub(super) fn is_half_full(&mut self, now: Time, rate: u64) -> bool {
        self.fill(now, rate);
        self.bytes >= rate / BURST_DIVISOR / 2
    }

    /// Takes `bytes` out of the bucket, which refills at `rate` bytes per second. If it has less,
    /// the error is the time until it has enough.
    pub(super) fn take(&mut self, now: Time, rate: u64, bytes: usize) -> Result<(), Duration> {
        self.fill(now, rate);
        let bytes = bytes as u64;
        if let Some(rest) = self.bytes.checked_sub(bytes) {
            self.bytes = rest;
            return Ok(());
        }
        Err(Duration::from_secs(bytes - self.bytes) / rate.min(u32::MAX.into()) as u32)
    }

    fn fill(&mut self, now: Time, rate: u64) {
        let new = u128::from(rate) * now.since(self.filled).as_nanos() / SECOND;
        let new = u64::try_from(new).unwrap_or(u64::MAX);
        if new > 0 {
            self.bytes = self.bytes.saturating_add(new).min(rate / BURST_DIVISOR);
            self.filled = now;
        }
    }
}

/// Counts the bytes of about the last second.
#[derive(Debug)]
pub(super) struct Meter {
    began: Time,
    now: u64,
    before: u64,
}

impl Meter {
    pub(super) fn new(now: Time) -> Self {
        Self {
            began: now,
            now: 0,
            before: 0,
        }
    }

    pub(super) fn count(&mut self, now: Time, bytes: usize) {
        self.turn(now);
        self.now += bytes as u64;
    }

    /// Returns the bytes per second, measured over the last whole second.
    pub(super) fn rate(&mut self, now: Time) -> u64 {
        self.turn(now);
        self.before
    }

    fn turn(&mut self, now: Time) {
        match now.since(self.began).as_secs() {
            0 => return,
            1 => self.before = self.now,
            _ => self.before = 0,
        }
        self.began = now;
        self.now = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_spent_than_comes_in() {
        let at = |millis| Time::START + Duration::from_millis(millis);
        let mut bucket = TokenBucket::new(at(0), 4000);
        assert_eq!(bucket.take(at(0), 4000, 1000), Ok(()));
        assert_eq!(bucket.take(at(0), 4000, 8), Err(Duration::from_millis(2)));
        assert_eq!(bucket.take(at(2), 4000, 8), Ok(()));
        let spent = (2..=10_002).filter(|ms| bucket.take(at(*ms), 4000, 100).is_ok());
        assert_eq!(spent.count(), 400);
        assert_eq!(
            bucket.take(at(99_999), 4000, 1001),
            Err(Duration::from_micros(250))
        );
    }

    #[test]
    fn the_rate_is_that_of_the_last_whole_second() {
        let at = |millis| Time::START + Duration::from_millis(millis);
        let mut meter = Meter::new(at(0));
        meter.count(at(10), 70);
        meter.count(at(900), 30);
        assert_eq!(meter.rate(at(999)), 0);
        assert_eq!(meter.rate(at(1000)), 100);
        assert_eq!(meter.rate(at(1999)), 100);
        assert_eq!(meter.rate(at(2100)), 0);
        meter.count(at(2200), 9);
        assert_eq!(meter.rate(at(9000)), 0);
    }
}
