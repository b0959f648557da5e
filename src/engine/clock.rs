//! The clock that the protocol's time comes from.

use std::time::{Duration, SystemTime};

use super::sync::Instant;
use crate::net::{monotonic, monotonic_coarse};
use crate::time::Time;

/// A monotonic clock that starts when it is made.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    /// The start on the kernel's monotonic clock.
    kernel_start: Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            kernel_start: monotonic(),
        }
    }

    pub(super) fn now(&self) -> Time {
        Time::START + self.start.elapsed()
    }

    /// Returns the time of the kernel's last tick, which is some milliseconds ago and costs little
    /// to read.
    pub(super) fn about_now(&self) -> Time {
        if cfg!(shuttle) {
            return self.now();
        }
        Time::START + monotonic_coarse().saturating_sub(self.kernel_start)
    }

    /// Reads this clock and the wall clock at the same moment.
    ///
    /// A starting node compares packets with these two and refuses those sent before it started, as
    /// they may be recorded. If the clocks were read milliseconds apart, the node would also refuse
    /// packets that were sent in between.
    pub(super) fn now_and_unix_time(&self) -> (Time, Duration) {
        at_the_same_moment(|| self.now(), unix_time)
    }
}

/// The longest time between the two reads of the monotonic clock around one of the wall clock.
const CLOCK_MAX_GAP: Duration = Duration::from_micros(200);

/// How often the clocks are read again if the thread had to wait for a processor meanwhile.
const CLOCK_READ_TRIES: usize = 20;

/// Returns what both clocks showed in the read that took the shortest time.
fn at_the_same_moment(
    mut now: impl FnMut() -> Time,
    mut unix: impl FnMut() -> Duration,
) -> (Time, Duration) {
    let mut look = || {
        let (before, unix, after) = (now(), unix(), now());
        let took = after.since(before);
        (took, before + took / 2, unix)
    };
    let mut shortest = look();
    for _ in 1..CLOCK_READ_TRIES {
        if shortest.0 <= CLOCK_MAX_GAP {
            break;
        }
        let another = look();
        if another.0 < shortest.0 {
            shortest = another;
        }
    }
    let (_, now, unix) = shortest;
    (now, unix)
}

/// Returns the time on the wall clock since 1970.
pub(super) fn unix_time() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default()
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn who_waits_for_a_processor_between_two_clocks_reads_them_again() {
        let passed = Cell::new(Duration::ZERO);
        let pass = |micros| {
            passed.set(passed.get() + Duration::from_micros(micros));
            passed.get()
        };
        // The first two looks are held up for 50 ms, on either side of the wall clock.
        let holds = Cell::new([10, 50_000, 10, 50_000, 10, 10, 10].iter());
        let hold = || {
            let mut left = holds.take();
            let micros = left.next().copied().unwrap_or(10);
            holds.set(left);
            micros
        };
        let (now, unix) = at_the_same_moment(|| Time::START + pass(hold()), || pass(hold()));
        assert!(unix.abs_diff(now.since(Time::START)) <= CLOCK_MAX_GAP);
    }
}
