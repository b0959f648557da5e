//! The clock from which the protocol's time comes.

use super::sync::Instant;
use crate::time::Time;

/// A monotonic clock that begins when it is made.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Time {
        Time::START + self.start.elapsed()
    }
}
