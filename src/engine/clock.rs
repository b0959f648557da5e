//! The clock from which the protocol's time comes.

use std::time::{Duration, SystemTime};

use super::sync::Instant;
use crate::net::{monotonic, monotonic_coarse};
use crate::time::Time;

/// A monotonic clock that begins when it is made.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    /// The same moment, as the kernel's clock counts it.
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

    /// The time of the kernel's last tick, which is some milliseconds ago: it costs little to
    /// read.
    pub(super) fn about_now(&self) -> Time {
        if cfg!(shuttle) {
            return self.now();
        }
        Time::START + monotonic_coarse().saturating_sub(self.kernel_start)
    }

    /// Both clocks at the same moment. A start takes what was sent before it for recorded, by
    /// these two: were they read some milliseconds apart, it would refuse what was sent then.
    pub(super) fn now_and_unix_time(&self) -> (Time, Duration) {
        at_the_same_moment(|| self.now(), unix_time)
    }
}

/// So far apart two clocks may be read,
const AT_ONCE: Duration = Duration::from_micros(200);

/// and so often they are read again, where the thread had to wait for a processor meanwhile.
const TRIES: usize = 20;

/// What both clocks show, from the look at them that took the shortest time.
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
    for _ in 1..TRIES {
        if shortest.0 <= AT_ONCE {
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

/// The time on the wall: how much has passed since 1970.
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
        assert!(unix.abs_diff(now.since(Time::START)) <= AT_ONCE);
    }
}
