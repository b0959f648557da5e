//! The announces that wait, and the state of the event loop that threads see without a lock.

use std::time::Duration;

use super::super::clock::Clock;
use super::super::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use super::deadline::Deadline;
use super::lanes::{LaneError, Lanes, Taker};
use crate::time::Time;
use crate::types::Announce;

/// The number of announces in a lane that counts as a burst. At it and each multiple of it a
/// sleeping event loop is woken.
const BURST_LEN: usize = if cfg!(shuttle) { 3 } else { 1024 };

/// The event loop is awake.
const LOOP_AWAKE: usize = 0;
/// The event loop sleeps, and will look for announces in time.
const LOOP_LOOKS: usize = 1;
/// The event loop sleeps until a thread wakes it.
const LOOP_CALM: usize = 2;

/// The announces that wait, and the state of the event loop that threads see without a lock.
pub(in crate::engine) struct AnnounceQueue {
    lanes: Lanes,
    /// [`LOOP_AWAKE`], [`LOOP_LOOKS`] or [`LOOP_CALM`].
    event_loop: AtomicUsize,
    /// True while the host may hold up the event loop.
    away: AtomicBool,
    /// True if an announce has woken the event loop.
    woken: AtomicBool,
    /// The time from which on other threads have to do the work of the event loop. The thread that
    /// takes the announces puts it off before it does so; all others only bring it forward.
    late: Deadline,
    /// How long an announce may wait for the event loop, in microseconds.
    patience: AtomicUsize,
}

/// The action of a thread that has queued an announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Next {
    Nothing,
    /// Wake the event loop.
    Wake,
    /// Take the announces, because the event loop is held up.
    Take,
}

impl AnnounceQueue {
    pub(in crate::engine) fn new() -> Self {
        Self {
            lanes: Lanes::default(),
            event_loop: AtomicUsize::new(LOOP_AWAKE),
            away: AtomicBool::new(true),
            woken: AtomicBool::new(false),
            late: Deadline::passed(),
            patience: AtomicUsize::new(0),
        }
    }

    /// Opens the queue, and discards what a run before has left. `patience` is how long an announce
    /// may wait for the event loop.
    pub(in crate::engine) fn open(&self, now: Time, patience: Duration) {
        let micros = usize::try_from(patience.as_micros()).unwrap_or(usize::MAX);
        self.patience.store(micros, SeqCst);
        self.event_loop.store(LOOP_AWAKE, SeqCst);
        self.away.store(true, SeqCst);
        self.woken.store(false, SeqCst);
        self.late.set(now, Time::NEVER);
        self.lanes.open();
    }

    /// Closes the queue: further announces are refused.
    pub(in crate::engine) fn close(&self) {
        self.lanes.close();
    }

    /// Closes the queue, unless a thread is in the middle of an announce. Returns whether it did.
    pub(in crate::engine) fn try_close(&self) -> bool {
        self.lanes.try_close()
    }

    /// Returns how many announces wait.
    pub(in crate::engine) fn waiting(&self) -> usize {
        self.lanes.waiting()
    }

    /// Queues an announce without waiting for another thread, and returns what to do then.
    /// `delivery` is the number of the current or next delivery to the host.
    pub(in crate::engine) fn push(
        &self,
        clock: &Clock,
        delivery: u32,
        announce: Announce,
    ) -> Result<Next, LaneError> {
        let (now, about_now) = (|| clock.now(), || clock.about_now());
        let len = self.lanes.push(announce, now, about_now, delivery)?;
        if len == 1 {
            let (now, patience) = (clock.now(), self.patience.load(SeqCst));
            self.late_at(now, now + Duration::from_micros(patience as u64));
        }
        // An event loop that goes to sleep sets its state before it looks into the lanes. So either
        // it finds this announce, or this thread sees that the loop sleeps.
        let wakes = match self.event_loop.load(SeqCst) {
            LOOP_AWAKE => false,
            LOOP_LOOKS => len.is_multiple_of(BURST_LEN),
            _ => true,
        };
        if wakes && self.event_loop.swap(LOOP_AWAKE, SeqCst) != LOOP_AWAKE {
            self.woken.store(true, SeqCst);
            Ok(Next::Wake)
        } else if self.away.load(SeqCst) && self.late.is_over(clock.now()) {
            Ok(Next::Take)
        } else {
            Ok(Next::Nothing)
        }
    }

    /// Takes all announces that wait, and returns whether it has: see [`Taker::take`].
    pub(super) fn take(&self, taker: &mut Taker, now: Time, may_wait: bool) -> bool {
        self.late.set(now, Time::NEVER);
        // An announce that wakes the event loop from now on may come too late to be taken here.
        let woken = self.woken.swap(false, SeqCst);
        let taken = taker.take(&self.lanes, may_wait);
        if !taken {
            self.late_at(now, now);
            self.woken.fetch_or(woken, SeqCst);
        }
        taken
    }

    /// Notes that the event loop sleeps and will look by itself in time.
    pub(super) fn loop_sleeps(&self) {
        self.event_loop.store(LOOP_LOOKS, SeqCst);
    }

    /// Notes that the event loop sleeps until it is woken, unless announces wait already. Returns
    /// whether it may sleep.
    pub(super) fn loop_sleeps_until_woken(&self) -> bool {
        self.event_loop.store(LOOP_CALM, SeqCst);
        let empty = self.waiting() == 0;
        if !empty {
            self.loop_wakes();
        }
        empty
    }

    /// Notes that the event loop is awake.
    pub(in crate::engine) fn loop_wakes(&self) {
        self.event_loop.store(LOOP_AWAKE, SeqCst);
    }

    /// Notes whether the host may hold up the event loop.
    pub(in crate::engine) fn loop_is_away(&self, away: bool) {
        self.away.store(away, SeqCst);
    }

    /// Returns whether an announce has woken the event loop and waits to be taken.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(SeqCst)
    }

    /// Returns whether the event loop is late.
    pub(in crate::engine) fn is_late(&self, now: Time) -> bool {
        self.late.is_over(now)
    }

    /// Sets the time from which on the event loop is late, unless it is earlier already.
    pub(super) fn late_at(&self, now: Time, late: Time) {
        self.late.bring_forward(now, late);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::types::{InfoHash, Peer, PeerFlags};

    #[test]
    fn a_sleeping_event_loop_is_woken_once_and_for_a_burst() {
        let (clock, queue) = (Clock::new(), AnnounceQueue::new());
        queue.open(clock.now(), Duration::ZERO);
        let announce = Announce {
            info_hash: InfoHash([0xab; 20]),
            peer: Peer {
                ip: Ipv4Addr::LOCALHOST.into(),
                port: 1,
                flags: PeerFlags::SEEDING,
            },
        };
        let push = |count: usize| {
            let next = (0..count).map(|_| queue.push(&clock, 1, announce).unwrap());
            next.filter(|next| *next == Next::Wake).count()
        };
        queue.loop_is_away(false);
        assert_eq!(push(2 * BURST_LEN), 0, "it is awake");
        assert!(!queue.loop_sleeps_until_woken(), "announces wait");
        queue.loop_sleeps();
        assert_eq!(push(BURST_LEN - 1), 0, "it will look");
        assert_eq!(push(2 * BURST_LEN), 1);
        queue.take(&mut Taker::default(), clock.now(), true);
        assert!(queue.loop_sleeps_until_woken());
        assert_eq!(push(3), 1);
    }
}
