//! Stopping in bounded time, even from a signal handler.
//!
//! The handler may have interrupted any function of the engine, on a thread that holds the engine
//! lock, the allocator's lock, or a lock of the tracker. So a stop takes no lock and allocates no
//! memory: it sets a flag, wakes the receive thread, and waits for a bounded time until no other
//! thread is inside a call of the host.
//!
//! A forked child has neither the receive thread nor any other thread that may hold the locks. In
//! the child the run counts as stopped, though nothing has ended it.

use std::sync::atomic::AtomicUsize as Unmodelled;
use std::time::Duration;

use super::in_host::{HostThreads, InHost, Waits};
use super::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use super::sync::{Instant, nap, this_thread};
use crate::net::{forks, thread_exists, thread_number};

/// The first nap of a thread that waits. Each further one is twice as long.
const MIN_NAP: Duration = Duration::from_micros(20);

/// The longest nap of a thread that waits.
const MAX_NAP: Duration = Duration::from_millis(1);

/// The value of [`Run::process`] while no run has begun.
const NO_PROCESS: usize = 0;

/// The state of a run, and the threads that are inside calls of the host.
#[derive(Debug, Default)]
pub(super) struct Run {
    stopping: AtomicBool,
    /// True once a stop has returned before the receive thread had ended.
    abandoned: AtomicBool,
    worker_alive: AtomicBool,
    /// The receive thread; 0 before it runs.
    worker: AtomicUsize,
    /// The kernel's number for the receive thread; 0 before it runs.
    worker_number: AtomicI32,
    host_threads: HostThreads,
    /// The process in which the run began, as the number of its [`forks`] plus one.
    process: Unmodelled,
}

impl Run {
    /// Returns whether the host must not be called any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst) || self.is_forked()
    }

    /// Returns whether this process is a child of the one in which the run began.
    pub(super) fn is_forked(&self) -> bool {
        let process = self.process.load(SeqCst);
        process != NO_PROCESS && process != forks() + 1
    }

    /// Returns whether the current thread is inside a call of this engine's host.
    pub(super) fn is_delivering_here(&self) -> bool {
        self.host_threads.is_here()
    }

    /// Enters the host until the guard is dropped, unless the run is stopping. Between two calls of
    /// the host the caller checks [`is_stopping`](Self::is_stopping) again.
    pub(super) fn enter_host(&self) -> Option<InHost<'_>> {
        let guard = self.enter_host_to_log();
        (!self.is_stopping()).then_some(guard)
    }

    /// Enters the host to log a line, even while the run is stopping.
    pub(super) fn enter_host_to_log(&self) -> InHost<'_> {
        self.host_threads.enter()
    }

    /// Enters the host to log the last line, unless a stop has returned or is about to.
    pub(super) fn enter_host_for_last_line(&self) -> Option<InHost<'_>> {
        let guard = self.enter_host_to_log();
        (!self.abandoned.load(SeqCst)).then_some(guard)
    }

    /// Notes that the current thread waits for the engine lock until the guard is dropped.
    ///
    /// If the thread is inside the host, a stop does not wait for it meanwhile. A signal handler
    /// that stops may have interrupted the holder of the lock, so waiting would never end; and the
    /// thread checks [`is_stopping`](Self::is_stopping) before it calls the host again.
    pub(super) fn waits_for_lock(&self) -> Option<Waits<'_>> {
        self.host_threads.waits_here()
    }

    /// Begins to stop: from now on no thread enters the host. The caller wakes the receive thread.
    pub(super) fn begin_to_stop(&self) {
        self.stopping.store(true, SeqCst);
    }

    /// Waits until the receive thread has ended and no other thread is inside the host. Returns
    /// whether that was so, which is true as well if the engine was started again meanwhile.
    pub(super) fn wait_until_idle(&self, patience: Duration) -> bool {
        self.wait_until(patience, || self.is_idle())
    }

    /// Waits until no other thread is inside the host, and returns whether that is so.
    pub(super) fn wait_for_host(&self, patience: Duration) -> bool {
        self.wait_until(patience, || !self.host_threads.is_elsewhere())
    }

    /// Waits until the receive thread has ended in the kernel, too, since it has a little to do
    /// after the engine's code has ended. Returns whether that is so. The receive thread does not
    /// wait for itself.
    pub(super) fn wait_for_worker(&self, patience: Duration) -> bool {
        if self.worker.load(SeqCst) == this_thread() {
            return !self.worker_alive.load(SeqCst);
        }
        self.wait_until(patience, || {
            !self.worker_alive.load(SeqCst) && !self.worker_exists()
        })
    }

    /// Waits while the run is stopping and `is_done` returns false, and returns whether it stopped
    /// waiting before its patience was over. No signal prolongs the wait: see [`nap`].
    fn wait_until(&self, patience: Duration, is_done: impl Fn() -> bool) -> bool {
        let start = Instant::now();
        let mut longest = MIN_NAP;
        while self.is_stopping() && !is_done() {
            let Some(left) = patience
                .checked_sub(start.elapsed())
                .filter(|t| !t.is_zero())
            else {
                return false;
            };
            nap(longest.min(left));
            longest = (longest * 2).min(MAX_NAP);
        }
        true
    }

    /// Notes that a stop does not wait for the receive thread any longer.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, SeqCst);
    }

    /// Notes that a run begins in this process.
    pub(super) fn begins(&self) {
        self.process.store(forks() + 1, SeqCst);
    }

    /// Notes that a run has ended, unless the receive thread will do so. After that a forked child
    /// may begin another run.
    pub(super) fn ends(&self) {
        if !self.worker_alive.load(SeqCst) {
            self.process.store(NO_PROCESS, SeqCst);
        }
    }

    /// Makes the engine ready for another run.
    pub(super) fn reset(&self) {
        self.abandoned.store(false, SeqCst);
        self.stopping.store(false, SeqCst);
    }

    /// Notes that the receive thread is about to start.
    pub(super) fn worker_starts(&self) {
        self.worker.store(0, SeqCst);
        self.worker_alive.store(true, SeqCst);
    }

    /// Notes which thread is the receive thread, which calls this when it begins.
    pub(super) fn worker_began(&self) {
        self.worker.store(this_thread(), SeqCst);
        self.worker_number.store(thread_number(), SeqCst);
    }

    /// Notes that the receive thread has ended.
    pub(super) fn worker_ended(&self) {
        // This comes first, because another thread may begin a run as soon as the worker is not
        // alive.
        if !self.is_forked() {
            self.process.store(NO_PROCESS, SeqCst);
        }
        self.worker_alive.store(false, SeqCst);
    }

    /// Returns whether the receive thread has ended and no other thread is inside the host.
    pub(super) fn is_idle(&self) -> bool {
        !self.worker_alive.load(SeqCst) && !self.host_threads.is_elsewhere()
    }

    fn worker_exists(&self) -> bool {
        let worker = self.worker_number.load(SeqCst);
        worker != 0 && thread_exists(worker)
    }
}
