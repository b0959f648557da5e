//! What was told, until whoever drives the engine takes it.
//!
//! A tracker tells under a lock of its own, from many threads. So each thread leaves
//! what it tells in a lane of its own: where no other thread writes, and without a look at
//! the clock while only one thread tells. All lanes are taken at once and merged by time, so
//! that announces of one thread, and those of one peer whoever told them, never change
//! places.

use std::mem;

use super::clock::Clock;
use super::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use super::sync::{SpinLock, thread_index};
use crate::time::Time;
use crate::types::Announce;

/// More threads than that share lanes.
const LANES: usize = if cfg!(shuttle) { 2 } else { 8 };

/// How many announces wait in a lane at most.
const LANE: usize = if cfg!(shuttle) { 3 } else { 2048 };

/// Nobody has told yet.
const NOBODY: usize = usize::MAX;

/// More than one lane is used.
const SEVERAL: usize = usize::MAX - 1;

/// The lanes, and whether there is somebody to wake.
pub(super) struct Told {
    lanes: [Lane; LANES],
    /// Which lane is used since all were taken last, if it is a single one.
    used: AtomicUsize,
    /// Whoever takes it sleeps until it is woken.
    asleep: AtomicBool,
    /// When it was woken last, in nanoseconds.
    woken: AtomicU64,
    /// It may be held up somewhere.
    away: AtomicBool,
    /// When it is to look at the latest, in nanoseconds.
    due: AtomicU64,
}

/// Far enough from its neighbours that a processor never fetches two of them at once.
#[derive(Default)]
#[repr(align(128))]
struct Lane(SpinLock<Waiting>);

/// The announces in a lane, in the order in which they were told.
#[derive(Default)]
struct Waiting {
    open: bool,
    told: Vec<Stamped>,
}

/// An announce, and when it was told: at the start of the clock, if there was nobody
/// else whose announces it could change places with. If threads tell one after the other,
/// the clock shows it: to hand a lock over takes longer than a tick of it.
type Stamped = (Time, Announce);

/// What is to be done when an announce was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// To wake who takes it.
    Wake,
    /// To take it oneself: who should have is held up.
    Take,
}

/// Why an announce was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no room in the lane.
    Full,
    /// Nobody speaks.
    Closed,
}

impl Told {
    pub(super) fn new() -> Self {
        Self {
            lanes: Default::default(),
            used: AtomicUsize::new(NOBODY),
            asleep: AtomicBool::new(false),
            woken: AtomicU64::new(0),
            away: AtomicBool::new(true),
            due: AtomicU64::new(0),
        }
    }

    /// From now on announces are taken; what a run before has left is gone.
    pub(super) fn open(&self) {
        self.asleep.store(false, SeqCst);
        self.away.store(true, SeqCst);
        self.due.store(0, SeqCst);
        for lane in &self.lanes {
            let mut waiting = lane.0.lock();
            waiting.told.clear();
            waiting.open = true;
        }
    }

    /// From now on announces are refused.
    pub(super) fn close(&self) {
        for lane in &self.lanes {
            lane.0.lock().open = false;
        }
    }

    /// The same, unless somebody is in a lane: a signal handler that stops us may have
    /// interrupted a thread there, and wait for us.
    pub(super) fn try_close(&self) -> bool {
        let close = |lane: &Lane| lane.0.try_lock().map(|mut waiting| waiting.open = false);
        self.lanes.iter().all(|lane| close(lane).is_some())
    }

    /// Leaves an announce in the lane of this thread.
    pub(super) fn push(&self, clock: &Clock, announce: Announce) -> Result<Next, Refused> {
        let lane = thread_index() % LANES;
        let mut waiting = self.lanes[lane].0.lock();
        if !waiting.open {
            return Err(Refused::Closed);
        }
        if waiting.told.len() == LANE {
            return Err(Refused::Full);
        }
        let alone = self.used.load(SeqCst) == lane || self.is_alone(lane);
        let at = if alone { Time::START } else { clock.now() };
        waiting.told.push((at, announce));
        // Whoever goes to sleep says so before it looks into the lanes. So either it
        // finds this announce, or we see here that it sleeps.
        if self.asleep.load(SeqCst) && self.asleep.swap(false, SeqCst) {
            self.woken.store(clock.now().as_nanos(), SeqCst);
            return Ok(Next::Wake);
        }
        if self.away.load(SeqCst) && clock.now() >= Time::from_nanos(self.due.load(SeqCst)) {
            return Ok(Next::Take);
        }
        Ok(Next::Nothing)
    }

    /// Whether nobody uses another lane. Before the first announce of a second lane
    /// everybody can see that there is one.
    #[cold]
    fn is_alone(&self, lane: usize) -> bool {
        let first = self.used.compare_exchange(NOBODY, lane, SeqCst, SeqCst);
        if first.is_err() {
            self.used.store(SEVERAL, SeqCst);
        }
        first.is_ok()
    }

    /// Whether whoever takes what is told may sleep until it is woken: nothing is told yet.
    pub(super) fn may_sleep(&self) -> bool {
        self.asleep.store(true, SeqCst);
        let empty = self.lanes.iter().all(|lane| lane.0.lock().told.is_empty());
        if !empty {
            self.wakes();
        }
        empty
    }

    /// Whoever takes what is told is awake.
    pub(super) fn wakes(&self) {
        self.asleep.store(false, SeqCst);
    }

    /// Whoever takes what is told may be held up for long, until it is here again.
    pub(super) fn is_away(&self, away: bool) {
        self.away.store(away, SeqCst);
    }

    /// What is told from now on is to be taken then.
    pub(super) fn take_until(&self, due: Time) {
        self.due.store(due.as_nanos(), SeqCst);
    }

    /// When who takes what is told was last woken for it.
    pub(super) fn woken(&self) -> Time {
        Time::from_nanos(self.woken.load(SeqCst))
    }
}

/// Whoever takes what was told, one at a time.
#[derive(Default)]
pub(super) struct Taker {
    lanes: [Vec<Stamped>; LANES],
    in_order: Vec<Stamped>,
}

impl Taker {
    /// Takes what was told.
    pub(super) fn take(&mut self, told: &Told) {
        self.in_order.clear();
        self.take_lanes(told);
        for lane in &mut self.lanes {
            if self.in_order.is_empty() {
                mem::swap(&mut self.in_order, lane);
            } else if !lane.is_empty() {
                self.in_order.append(lane);
                // Each lane is in order, and stays so: the sort is stable.
                self.in_order.sort_by_key(|(at, _)| *at);
            }
        }
    }

    /// Takes all lanes at once: if an announce is there, all that came before it are.
    fn take_lanes(&mut self, told: &Told) {
        let mut lanes = told.lanes.each_ref().map(|lane| lane.0.lock());
        for (waiting, taken) in lanes.iter_mut().zip(&mut self.lanes) {
            mem::swap(&mut waiting.told, taken);
        }
        told.used.store(NOBODY, SeqCst);
    }

    /// What was taken last, in order, once.
    pub(super) fn taken(&mut self) -> impl ExactSizeIterator<Item = Announce> {
        self.in_order.drain(..).map(|(_, announce)| announce)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_a_lane_holds_up_nobody_who_only_tries_to_close() {
        let told = Told::new();
        told.open();
        let in_lane = told.lanes[3].0.lock();
        assert!(!told.try_close());
        drop(in_lane);
        assert!(told.try_close());
    }
}
