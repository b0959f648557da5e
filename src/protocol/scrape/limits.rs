//! Limits on what other trackers can make this node do, and keep it from doing.

use std::time::Duration;

use crate::time::Time;

/// For how many intervals a row of scrape tells can hold this node up. After that, scrape tells do
/// not hold it up for as many intervals.
const HOLD_UP_INTERVALS: u32 = 10;

/// Scrape tells that are fewer intervals apart than this form a row. A longer pause has room for a
/// beacon, the wait after it, and three inquiries.
const ROW_INTERVALS: u32 = 8;

/// On average, this node tells all its torrents at most once in this many intervals.
const TELLING_INTERVALS: u32 = 10;

/// The largest number of tellings in a row, for trackers that come up one after another.
const MAX_TELLINGS: u32 = 3;

/// For how long scrape tells of other trackers have held this node up.
#[derive(Debug)]
pub(super) struct HoldUp {
    interval: Duration,
    /// When the first and the last scrape tell of the row came.
    row: Option<(Time, Time)>,
}

impl HoldUp {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            row: None,
        }
    }

    /// Notes a scrape tell of another tracker. Returns whether it holds this node up.
    pub(super) fn heard_tell(&mut self, now: Time) -> bool {
        let intervals = |intervals| self.interval.saturating_mul(intervals);
        let first = self.row.map_or(now, |(first, last)| {
            let goes_on = now.since(last) < intervals(ROW_INTERVALS)
                && now.since(first) < intervals(2 * HOLD_UP_INTERVALS);
            if goes_on { first } else { now }
        });
        self.row = Some((first, now));
        now.since(first) < intervals(HOLD_UP_INTERVALS)
    }
}

/// How often this node tells all its torrents.
#[derive(Debug)]
pub(super) struct Cooldown {
    interval: Duration,
    /// When all tellings so far would be over, if they came one after another.
    until: Time,
}

impl Cooldown {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            until: Time::START,
        }
    }

    /// Takes one telling out of the limit. Returns false if the limit does not allow it.
    pub(super) fn try_telling(&mut self, now: Time) -> bool {
        let one = self.interval.saturating_mul(TELLING_INTERVALS);
        let allowed = self.until.since(now) <= one.saturating_mul(MAX_TELLINGS - 1);
        if allowed {
            self.until = self.until.max(now) + one;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(60);

    fn at(intervals: f64) -> Time {
        Time::START + INTERVAL.mul_f64(100.0 + intervals)
    }

    #[test]
    fn however_far_apart_tells_are_they_hold_us_up_for_no_longer_than_half_of_the_time() {
        for apart in [0.01, 0.5, 0.99, 1.5, 1.9, 3.0, 7.9] {
            let mut hold_up = HoldUp::new(INTERVAL);
            let tells = (0..).map(|n| apart * f64::from(n));
            for tell in tells.take_while(|tell| *tell < 20.0) {
                assert_eq!(hold_up.heard_tell(at(tell)), tell < 10.0, "{apart} {tell}");
            }
            assert!(hold_up.heard_tell(at(20.0)), "{apart}");
        }
    }

    #[test]
    fn tells_that_are_far_apart_all_hold_us_up() {
        let mut hold_up = HoldUp::new(INTERVAL);
        assert!((0..100).all(|n| hold_up.heard_tell(at(8.0 * f64::from(n)))));
    }

    #[test]
    fn all_is_told_three_times_at_once_and_then_once_in_ten_intervals() {
        let mut cooldown = Cooldown::new(INTERVAL);
        let mut told = Vec::new();
        for second in 0..60 * 50 {
            let since = f64::from(second) / 60.0;
            if cooldown.try_telling(at(since)) {
                told.push(since);
            }
        }
        assert_eq!(told, [0.0, 1.0 / 60.0, 2.0 / 60.0, 10.0, 20.0, 30.0, 40.0]);
    }
}
