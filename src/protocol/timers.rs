//! The timers of a node: one table, indexed by purpose.

use std::time::Duration;

use crate::time::Time;

/// The purpose of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "want_sync_scrape"),
    expect(dead_code, reason = "scrape sync uses half of them")
)]
#[repr(usize)]
pub(super) enum Timer {
    /// The oldest record of the batch has waited long enough.
    Flush,
    /// A new id may be drawn.
    NewId,
    /// No other node was heard for long.
    Isolated,
    /// A NAK is due, or a missing packet counts as lost.
    Nak,
    /// A retransmission for other nodes is due.
    Retransmit,
    /// A heartbeat is due, which says how much this node has sent.
    Heartbeat,
    /// The next beacon is due.
    Beacon,
    /// It is time to decide whom to inquire, or whether to inquire once more.
    Inquire,
    /// The next tick of telling all torrents.
    Tell,
    /// The next tick of telling back what this node knows better.
    TellBack,
    /// The silence after another node's scrape tell ends.
    Silence,
    /// The tick ends in which this node told as much as it may.
    Tick,
}

const TIMERS: usize = 12;

/// The time at which each timer is due, or [`Time::NEVER`].
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

    /// Sets the time. If it jumps backwards, what was due in a minute is still due in a minute.
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

    /// Returns the time on a clock that leaves out all jumps backwards.
    pub(super) fn elapsed(&self) -> Time {
        self.elapsed
    }

    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn set_after(&mut self, timer: Timer, wait: Duration) {
        self.due[timer as usize] = self.now + wait;
    }

    /// Sets `timer` to `wait` from now, unless it is due earlier.
    pub(super) fn set_no_later(&mut self, timer: Timer, wait: Duration) {
        let due = &mut self.due[timer as usize];
        *due = (*due).min(self.now + wait);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.due[timer as usize] = Time::NEVER;
    }

    /// Returns whether `timer` is due, and stops it if so.
    pub(super) fn take_due(&mut self, timer: Timer) -> bool {
        let due = self.due[timer as usize] <= self.now;
        if due {
            self.stop(timer);
        }
        due
    }

    /// Returns the earliest time at which a timer is due.
    pub(super) fn earliest(&self) -> Time {
        self.due.into_iter().min().unwrap_or(Time::NEVER)
    }
}

#[cfg(feature = "want_sync_scrape")]
impl Timers {
    pub(super) fn is_running(&self, timer: Timer) -> bool {
        self.due[timer as usize] != Time::NEVER
    }

    /// Returns how long it takes until `timer` is due; zero if it does not run.
    pub(super) fn remaining(&self, timer: Timer) -> Duration {
        match self.due[timer as usize] {
            Time::NEVER => Duration::ZERO,
            due => due.since(self.now),
        }
    }

    /// Puts `timer` off to `wait` from now, if it runs and is due earlier.
    pub(super) fn put_off(&mut self, timer: Timer, wait: Duration) {
        if self.is_running(timer) {
            let due = &mut self.due[timer as usize];
            *due = (*due).max(self.now + wait);
        }
    }
}
