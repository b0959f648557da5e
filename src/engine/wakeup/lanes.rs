//! The lanes in which announces wait, and the taker that empties them.
//!
//! A tracker announces from many threads, and under a lock of its own, so an announce must never
//! wait for another thread. Each thread has a lane of its own, and there are two sets of lanes: one
//! is filled while the other is emptied. The taker exchanges the sets, and merges the lanes of one
//! by time. So announces of one thread keep their order, and so do those of one peer, whichever
//! threads made them.

use std::mem;

use super::super::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use super::super::sync::{SpinLock, thread_index};
use crate::protocol::Made;
use crate::time::Time;
use crate::types::Announce;

/// How many lanes a set has. If there are more threads, they share lanes.
const LANES_PER_SET: usize = if cfg!(shuttle) { 2 } else { 8 };

/// How many announces wait in a lane at most. A thread that makes 100,000 a second fills a lane in
/// a sixth of a second.
const LANE_CAPACITY: usize = if cfg!(shuttle) { 3 } else { 16_384 };

/// How much memory a lane keeps after it was emptied, in announces.
const LANE_KEPT_CAPACITY: usize = 4096;

/// The value of [`Set::used`] while no lane of the set is used.
const NO_LANE: usize = usize::MAX;

/// The value of [`Set::used`] while more than one lane of the set is used.
const SEVERAL_LANES: usize = usize::MAX - 1;

/// Two sets of lanes.
#[derive(Default)]
pub(super) struct Lanes {
    sets: [Set; 2],
    /// The index of the set that is being filled.
    filling: AtomicUsize,
}

/// A lane for each thread.
struct Set {
    lanes: [Lane; LANES_PER_SET],
    /// The lane that is used, [`NO_LANE`] or [`SEVERAL_LANES`].
    used: AtomicUsize,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            lanes: Default::default(),
            used: AtomicUsize::new(NO_LANE),
        }
    }
}

/// A lane, aligned so that a processor never fetches two of them at once.
#[derive(Default)]
#[repr(align(128))]
struct Lane(SpinLock<Waiting>);

/// The announces in a lane, in their order.
#[derive(Default)]
struct Waiting {
    open: bool,
    announces: Vec<Stamped>,
}

/// An announce, and when it was made.
///
/// While a single lane is used, the time comes from a clock that is cheap to read and some
/// milliseconds late. With several lanes it comes from the precise clock, which tells announces of
/// two threads apart: if one comes after the other because a lock changed hands, that took longer
/// than a tick of the clock.
type Stamped = (Made, Announce);

/// The reason why an announce was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum LaneError {
    /// There is no room in the lane, or no memory for more.
    Full,
    /// The engine does not run or does not send.
    Closed,
}

impl Lanes {
    /// Opens the lanes, and discards what a run before has left.
    pub(super) fn open(&self) {
        for lane in self.all() {
            let mut waiting = lane.0.lock();
            waiting.announces.clear();
            waiting.open = true;
        }
    }

    /// Closes the lanes: further announces are refused.
    pub(super) fn close(&self) {
        for lane in self.all() {
            lane.0.lock().open = false;
        }
    }

    /// Closes the lanes, unless a thread is in one, and returns whether it did. It must not wait
    /// for the thread: a signal handler may have interrupted it there, and wait for this call.
    pub(super) fn try_close(&self) -> bool {
        let close = |lane: &Lane| lane.0.try_lock().map(|mut waiting| waiting.open = false);
        self.all().all(|lane| close(lane).is_some())
    }

    /// Returns how many announces wait.
    pub(super) fn waiting(&self) -> usize {
        self.all().map(|lane| lane.0.lock().announces.len()).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Lane> {
        self.sets.iter().flat_map(|set| &set.lanes)
    }

    /// Puts an announce into the lane of the current thread, and returns how many are in it then.
    ///
    /// If another thread is in that lane, it uses another lane, so it never waits. `now` reads the
    /// precise clock and `about_now` the cheap one; `delivery` is the number of the current or next
    /// delivery to the host.
    pub(super) fn push(
        &self,
        announce: Announce,
        now: impl Fn() -> Time,
        about_now: impl Fn() -> Time,
        delivery: u32,
    ) -> Result<usize, LaneError> {
        let own = thread_index();
        for other in 0..4 * LANES_PER_SET {
            let (filling, lane) = (self.filling.load(SeqCst), (own + other) % LANES_PER_SET);
            let set = &self.sets[filling];
            let Some(mut waiting) = set.lanes[lane].0.try_lock() else {
                continue;
            };
            // The taker exchanges the sets before it empties this lane. So either it finds this
            // announce there, or this thread sees here that the taker may have emptied the lane.
            if self.filling.load(SeqCst) != filling {
                continue;
            }
            let at = if set.is_alone(lane) {
                about_now()
            } else {
                now()
            };
            waiting.push((Made { at, delivery }, announce))?;
            return Ok(waiting.announces.len());
        }
        Err(LaneError::Full)
    }
}

impl Set {
    /// Returns whether no other lane is used.
    fn is_alone(&self, lane: usize) -> bool {
        self.used.load(SeqCst) == lane || self.is_first(lane)
    }

