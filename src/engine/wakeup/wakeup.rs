//! The part that the engine lock covers: the sleep of the event loop, and the announces that were
//! taken.

use std::sync::Arc;
use std::time::Duration;

use super::announce_queue::AnnounceQueue;
use super::lanes::Taker;
use super::pace::{LOOP_LATE_GRACE, Pace};
use crate::protocol::Made;
use crate::time::Time;
use crate::types::Announce;

/// How long the event loop waits before it asks a host without room again.
pub(in crate::engine) const HOST_FULL_BACKOFF: Duration = Duration::from_millis(10);

/// The sleep of the event loop, its pace of looking for announces, and those that were taken.
pub(in crate::engine) struct Wakeup {
    queue: Arc<AnnounceQueue>,
    taker: Taker,
    /// The earliest time from which on the announces that were taken can have waited.
    since: Time,
    pace: Pace,
    /// [`Time::START`] while the event loop is awake.
    sleeps_until: Time,
    /// True if corrections were left when the event loop went to sleep, as the host had no room.
    awaits_room: bool,
}

impl Wakeup {
    /// Makes the state of an event loop that is awake, and whose announces may wait for
    /// `flush_after`.
    pub(in crate::engine) fn new(
        queue: Arc<AnnounceQueue>,
        now: Time,
        flush_after: Duration,
    ) -> Self {
        Self {
            queue,
            taker: Taker::default(),
            since: now,
            pace: Pace::new(now, flush_after),
            sleeps_until: Time::START,
            awaits_room: false,
        }
    }

    /// Takes all announces that wait, and returns whether it has. If a thread is in the middle of
    /// an announce, a caller that must not wait takes nothing.
    pub(in crate::engine) fn take(&mut self, now: Time, may_wait: bool) -> bool {
        if !self.queue.take(&mut self.taker, now, may_wait) {
            return false;
        }
        // An event loop that looks from time to time takes all announces to be as old as its last
        // look, so that they leave at once and do not wake it once more.
        let calm = self.pace.is_calm();
        self.since = self.pace.since(self.taker.first().filter(|_| calm));
        self.pace.found(now, self.taker.left());
        true
    }

    /// Returns how long the announces that were taken have waited at most.
    pub(in crate::engine) fn waited(&self, now: Time) -> Duration {
        self.pace.waited(now, self.since)
    }

    /// Hands out the next announces that were taken, in order, at most `most` of them.
    pub(in crate::engine) fn hand_out(
        &mut self,
        most: usize,
    ) -> impl ExactSizeIterator<Item = (Made, Announce)> {
        self.taker.hand_out(most)
    }

    /// Returns how many announces were taken and not handed out.
    pub(in crate::engine) fn left(&self) -> usize {
        self.taker.left()
    }

    /// Takes the rest of a closed queue, from both sets of lanes, one of which may have been
    /// emptied in part before.
    pub(in crate::engine) fn take_last(&mut self, now: Time) {
        for _ in 0..2 {
            self.queue.take(&mut self.taker, now, true);
        }
    }

    /// Returns whether to look for announces now: because it is time, because an announce has woken
    /// the event loop, or because the node has something to do at `node`.
    pub(in crate::engine) fn is_due(&self, now: Time, node: Time) -> bool {
        self.queue.is_woken() || self.queue.is_late(now) || self.due(node) <= now
    }

    /// Returns when to look for announces, or when the node has something to do, at `node`.
    pub(in crate::engine) fn due(&self, node: Time) -> Time {
        let look = match self.left() {
            0 => self.pace.next(),
            _ => Time::START,
        };
        node.min(look)
    }

    /// Publishes when the event loop is late for announces, or for what the node has to do at
    /// `node`, for threads that do not take the engine lock.
    pub(in crate::engine) fn show_late(&self, now: Time, node: Time) {
        let late = match self.left() {
            0 => self.pace.late(),
            _ => Time::START,
        };
        self.queue.late_at(now, late.min(node + LOOP_LATE_GRACE));
    }

    /// Returns whether it is time to look for announces.
    pub(in crate::engine) fn looks(&self, now: Time) -> bool {
        self.pace.next() <= now
    }

    /// Returns whether nothing was found for so long that the event loop looks no more.
    pub(in crate::engine) fn is_calm(&self) -> bool {
        self.pace.is_calm()
    }

    /// Shows threads that announce that the event loop sleeps, and returns whether it may sleep. It
    /// must not if it would look no more although announces wait.
    pub(in crate::engine) fn begin_to_sleep(&self) -> bool {
        if self.pace.is_calm() {
            return self.queue.loop_sleeps_until_woken();
        }
        self.queue.loop_sleeps();
        true
    }

    /// Shows threads that announce that the event loop sleeps and will look by itself.
    pub(in crate::engine) fn begin_to_look(&self) {
        self.queue.loop_sleeps();
    }

    /// Notes that the event loop sleeps until `until`, or for a moment if it waits for `room` in
    /// the host. Returns until when it sleeps.
    pub(in crate::engine) fn sleep(&mut self, now: Time, until: Time, room: bool) -> Time {
        self.awaits_room = room;
        self.sleeps_until = match room {
            true => until.min(now + HOST_FULL_BACKOFF),
            false => until,
        };
        self.sleeps_until
    }

    /// Notes that the event loop is awake.
    pub(in crate::engine) fn wake(&mut self) {
        self.sleeps_until = Time::START;
    }

    pub(in crate::engine) fn is_asleep(&self) -> bool {
        self.sleeps_until != Time::START
    }

    /// Returns whether to wake the event loop, because it sleeps until after `due` or the node has
    /// `corrections` for the host. After that it returns false until something is due even earlier,
    /// so in a busy tracker hardly any announce makes a system call for this.
    pub(in crate::engine) fn must_wake(&mut self, due: Time, corrections: bool) -> bool {
        let due = match corrections && !self.awaits_room {
            true => Time::START,
            false => due,
        };
        let wake = due < self.sleeps_until;
        if wake {
            self.sleeps_until = due;
        }
        wake
    }
}
