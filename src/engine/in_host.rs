//! Keeps track of the threads that are inside a call which an engine made to its host.
//!
//! There is one atomic variable for each thread. So a signal handler that interrupts a thread
//! between any two instructions finds it either inside the host or outside.

use std::cell::Cell;
use std::time::Duration;

use super::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use super::sync::{nap, this_thread, thread_local};

/// How many threads may be inside the host at a time. Further ones wait until one leaves.
const MAX_HOST_THREADS: usize = if cfg!(shuttle) { 8 } else { 64 };

/// How long a thread waits before it tries again to enter the host.
const PLACE_RETRY_NAP: Duration = Duration::from_millis(1);

/// The value of [`HostSlot::thread`] in a free place.
const NO_THREAD: usize = 0;

thread_local! {
    /// How many calls of hosts this thread is inside of, whichever engines made them. A stop never
    /// reads it: in a library that was loaded by dlopen(3) the first access may allocate memory.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// The threads that are inside the host.
#[derive(Debug)]
pub(super) struct HostThreads {
    places: [HostSlot; MAX_HOST_THREADS],
}

/// An entry for one thread that is inside the host.
#[derive(Debug)]
struct HostSlot {
    thread: AtomicUsize,
    /// True while the thread waits for the engine lock and is not in the host's code.
    waits: AtomicBool,
}

impl Default for HostThreads {
    fn default() -> Self {
        Self {
            places: [(); MAX_HOST_THREADS].map(|()| HostSlot {
                thread: AtomicUsize::new(NO_THREAD),
                waits: AtomicBool::new(false),
            }),
        }
    }
}

impl HostThreads {
    /// Notes that the current thread is inside the host until the guard is dropped.
    pub(super) fn enter(&self) -> InHost<'_> {
        let place = self.here().is_none().then(|| self.take_place());
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        InHost { place }
    }

    fn take_place(&self) -> &HostSlot {
        let this = this_thread();
        let take = |place: &&HostSlot| {
            let taken = place
                .thread
                .compare_exchange(NO_THREAD, this, SeqCst, SeqCst);
            taken.is_ok()
        };
        loop {
            if let Some(place) = self.places.iter().find(take) {
                return place;
            }
            nap(PLACE_RETRY_NAP);
        }
    }

    fn here(&self) -> Option<&HostSlot> {
        if !is_in_any_host() {
            return None;
        }
        let this = this_thread();
        let mut places = self.places.iter();
        places.find(|place| place.thread.load(SeqCst) == this)
    }

    /// Returns whether the current thread is inside this host, even if it is inside calls of other
    /// hosts as well.
    pub(super) fn is_here(&self) -> bool {
        self.here().is_some()
    }

    /// If the current thread is inside the host, notes that it waits for the engine lock until the
    /// guard is dropped.
    pub(super) fn waits_here(&self) -> Option<Waits<'_>> {
        let place = self.here()?;
        place.waits.store(true, SeqCst);
        Some(Waits { place })
    }

    /// Returns whether another thread is inside the host and does not wait for the engine lock.
    pub(super) fn is_elsewhere(&self) -> bool {
        let here = [NO_THREAD, this_thread()];
        self.places
            .iter()
            .any(|place| !here.contains(&place.thread.load(SeqCst)) && !place.waits.load(SeqCst))
    }
}

/// Returns whether the current thread is inside the host of any engine.
pub(super) fn is_in_any_host() -> bool {
    DEPTH.with(Cell::get) > 0
}

/// A guard that keeps the current thread registered as inside the host.
pub(super) struct InHost<'a> {
    /// The entry of the thread; `None` if an outer guard has it.
    place: Option<&'a HostSlot>,
}

impl Drop for InHost<'_> {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
        if let Some(place) = self.place {
            place.thread.store(NO_THREAD, SeqCst);
        }
    }
}

/// A guard that marks a thread inside the host as waiting for the engine lock.
pub(super) struct Waits<'a> {
    place: &'a HostSlot,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.place.waits.store(false, SeqCst);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn more_threads_than_there_is_room_for_wait() {
        let threads = HostThreads::default();
        let is_full = || {
            let taken = |place: &HostSlot| place.thread.load(SeqCst) != NO_THREAD;
            threads.places.iter().all(taken)
        };
        thread::scope(|scope| {
            let (entered, enters) = mpsc::channel();
            let mut leave = Vec::new();
            for _ in 0..=MAX_HOST_THREADS {
                let (go, goes) = mpsc::channel::<()>();
                leave.push(go);
                let (threads, entered) = (&threads, entered.clone());
                scope.spawn(move || {
                    let _in_host = threads.enter();
                    entered.send(()).expect("somebody counts");
                    let _ = goes.recv();
                });
            }
            for _ in 0..MAX_HOST_THREADS {
                enters.recv().expect("a thread");
            }
            assert!(is_full() && enters.try_recv().is_err());
            // All threads that are inside the host leave, so that the last one can enter.
            drop(leave);
            enters.recv().expect("the last thread");
        });
        assert!(!threads.is_elsewhere());
    }
}
