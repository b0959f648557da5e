//! The clock from which the protocol's time comes.

use std::time::{Duration, SystemTime};

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

/// The time on the wall: how much has passed since 1970.
pub(super) fn unix_time() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default()
}
