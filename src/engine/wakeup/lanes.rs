//! Where announces wait, and whoever takes them.
//!
//! A tracker announces under a lock of its own, from many threads, so an announce must never wait
//! for another thread. Each thread leaves its announces in a lane of its own, and there are two
//! sets of lanes: one is filled while the other one is emptied. The taker exchanges them, and
//! merges the lanes by time, so that announces of one thread, and those of one peer whoever made
//! them, never change places.

use std::mem;

use super::super::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use super::super::sync::{SpinLock, thread_index};
use crate::protocol::Made;
use crate::time::Time;
use crate::types::Announce;

/// More threads than that share lanes.
const LANES_PER_SET: usize = if cfg!(shuttle) { 2 } else { 8 };

/// How many announces wait in a lane at most: a sixth of a second of a thread that makes a
/// hundred thousand in a second.
const LANE_CAPACITY: usize = if cfg!(shuttle) { 3 } else { 16_384 };

/// How much memory a lane keeps when it was emptied, in announces.
const LANE_KEPT_CAPACITY: usize = 4096;

/// No lane of a set is used yet.
const NO_LANE: usize = usize::MAX;

/// More than one lane of a set is used.
const SEVERAL_LANES: usize = usize::MAX - 1;

/// Two sets of lanes.
#[derive(Default)]
pub(super) struct Lanes {
    sets: [Set; 2],
    /// Which set is filled.
    filling: AtomicUsize,
}

struct Set {
    lanes: [Lane; LANES_PER_SET],
    /// The lane that is used, if it is a single one.
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

/// Far enough from its neighbours that a processor never fetches two of them at once.
#[derive(Default)]
#[repr(align(128))]
struct Lane(SpinLock<Waiting>);

/// The announces in a lane, in their order.
#[derive(Default)]
struct Waiting {
    open: bool,
    announces: Vec<Stamped>,
}

/// An announce, and when it was made. While a single lane is used a clock will do that costs
/// little, and is some milliseconds late. When threads announce one after the other, the precise
/// one shows it: to hand a lock over takes longer than a tick of it.
type Stamped = (Made, Announce);

/// Why an announce was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Refused {
    /// There is no room in the lane, or no memory for more.
    Full,
    /// The engine does not run, or does not send.
    Closed,
}

impl Lanes {
    /// From now on announces are taken; what a run before has left is gone.
    pub(super) fn open(&self) {
        for lane in self.all() {
            let mut waiting = lane.0.lock();
            waiting.announces.clear();
            waiting.open = true;
        }
    }

    /// From now on announces are refused.
    pub(super) fn close(&self) {
        for lane in self.all() {
            lane.0.lock().open = false;
        }
    }

    /// The same, unless somebody is in a lane: a signal handler that stops us may have
    /// interrupted a thread there, and wait for us.
    pub(super) fn try_close(&self) -> bool {
        let close = |lane: &Lane| lane.0.try_lock().map(|mut waiting| waiting.open = false);
        self.all().all(|lane| close(lane).is_some())
    }