    /// Notes that this lane is the only one that is used, or that several are, and returns whether
    /// it is the only one. It comes before the first announce of a second lane, so that every
    /// thread sees in time that there are several.
    #[cold]
    fn is_first(&self, lane: usize) -> bool {
        let first = self.used.compare_exchange(NO_LANE, lane, SeqCst, SeqCst);
        if first.is_err() {
            self.used.store(SEVERAL_LANES, SeqCst);
        }
        first.is_ok()
    }
}

impl Waiting {
    fn push(&mut self, announce: Stamped) -> Result<(), LaneError> {
        if !self.open {
            return Err(LaneError::Closed);
        }
        if self.announces.len() == self.announces.capacity() {
            self.grow()?;
        }
        self.announces.push(announce);
        Ok(())
    }

    #[cold]
    fn grow(&mut self) -> Result<(), LaneError> {
        let (len, least) = (self.announces.len(), if cfg!(shuttle) { 1 } else { 64 });
        let more = len.max(least).min(LANE_CAPACITY.saturating_sub(len));
        if more == 0 {
            return Err(LaneError::Full);
        }
        self.announces
            .try_reserve_exact(more)
            .map_err(|_| LaneError::Full)
    }
}

/// Takes announces from the lanes and hands them out in order.
#[derive(Default)]
pub(super) struct Taker {
    /// The index of the set that is being emptied, and which of its lanes were not emptied yet.
    emptying: Option<(usize, [bool; LANES_PER_SET])>,
    lanes: [Vec<Stamped>; LANES_PER_SET],
    in_order: Vec<Stamped>,
    /// How many announces of `in_order` were handed out.
    handed_out: usize,
}

impl Taker {
    /// Takes all announces that wait, and puts them behind those that were taken before and not
    /// handed out. Returns whether it has taken them.
    ///
    /// While a thread is in its lane, it waits for that thread if it `may_wait`, or else leaves all
    /// announces for the next time.
    pub(super) fn take(&mut self, from: &Lanes, may_wait: bool) -> bool {
        // If the last call could not empty a set, threads have filled the other one since.
        let sets = 1 + usize::from(self.emptying.is_some());
        (0..sets).all(|_| self.take_set(from, may_wait))
    }

    fn take_set(&mut self, from: &Lanes, may_wait: bool) -> bool {
        let (emptying, mut missing) = self.emptying.take().unwrap_or_else(|| {
            let filled = from.filling.load(SeqCst);
            // Announces that come after this wait for the next call.
            from.filling.store(1 - filled, SeqCst);
            (filled, [true; LANES_PER_SET])
        });
        let set = &from.sets[emptying];
        for (i, lane) in set.lanes.iter().enumerate() {
            if !missing[i] {
                continue;
            }
            let waiting = if may_wait {
                Some(lane.0.lock())
            } else {
                lane.0.try_lock()
            };
            let Some(mut waiting) = waiting else {
                self.emptying = Some((emptying, missing));
                return false;
            };
            mem::swap(&mut waiting.announces, &mut self.lanes[i]);
            missing[i] = false;
        }
        set.used.store(NO_LANE, SeqCst);
        self.put_in_order();
        true
    }

    fn put_in_order(&mut self) {
        self.in_order.drain(..mem::take(&mut self.handed_out));
        let before = self.in_order.len();
        if before == 0 && self.in_order.capacity() > LANE_KEPT_CAPACITY {
            self.in_order = Vec::new();
        }
        for lane in &mut self.lanes {
            if self.in_order.is_empty() {
                mem::swap(&mut self.in_order, lane);
            } else if !lane.is_empty() {
                self.in_order.append(lane);
                // Each lane is in order and stays so, because the sort is stable.
                self.in_order[before..].sort_by_key(|(made, _)| made.at);
            }
            if lane.capacity() > LANE_KEPT_CAPACITY {
                *lane = Vec::new();
            }
        }
    }

