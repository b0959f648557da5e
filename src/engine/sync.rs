//! The locks, atomics and clocks that the engine uses. With `--cfg shuttle` they come from
//! tests/model, which runs the engine under many schedules of its threads.

#[cfg(lock_times)]
pub(super) use super::holds::{Mutex, MutexGuard};
#[cfg(not(any(shuttle, lock_times)))]
pub(super) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(super) use std::{sync::atomic, thread, thread_local, time::Instant};

pub(super) use crate::net::{nap, this_thread};

/// A lock that is held for a few instructions at a time, so that a thread hardly ever waits for it.
#[cfg(not(shuttle))]
pub(super) type SpinLock<T> = spin::mutex::SpinMutex<T, spin::Yield>;

#[cfg(shuttle)]
pub(super) use crate::model::sync::{
    Instant, Mutex, Mutex as SpinLock, MutexGuard, pause, thread, thread_index,
};
#[cfg(shuttle)]
pub(super) use shuttle::{sync::atomic, thread_local};

/// Waits for a moment while another thread sends.
#[cfg(not(shuttle))]
pub(super) fn pause() {
    nap(std::time::Duration::from_micros(50));
}

/// Returns a number for the current thread. Threads are numbered from 0 in the order in which they
/// first call this.
#[cfg(not(shuttle))]
pub(super) fn thread_index() -> usize {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    if INDEX.get() == usize::MAX {
        INDEX.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    INDEX.get()
}