    /// How many announces wait.
    pub(super) fn waiting(&self) -> usize {
        self.all().map(|lane| lane.0.lock().announces.len()).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Lane> {
        self.sets.iter().flat_map(|set| &set.lanes)
    }

    /// Leaves an announce in the lane of this thread, or in another one while somebody else is
    /// in that: it waits for nobody. How many are in the lane now. The clocks are read by `now` and
    /// `about_now`; `delivery` is the number of what our host is handed, or will be next.
    pub(super) fn push(
        &self,
        announce: Announce,
        now: impl Fn() -> Time,
        about_now: impl Fn() -> Time,
        delivery: u32,
    ) -> Result<usize, Refused> {
        let own = thread_index();
        for other in 0..4 * LANES_PER_SET {
            let (filling, lane) = (self.filling.load(SeqCst), (own + other) % LANES_PER_SET);
            let set = &self.sets[filling];
            let Some(mut waiting) = set.lanes[lane].0.try_lock() else {
                continue;
            };
            // Whoever exchanges the sets does so before it empties this lane. So it either
            // finds this announce there, or we see here that it may have been there.
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
        Err(Refused::Full)
    }
}

impl Set {
    /// Whether nobody uses another lane.
    fn is_alone(&self, lane: usize) -> bool {
        self.used.load(SeqCst) == lane || self.is_first(lane)
    }

    /// Before the first announce of a second lane everybody can see that there is one.
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
    fn push(&mut self, announce: Stamped) -> Result<(), Refused> {
        if !self.open {
            return Err(Refused::Closed);
        }
        if self.announces.len() == self.announces.capacity() {
            self.grow()?;
        }
        self.announces.push(announce);
        Ok(())
    }

    #[cold]
    fn grow(&mut self) -> Result<(), Refused> {
        let (len, least) = (self.announces.len(), if cfg!(shuttle) { 1 } else { 64 });
        let more = len.max(least).min(LANE_CAPACITY.saturating_sub(len));
        if more == 0 {
            return Err(Refused::Full);
        }
        self.announces.try_reserve_exact(more).map_err(|_| Refused::Full)
    }
}

/// Takes announces, one at a time.
#[derive(Default)]
pub(super) struct Taker {
    /// Which set is being emptied, and which of its lanes were not emptied yet.
    emptying: Option<(usize, [bool; LANES_PER_SET])>,
    lanes: [Vec<Stamped>; LANES_PER_SET],
    in_order: Vec<Stamped>,
    /// How many of them were handed out.
    handed_out: usize,
}

impl Taker {
    /// Takes all that waits, behind what was taken and not handed out. While some thread is in
    /// its lane it waits for that thread if it `may_wait`, or else leaves all for the next time;
    /// whether it has taken it.
    pub(super) fn take(&mut self, from: &Lanes, may_wait: bool) -> bool {
        // Behind a set that could not be emptied the last time another one was filled since.
        let sets = 1 + usize::from(self.emptying.is_some());
        (0..sets).all(|_| self.take_set(from, may_wait))
    }

    fn take_set(&mut self, from: &Lanes, may_wait: bool) -> bool {
        let (emptying, mut missing) = self.emptying.take().unwrap_or_else(|| {
            let filled = from.filling.load(SeqCst);
            // What comes after this waits for the next time.
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
                // Each lane is in order, and stays so: the sort is stable.
                self.in_order[before..].sort_by_key(|(made, _)| made.at);
            }
            if lane.capacity() > LANE_KEPT_CAPACITY {
                *lane = Vec::new();
            }
        }
    }

    /// How many were taken and not handed out.
    pub(super) fn left(&self) -> usize {
        self.in_order.len() - self.handed_out
    }

    /// When the first of them was announced.
    pub(super) fn first(&self) -> Option<Time> {
        self.in_order.get(self.handed_out).map(|(made, _)| made.at)
    }

    /// The next of them in order, once, so many at most.
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

    fn push(lanes: &Lanes, port: u16) -> Result<usize, Refused> {
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
        assert_eq!(push(&lanes, 1), Err(Refused::Closed));
    }

    #[test]
    fn an_announce_waits_for_nobody_who_is_in_its_lane() {
        let lanes = open();
        let own = thread_index() % LANES_PER_SET;
        push(&lanes, 1).unwrap();
        let in_lane = lanes.sets[0].lanes[own].0.lock();
        push(&lanes, 2).unwrap();
        push(&lanes, 3).unwrap();
        // Whoever empties the set cannot finish it now, and takes nothing: what comes next is
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
        assert_eq!(push(&lanes, 0), Err(Refused::Full));
        let mut taker = Taker::default();
        for _ in 0..4 {
            assert!(taker.take(&lanes, true));
            taker.hand_out(usize::MAX).for_each(drop);
        }
        let kept = lanes.all().map(|lane| lane.0.lock().announces.capacity());
        let taken = taker.lanes.iter().map(Vec::capacity);
        assert!(kept.chain(taken).all(|capacity| capacity <= LANE_KEPT_CAPACITY));
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
