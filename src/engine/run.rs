//! Stopping in bounded time, also from a signal handler.
//!
//! The handler may have interrupted any of our functions, on a thread that
//! holds our lock, or the allocator's, or a bucket's. So to stop takes no lock
//! and no memory: it raises a flag, wakes the receive thread, and waits, but not
//! for ever, until nobody else is in the host on our behalf.

use std::cell::Cell;
use std::time::Duration;

use super::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use super::sync::{Instant, thread, thread_local};
use crate::net::{thread_exists, thread_number};

thread_local! {
    /// The run on whose behalf this thread is in the host.
    static IN_HOST_FOR: Cell<*const Run> = const { Cell::new(std::ptr::null()) };
}

/// Whether an engine runs, and who is in the host on its behalf.
#[derive(Debug, Default)]
pub(super) struct Run {
    stopping: AtomicBool,
    /// A stop has returned before the receive thread had ended.
    abandoned: AtomicBool,
    worker_alive: AtomicBool,
    /// The kernel's number for the receive thread, 0 before there is one.
    worker: AtomicI32,
    in_host: AtomicUsize,
}

impl Run {
    /// Whether the host must not be touched any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// Whether this thread is in the host on behalf of this run.
    pub(super) fn is_delivering_here(&self) -> bool {
        IN_HOST_FOR.with(Cell::get) == std::ptr::from_ref(self)
    }

    /// Whether this thread is in a host on behalf of any run.
    pub(super) fn any_is_delivering_here() -> bool {
        !IN_HOST_FOR.with(Cell::get).is_null()
    }

    /// Leave to call the host until the guard is dropped, unless we are stopping.
    /// Between two calls the caller asks [`is_stopping`](Self::is_stopping) again.
    pub(super) fn enter_host(&self) -> Option<InHost<'_>> {
        let guard = self.enter_host_to_log();
        (!self.is_stopping()).then_some(guard)
    }

    /// Leave to log, which is allowed to whoever starts, stops, or trips, too.
    pub(super) fn enter_host_to_log(&self) -> InHost<'_> {
        let nested = self.is_delivering_here();
        // Marked before it is counted, so that a signal handler on this thread
        // never waits for the code that it interrupted.
        let before = IN_HOST_FOR.with(|run| run.replace(self));
        if !nested {
            self.in_host.fetch_add(1, SeqCst);
        }
        InHost {
            run: self,
            before,
            nested,
        }
    }

    /// Begins to stop: from now on nobody enters the host. The caller wakes the
    /// receive thread.
    pub(super) fn begin_to_stop(&self) {
        self.stopping.store(true, SeqCst);
    }

    /// Waits until the receive thread has ended and nobody else is in the host;
    /// whether that is so. It was so, too, if somebody has started again meanwhile.
    pub(super) fn wait_until_idle(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.is_stopping() && !self.is_idle() {
            if start.elapsed() >= patience {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// A stop does not wait any longer.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, SeqCst);
    }

    /// Whether a stop has returned before the receive thread had ended.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(SeqCst)
    }

    /// Ready to run again.
    pub(super) fn reset(&self) {
        self.abandoned.store(false, SeqCst);
        self.stopping.store(false, SeqCst);
    }

    /// The receive thread is about to start.
    pub(super) fn worker_starts(&self) {
        self.worker_alive.store(true, SeqCst);
    }

    /// Called by the receive thread when it begins.
    pub(super) fn worker_began(&self) {
        self.worker.store(thread_number(), SeqCst);
    }

    /// The receive thread has done the last thing it does.
    pub(super) fn worker_ended(&self) {
        self.worker_alive.store(false, SeqCst);
    }

    /// Whether the receive thread has ended and nobody else is in the host.
    pub(super) fn is_idle(&self) -> bool {
        let here = usize::from(self.is_delivering_here());
        !self.worker_alive.load(SeqCst) && self.in_host.load(SeqCst) <= here
    }

    /// Waits a moment until the kernel does not have the receive thread any more: it
    /// has a little to do after our code has ended, which must not race with the end
    /// of the process.
    pub(super) fn wait_for_worker_to_vanish(&self) {
        for _ in 0..20 {
            if self.worker_alive.load(SeqCst) || !self.worker_exists() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn worker_exists(&self) -> bool {
        let worker = self.worker.load(SeqCst);
        worker != 0 && thread_exists(worker)
    }
}

/// Somebody is in the host.
pub(super) struct InHost<'a> {
    run: &'a Run,
    before: *const Run,
    /// This thread was there already, and is counted.
    nested: bool,
}

impl Drop for InHost<'_> {
    fn drop(&mut self) {
        if !self.nested {
            self.run.in_host.fetch_sub(1, SeqCst);
        }
        IN_HOST_FOR.with(|run| run.set(self.before));
    }
}
