//! When what is due: one table, indexed by what it is for.

use crate::time::Time;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Timer {
    /// The oldest record of the batch has waited long enough.
    Flush,
}

/// The point in time at which each timer is due, if it runs at all.
#[derive(Debug)]
pub(super) struct Timers([Time; 1]);

impl Timers {
    pub(super) fn new() -> Self {
        Self([Time::NEVER])
    }

    pub(super) fn set(&mut self, timer: Timer, due: Time) {
        self.0[timer as usize] = due;
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.set(timer, Time::NEVER);
    }

    /// Whether `timer` is due; if so it is stopped.
    pub(super) fn take_due(&mut self, timer: Timer, now: Time) -> bool {
        let due = self.0[timer as usize] <= now;
        if due {
            self.stop(timer);
        }
        due
    }

    /// The earliest point at which a timer is due.
    pub(super) fn earliest(&self) -> Time {
        self.0.into_iter().min().unwrap_or(Time::NEVER)
    }
}
