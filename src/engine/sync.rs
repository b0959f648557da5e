//! What threads share, wait with and ask for the time. With `--cfg shuttle` it comes
//! from tests/model, which tries the engine under many schedules of its threads.

#[cfg(lock_times)]
pub(super) use super::holds::{Mutex, MutexGuard};
#[cfg(not(any(shuttle, lock_times)))]
pub(super) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(super) use std::{sync::atomic, thread, thread_local, time::Instant};

pub(super) use crate::net::{nap, this_thread};

/// For some instructions at a time, so that to wait for it hardly ever happens.
#[cfg(not(shuttle))]
pub(super) type SpinLock<T> = spin::mutex::SpinMutex<T, spin::Yield>;

#[cfg(shuttle)]
pub(super) use crate::model::sync::{
    Instant, Mutex, Mutex as SpinLock, MutexGuard, pause, thread, thread_index,
};
#[cfg(shuttle)]
pub(super) use shuttle::{sync::atomic, thread_local};

/// Unlocks for a moment: a thread that waits for the lock has it next.
#[cfg(not(any(shuttle, lock_times)))]
pub(super) fn let_others_lock<T>(guard: MutexGuard<'_, T>) {
    MutexGuard::unlock_fair(guard);
}

/// Where the lock is modelled, or timed, nobody has it for long.
#[cfg(any(shuttle, lock_times))]
pub(super) fn let_others_lock<T>(guard: MutexGuard<'_, T>) {
    drop(guard);
}

/// Waits a moment while another thread sends.
#[cfg(not(shuttle))]
pub(super) fn pause() {
    nap(std::time::Duration::from_micros(50));
}

/// A number for the current thread: from 0, in the order in which they ask first.
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