    /// Returns how many announces were taken and not handed out.
    pub(super) fn left(&self) -> usize {
        self.in_order.len() - self.handed_out
    }

    /// Returns when the first announce that was not handed out was made.
    pub(super) fn first(&self) -> Option<Time> {
        self.in_order.get(self.handed_out).map(|(made, _)| made.at)
    }

    /// Hands out the next announces in order, at most `most` of them.
    pub(super) fn hand_out(&mut self, most: usize) -> impl ExactSizeIterator<Item = Stamped> {
        let from = self.handed_out;
        self.handed_out += most.min(self.left());
        let next = &self.in_order[from..self.handed_out];
        next.iter().copied()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::types::{InfoHash, Peer, PeerFlags};

    fn push(lanes: &Lanes, port: u16) -> Result<usize, LaneError> {
        let announce = Announce {
            info_hash: InfoHash([0xab; 20]),
            peer: Peer {
                ip: Ipv4Addr::LOCALHOST.into(),
                port,
                flags: PeerFlags::SEEDING,
            },
        };
        let now = || Time::from_nanos(port.into());
        lanes.push(announce, now, now, 1)
    }

    fn open() -> Lanes {
        let lanes = Lanes::default();
        lanes.open();
        lanes
    }

    fn ports(taker: &mut Taker) -> Vec<u16> {
        let all = taker.hand_out(usize::MAX);
        all.map(|(_, announce)| announce.peer.port).collect()
    }

    #[test]
    fn a_thread_in_a_lane_holds_up_no_close_that_only_tries() {
        let lanes = open();
        let in_lane = lanes.sets[0].lanes[3].0.lock();
        assert!(!lanes.try_close());
        drop(in_lane);
        assert!(lanes.try_close());
        assert_eq!(push(&lanes, 1), Err(LaneError::Closed));
    }

    #[test]
    fn an_announce_waits_for_nobody_who_is_in_its_lane() {
        let lanes = open();
        let own = thread_index() % LANES_PER_SET;
        push(&lanes, 1).unwrap();
        let in_lane = lanes.sets[0].lanes[own].0.lock();
        push(&lanes, 2).unwrap();
        push(&lanes, 3).unwrap();
        // The taker cannot empty the set now and takes nothing, since what comes next must stay
        // behind what is in that lane.
        let mut taker = Taker::default();
        assert!(!taker.take(&lanes, false));
        push(&lanes, 4).unwrap();
        assert!(!taker.take(&lanes, false));
        drop(in_lane);
        assert!(taker.take(&lanes, false));
        assert_eq!(ports(&mut taker), [1, 2, 3, 4]);
    }

    #[test]
    fn a_lane_is_bounded_and_gives_its_memory_back() {
        let lanes = open();
        for i in 1..=LANE_CAPACITY {
            assert_eq!(push(&lanes, i as u16), Ok(i));
        }
        assert_eq!(push(&lanes, 0), Err(LaneError::Full));
        let mut taker = Taker::default();
        for _ in 0..4 {
            assert!(taker.take(&lanes, true));
            taker.hand_out(usize::MAX).for_each(drop);
        }
        let kept = lanes.all().map(|lane| lane.0.lock().announces.capacity());
        let taken = taker.lanes.iter().map(Vec::capacity);
        assert!(
            kept.chain(taken)
                .all(|capacity| capacity <= LANE_KEPT_CAPACITY)
        );
    }

    #[test]
    fn what_was_not_handed_out_comes_before_what_is_taken_next() {
        let lanes = open();
        let mut taker = Taker::default();
        assert_eq!(
            [1, 2, 3].map(|port| push(&lanes, port)),
            [Ok(1), Ok(2), Ok(3)]
        );
        taker.take(&lanes, true);
        assert_eq!(taker.hand_out(1).len(), 1);
        assert_eq!([4, 5].map(|port| push(&lanes, port)), [Ok(1), Ok(2)]);
        taker.take(&lanes, true);
        assert_eq!(taker.left(), 4);
        assert_eq!(ports(&mut taker), [2, 3, 4, 5]);
    }
}
