//! Points in time. The protocol is passed the time and never reads a clock, so that tests and
//! simulations can run it at any speed.

use std::ops::Add;
use std::time::Duration;

/// A point on a monotonic clock, in nanoseconds since a start that the owner of the clock chooses.
///
/// Sums and differences saturate: no point is later than [`Time::NEVER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The start of the clock.
    pub const START: Self = Self(0);
    /// A point later than every other, which no clock reaches.
    pub const NEVER: Self = Self(u64::MAX);

    /// Returns the point that lies `nanos` nanoseconds after the start of the clock.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns how many nanoseconds this point lies after the start of the clock.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the point that lies `duration` earlier, or the start of the clock if that is later.
    pub fn before(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// Returns the time that has passed since `earlier`, or zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_differences_saturate() {
        let t = Time::from_nanos(5);
        assert_eq!(t + Duration::from_nanos(2), Time::from_nanos(7));
        assert_eq!(t + Duration::MAX, Time::NEVER);
        assert_eq!(t.since(Time::from_nanos(2)), Duration::from_nanos(3));
        assert_eq!(Time::START.since(t), Duration::ZERO);
        assert_eq!(t.before(Duration::from_nanos(2)), Time::from_nanos(3));
        assert_eq!(t.before(Duration::MAX), Time::START);
    }
}
