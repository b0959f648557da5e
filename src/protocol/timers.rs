//! When what is due: one table, indexed by what it is for.

use std::time::Duration;

use crate::time::Time;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "want_sync_scrape"),
    expect(dead_code, reason = "scrape sync has half of them")
)]
#[repr(usize)]
pub(super) enum Timer {
    /// The oldest record of the batch has waited long enough.
    Flush,
    /// To draw a new id.
    NewId,
    /// Nobody else was heard for long.
    Isolated,
    /// To ask for what is missing, or to give it up.
    Nak,
    /// To send again what others miss.
    Retransmit,
    /// To say how much we have sent.
    Heartbeat,
    /// The next beacon.
    Beacon,
    /// To decide whom to inquire, or whether to inquire again.
    Inquire,
    /// The next tick of telling all torrents.
    Tell,
    /// The next tick of telling back what we know better.
    TellBack,
    /// The end of our silence after a tell of somebody else.
    Silence,
    /// The end of a tick in which we told as much as we may.
    Tick,
}

const TIMERS: usize = 12;

/// The point in time at which each timer is due, if it runs at all.
#[derive(Debug)]
pub(super) struct Timers {
    due: [Time; TIMERS],
    now: Time,
    elapsed: Time,
}

impl Timers {
    pub(super) fn new(now: Time) -> Self {
        Self {
            due: [Time::NEVER; TIMERS],
            now,
            elapsed: now,
        }
    }

    /// Tells the time. Where it jumps backwards, what was due in a minute still
    /// is due in a minute.
    pub(super) fn set_now(&mut self, now: Time) {
        let jump = self.now.since(now);
        if jump > Duration::ZERO {
            for due in self.due.iter_mut().filter(|due| **due != Time::NEVER) {
                *due = due.before(jump);
            }
        }
        self.elapsed = self.elapsed + now.since(self.now);
        self.now = now;
    }

    /// The time on a clock that never jumps back: what has passed, since it began.
    pub(super) fn elapsed(&self) -> Time {
        self.elapsed
    }

    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn set_after(&mut self, timer: Timer, wait: Duration) {
        self.due[timer as usize] = self.now + wait;
    }

    /// Sets `timer`, unless it is due earlier.
    pub(super) fn set_no_later(&mut self, timer: Timer, wait: Duration) {
        let due = &mut self.due[timer as usize];
        *due = (*due).min(self.now + wait);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.due[timer as usize] = Time::NEVER;
    }

    /// Whether `timer` is due; if so it is stopped.
    pub(super) fn take_due(&mut self, timer: Timer) -> bool {
        let due = self.due[timer as usize] <= self.now;
        if due {
            self.stop(timer);
        }
        due
    }

    /// The earliest point at which a timer is due.
    pub(super) fn earliest(&self) -> Time {
        self.due.into_iter().min().unwrap_or(Time::NEVER)
    }
}

#[cfg(feature = "want_sync_scrape")]
impl Timers {
    pub(super) fn is_running(&self, timer: Timer) -> bool {
        self.due[timer as usize] != Time::NEVER
    }

    /// How long it takes until `timer` is due; no time if it does not run.
    pub(super) fn remaining(&self, timer: Timer) -> Duration {
        match self.due[timer as usize] {
            Time::NEVER => Duration::ZERO,
            due => due.since(self.now),
        }
    }

    /// Puts `timer` off, if it runs and is due earlier than after `wait`.
    pub(super) fn put_off(&mut self, timer: Timer, wait: Duration) {
        if self.is_running(timer) {
            let due = &mut self.due[timer as usize];
            *due = (*due).max(self.now + wait);
        }
    }
}
