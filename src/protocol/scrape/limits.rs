//! What others can have us do, and keep us from doing, and for how long at most.

use std::time::Duration;

use crate::time::Time;

/// Tells hold us up for so many intervals in a row at most; then none does for as long.
const HELD_UP: u32 = 10;

/// Tells that are less than so many intervals apart are in a row. In a longer pause there is
/// time for a beacon, the wait behind it, and three inquiries.
const IN_A_ROW: u32 = 8;

/// We tell all our torrents once in so many intervals,
const TELLING_EVERY: u32 = 10;

/// and so many times at once, for trackers that come up one after the other.
const TELLINGS: u32 = 3;

/// For how long tells of others have held us up.
#[derive(Debug)]
pub(super) struct HoldUp {
    interval: Duration,
    /// The first and the last tell of a row.
    row: Option<(Time, Time)>,
}

impl HoldUp {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            row: None,
        }
    }

    /// A tell of somebody else; whether it holds us up.
    pub(super) fn heard_tell(&mut self, now: Time) -> bool {
        let intervals = |intervals| self.interval.saturating_mul(intervals);
        let first = self.row.map_or(now, |(first, last)| {
            let goes_on =
                now.since(last) < intervals(IN_A_ROW) && now.since(first) < intervals(2 * HELD_UP);
            if goes_on { first } else { now }
        });
        self.row = Some((first, now));
        now.since(first) < intervals(HELD_UP)
    }
}

/// How often we tell all our torrents.
#[derive(Debug)]
pub(super) struct Cooldown {
    interval: Duration,
    /// When all tellings so far would be over, if there were one at a time.
    until: Time,
}

impl Cooldown {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            until: Time::START,
        }
    }

    /// Somebody asks for all our torrents; whether we tell them.
    pub(super) fn allows(&mut self, now: Time) -> bool {
        let one = self.interval.saturating_mul(TELLING_EVERY);
        let allowed = self.until.since(now) <= one.saturating_mul(TELLINGS - 1);
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
            if cooldown.allows(at(since)) {
                told.push(since);
            }
        }
        assert_eq!(told, [0.0, 1.0 / 60.0, 2.0 / 60.0, 10.0, 20.0, 30.0, 40.0]);
    }
}
