//! What the engine's lock covers of it: until when the event loop sleeps, and what was announced
//! meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::announce_queue::AnnounceQueue;
use super::lanes::Taker;
use super::pace::{LOOP_LATE_GRACE, Pace};
use crate::protocol::Made;
use crate::time::Time;
use crate::types::Announce;

/// How long to wait for a host that has no room.
pub(in crate::engine) const HOST_FULL_BACKOFF: Duration = Duration::from_millis(10);

/// Until when the event loop sleeps, and when it is to look for announces.
pub(in crate::engine) struct Wakeup {
    queue: Arc<AnnounceQueue>,
    taker: Taker,
    /// Since when the first of what was taken has waited, at most.
    since: Time,
    pace: Pace,
    /// [`Time::START`] while the event loop is awake.
    sleeps_until: Time,
    /// Corrections were there as the event loop went to sleep: the host had no room for them.
    awaits_room: bool,
}

impl Wakeup {
    /// The event loop is awake. Announces may wait for so long.
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

    /// Takes all announces that wait; whether it has: if some thread is amidst an announce, a caller
    /// that waits for no other thread takes nothing.
    pub(in crate::engine) fn take(&mut self, now: Time, may_wait: bool) -> bool {
        if !self.queue.take(&mut self.taker, now, may_wait) {
            return false;
        }
        // An event loop that looks every now and then takes all for as old as its last look: so what is
        // found leaves at once, and wakes it no more.
        let calm = self.pace.is_calm();
        self.since = self.pace.since(self.taker.first().filter(|_| calm));
        self.pace.found(now, self.taker.left());
        true
    }

    /// How long what was taken has waited at most.
    pub(in crate::engine) fn waited(&self, now: Time) -> Duration {
        self.pace.waited(now, self.since)
    }

    /// The next announces that were taken, in order, so many at most.
    pub(in crate::engine) fn hand_out(
        &mut self,
        most: usize,
    ) -> impl ExactSizeIterator<Item = (Made, Announce)> {
        self.taker.hand_out(most)
    }

    /// How many announces were taken and not handed out.
    pub(in crate::engine) fn left(&self) -> usize {
        self.taker.left()
    }

    /// Nothing more is announced: takes the rest, of which a part may have been taken before.
    pub(in crate::engine) fn take_last(&mut self, now: Time) {
        for _ in 0..2 {
            self.queue.take(&mut self.taker, now, true);
        }
    }

    /// Whether to look for announces now: by itself, since an announce asks for it, or since the
    /// node has something to do then.
    pub(in crate::engine) fn is_due(&self, now: Time, node: Time) -> bool {
        self.queue.is_woken() || self.queue.is_late(now) || self.due(node) <= now
    }

    /// When announces are to be taken, or the node has something to do.
    pub(in crate::engine) fn due(&self, node: Time) -> Time {
        let look = match self.left() {
            0 => self.pace.next(),
            _ => Time::START,
        };
        node.min(look)
    }

    /// Lets threads of the host see, without our lock, when the event loop is late: for announces, or
    /// for what the node has to do then.
    pub(in crate::engine) fn show_late(&self, now: Time, node: Time) {
        let late = match self.left() {
            0 => self.pace.late(),
            _ => Time::START,
        };
        self.queue.late_at(now, late.min(node + LOOP_LATE_GRACE));
    }

    /// Whether it is time to look for announces.
    pub(in crate::engine) fn looks(&self, now: Time) -> bool {
        self.pace.next() <= now
    }

    /// Whether nothing was found for so long that the event loop looks no more.
    pub(in crate::engine) fn is_calm(&self) -> bool {
        self.pace.is_calm()
    }

    /// Announcing threads see from now on that the event loop sleeps; not if some announces wait
    /// although it would look no more. Whether it may sleep.
    pub(in crate::engine) fn begin_to_sleep(&self) -> bool {
        if self.pace.is_calm() {
            return self.queue.loop_sleeps_until_woken();
        }
        self.queue.loop_sleeps();
        true
    }

    /// The same, since it will look by itself.
    pub(in crate::engine) fn begin_to_look(&self) {
        self.queue.loop_sleeps();
    }

    /// The event loop sleeps until then, or a moment if it waits for `room` in the host; until when.
    pub(in crate::engine) fn sleep(&mut self, now: Time, until: Time, room: bool) -> Time {
        self.awaits_room = room;
        self.sleeps_until = match room {
            true => until.min(now + HOST_FULL_BACKOFF),
            false => until,
        };
        self.sleeps_until
    }

    /// The event loop is awake.
    pub(in crate::engine) fn wake(&mut self) {
        self.sleeps_until = Time::START;
    }

    pub(in crate::engine) fn is_asleep(&self) -> bool {
        self.sleeps_until != Time::START
    }

    /// Whether the event loop would sleep too long, which has something to do by then, and perhaps
    /// `corrections` for the host. It is asked to wake only once, so in a busy tracker hardly an
    /// announce makes a system call for this.
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
