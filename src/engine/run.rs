//! Stopping in bounded time, also from a signal handler.
//!
//! The handler may have interrupted any of our functions, on a thread that
//! holds our lock, or the allocator's, or a bucket's. So to stop takes no lock
//! and no memory: it raises a flag, wakes the receive thread, and waits, but not
//! for ever, until nobody else is in the host on our behalf.
//!
//! A child of the process in which a run began has neither its receive thread nor any
//! other that may hold our locks. There the run is over without an end.

use std::sync::atomic::AtomicUsize as Unmodelled;
use std::time::Duration;

use super::in_host::{HostThreads, InHost, Waits};
use super::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use super::sync::{Instant, nap, this_thread};
use crate::net::{forks, thread_exists, thread_number};

/// The naps of a thread that waits become longer from this one on, up to the longest.
const MIN_NAP: Duration = Duration::from_micros(20);
const MAX_NAP: Duration = Duration::from_millis(1);

/// Nothing runs, in no process.
const NO_PROCESS: usize = 0;

/// Whether an engine runs, and who is in the host on its behalf.
#[derive(Debug, Default)]
pub(super) struct Run {
    stopping: AtomicBool,
    /// A stop has returned before the receive thread had ended.
    abandoned: AtomicBool,
    worker_alive: AtomicBool,
    /// The receive thread, and the kernel's number for it; 0 before there is one.
    worker: AtomicUsize,
    worker_number: AtomicI32,
    host_threads: HostThreads,
    /// The process in which the run began: how many [`forks`] there were, and one more.
    process: Unmodelled,
}

impl Run {
    /// Whether the host must not be touched any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst) || self.is_forked()
    }

    /// Whether this process is a child of the one in which the run began.
    pub(super) fn is_forked(&self) -> bool {
        let process = self.process.load(SeqCst);
        process != NO_PROCESS && process != forks() + 1
    }

    /// Whether this thread is in the host on behalf of this run.
    pub(super) fn is_delivering_here(&self) -> bool {
        self.host_threads.is_here()
    }

    /// Leave to call the host until the guard is dropped, unless we are stopping.
    /// Between two calls the caller asks [`is_stopping`](Self::is_stopping) again.
    pub(super) fn enter_host(&self) -> Option<InHost<'_>> {
        let guard = self.enter_host_to_log();
        (!self.is_stopping()).then_some(guard)
    }

    /// Leave to log, which is allowed to whoever starts, stops, or trips, too.
    pub(super) fn enter_host_to_log(&self) -> InHost<'_> {
        self.host_threads.enter()
    }

    /// Leave to log the last line, unless a stop has returned already, or is about to.
    pub(super) fn enter_host_for_last_line(&self) -> Option<InHost<'_>> {
        let guard = self.enter_host_to_log();
        (!self.abandoned.load(SeqCst)).then_some(guard)
    }

    /// The current thread waits for our lock until the guard is dropped. If it has leave to
    /// call the host, a stop does not wait for it meanwhile: who holds the lock may have been
    /// interrupted by the stop, and before it calls the host it asks again.
    pub(super) fn waits_for_lock(&self) -> Option<Waits<'_>> {
        self.host_threads.waits_here()
    }

    /// Begins to stop: from now on nobody enters the host. The caller wakes the
    /// receive thread.
    pub(super) fn begin_to_stop(&self) {
        self.stopping.store(true, SeqCst);
    }

    /// Waits until the receive thread has ended and nobody else is in the host;
    /// whether that is so. It was so, too, if somebody has started again meanwhile.
    pub(super) fn wait_until_idle(&self, patience: Duration) -> bool {
        self.wait_until(patience, || self.is_idle())
    }

    /// Waits until nobody else is in the host; whether that is so.
    pub(super) fn wait_for_host(&self, patience: Duration) -> bool {
        self.wait_until(patience, || !self.host_threads.is_elsewhere())
    }

    /// Waits until the receive thread has ended, and the kernel does not have it any more:
    /// it has a little to do after our code has ended. Whether that is so. The receive thread
    /// does not wait for itself.
    pub(super) fn wait_for_worker(&self, patience: Duration) -> bool {
        if self.worker.load(SeqCst) == this_thread() {
            return !self.worker_alive.load(SeqCst);
        }
        self.wait_until(patience, || {
            !self.worker_alive.load(SeqCst) && !self.worker_exists()
        })
    }

    /// No signal makes it longer: see [`nap`].
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

    /// A stop does not wait any longer.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, SeqCst);
    }

    /// A run begins, in this process.
    pub(super) fn begins(&self) {
        self.process.store(forks() + 1, SeqCst);
    }

    /// A run has ended, unless the receive thread is about to end it. A child may begin
    /// another one.
    pub(super) fn ends(&self) {
        if !self.worker_alive.load(SeqCst) {
            self.process.store(NO_PROCESS, SeqCst);
        }
    }

    /// Ready to run again.
    pub(super) fn reset(&self) {
        self.abandoned.store(false, SeqCst);
        self.stopping.store(false, SeqCst);
    }

    /// The receive thread is about to start.
    pub(super) fn worker_starts(&self) {
        self.worker.store(0, SeqCst);
        self.worker_alive.store(true, SeqCst);
    }

    /// Called by the receive thread when it begins.
    pub(super) fn worker_began(&self) {
        self.worker.store(this_thread(), SeqCst);
        self.worker_number.store(thread_number(), SeqCst);
    }

    /// The receive thread has done the last thing it does.
    pub(super) fn worker_ended(&self) {
        // First of all, as from then on somebody may begin again.
        if !self.is_forked() {
            self.process.store(NO_PROCESS, SeqCst);
        }
        self.worker_alive.store(false, SeqCst);
    }

    /// Whether the receive thread has ended and nobody else is in the host.
    pub(super) fn is_idle(&self) -> bool {
        !self.worker_alive.load(SeqCst) && !self.host_threads.is_elsewhere()
    }

    fn worker_exists(&self) -> bool {
        let worker = self.worker_number.load(SeqCst);
        worker != 0 && thread_exists(worker)
    }
}
