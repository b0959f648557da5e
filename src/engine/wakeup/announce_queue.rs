//! The announces that nobody has taken yet, and what announcing threads know of the event loop.

use std::time::Duration;

use super::super::clock::Clock;
use super::super::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use super::deadline::Deadline;
use super::lanes::{Lanes, Refused, Taker};
use crate::time::Time;
use crate::types::Announce;

/// At so many announces in a lane, and each multiple of it, a sleeping event loop is woken: a burst
/// has begun.
const BURST_LEN: usize = if cfg!(shuttle) { 3 } else { 1024 };

/// The event loop is awake.
const LOOP_AWAKE: usize = 0;
/// The event loop sleeps, and will look into the lanes in time.
const LOOP_LOOKS: usize = 1;
/// The event loop sleeps until somebody wakes it.
const LOOP_CALM: usize = 2;

/// The announces that wait, and what announcing threads need to know of the event loop. It takes no
/// lock.
pub(in crate::engine) struct AnnounceQueue {
    lanes: Lanes,
    /// LOOP_AWAKE, LOOP_LOOKS or LOOP_CALM.
    event_loop: AtomicUsize,
    /// The event loop may be held up by the host.
    away: AtomicBool,
    /// An announce has woken the event loop.
    woken: AtomicBool,
    /// When somebody else has to do what the event loop has not done. Whoever takes the announces puts
    /// it off, before it does so; everybody else only brings it forward.
    late: Deadline,
    /// How long an announce may wait for the event loop, in microseconds.
    patience: AtomicUsize,
}

/// What is to be done when an announce was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Next {
    Nothing,
    /// To wake the event loop.
    Wake,
    /// To take the announces: the event loop is held up.
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

    /// From now on announces are taken, which may wait so long for the event loop; what a run before
    /// has left is gone.
    pub(in crate::engine) fn open(&self, now: Time, patience: Duration) {
        let micros = usize::try_from(patience.as_micros()).unwrap_or(usize::MAX);
        self.patience.store(micros, SeqCst);
        self.event_loop.store(LOOP_AWAKE, SeqCst);
        self.away.store(true, SeqCst);
        self.woken.store(false, SeqCst);
        self.late.set(now, Time::NEVER);
        self.lanes.open();
    }

    /// From now on announces are refused.
    pub(in crate::engine) fn close(&self) {
        self.lanes.close();
    }

    /// The same, unless some thread is amidst an announce.
    pub(in crate::engine) fn try_close(&self) -> bool {
        self.lanes.try_close()
    }

    /// How many announces wait.
    pub(in crate::engine) fn waiting(&self) -> usize {
        self.lanes.waiting()
    }

    /// Leaves an announce, without waiting for anybody; what to do then. `delivery` is the number
    /// of what our host is handed, or will be next.
    pub(in crate::engine) fn push(
        &self,
        clock: &Clock,
        delivery: u32,
        announce: Announce,
    ) -> Result<Next, Refused> {
        let (now, about_now) = (|| clock.now(), || clock.about_now());
        let len = self.lanes.push(announce, now, about_now, delivery)?;
        if len == 1 {
            let (now, patience) = (clock.now(), self.patience.load(SeqCst));
            self.late_at(now, now + Duration::from_micros(patience as u64));
        }
        // An event loop that goes to sleep says so before it looks into the lanes. So either it
        // finds this announce, or we see here that it sleeps.
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

    /// Takes all that waits; whether that was possible, as [`Taker::take`] says.
    pub(super) fn take(&self, taker: &mut Taker, now: Time, may_wait: bool) -> bool {
        self.late.set(now, Time::NEVER);
        // What wakes the event loop from now on may come too late for this.
        let woken = self.woken.swap(false, SeqCst);
        let taken = taker.take(&self.lanes, may_wait);
        if !taken {
            self.late_at(now, now);
            self.woken.fetch_or(woken, SeqCst);
        }
        taken
    }

    /// The event loop sleeps, and looks by itself in time.
    pub(super) fn loop_sleeps(&self) {
        self.event_loop.store(LOOP_LOOKS, SeqCst);
    }

    /// The event loop sleeps until it is woken, unless announces wait already; whether it does.
    pub(super) fn loop_sleeps_until_woken(&self) -> bool {
        self.event_loop.store(LOOP_CALM, SeqCst);
        let empty = self.waiting() == 0;
        if !empty {
            self.loop_wakes();
        }
        empty
    }

    /// The event loop is awake.
    pub(in crate::engine) fn loop_wakes(&self) {
        self.event_loop.store(LOOP_AWAKE, SeqCst);
    }

    /// The event loop may be held up for long, until it is here again.
    pub(in crate::engine) fn loop_is_away(&self, away: bool) {
        self.away.store(away, SeqCst);
    }

    /// Whether an announce has woken the event loop, which is to take it.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(SeqCst)
    }

    /// Whether the event loop is late.
    pub(in crate::engine) fn is_late(&self, now: Time) -> bool {
        self.late.is_over(now)
    }

    /// From then on the event loop is late, or from an earlier time on that was said before.
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
