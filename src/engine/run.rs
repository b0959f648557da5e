//! Stopping in bounded time, also from a signal handler.
//!
//! The handler may have interrupted any of our functions, on a thread that
//! holds our lock, or the allocator's, or a bucket's. So to stop takes no lock
//! and no memory: it raises a flag, wakes the receive thread, and waits, but not
//! for ever, until nobody else is in the host on our behalf.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    /// The run on whose behalf this thread is in the host.
    static IN_HOST_FOR: Cell<*const Run> = const { Cell::new(std::ptr::null()) };
}

/// Whether an engine runs, and who is in the host on its behalf.
#[derive(Debug, Default)]
pub(super) struct Run {
    stopping: AtomicBool,
    worker_alive: AtomicBool,
    in_host: AtomicUsize,
}

impl Run {
    /// Whether the host must not be touched any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// Whether this thread is in the host on behalf of this run.
    pub(super) fn is_delivering_here(&self) -> bool {
        IN_HOST_FOR.get() == std::ptr::from_ref(self)
    }

    /// Leave to call the host until the guard is dropped, unless we are stopping.
    /// Between two calls the caller asks [`is_stopping`](Self::is_stopping) again.
    pub(super) fn enter_host(&self) -> Option<InHost<'_>> {
        // Marked before it is counted, so that a signal handler on this thread
        // never waits for the code that it interrupted.
        let before = IN_HOST_FOR.replace(self);
        self.in_host.fetch_add(1, SeqCst);
        let guard = InHost { run: self, before };
        (!self.is_stopping()).then_some(guard)
    }

    /// Begins to stop: from now on nobody enters the host. The caller wakes the
    /// receive thread.
    pub(super) fn begin_to_stop(&self) {
        self.stopping.store(true, SeqCst);
    }

    /// Waits until the receive thread has ended and nobody else is in the host;
    /// whether that is so.
    pub(super) fn wait_until_idle(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while !self.is_idle() {
            if start.elapsed() >= patience {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Ready to run again.
    pub(super) fn reset(&self) {
        self.stopping.store(false, SeqCst);
    }

    /// The receive thread is about to start.
    pub(super) fn worker_starts(&self) {
        self.worker_alive.store(true, SeqCst);
    }

    /// The receive thread has done the last thing it does.
    pub(super) fn worker_ended(&self) {
        self.worker_alive.store(false, SeqCst);
    }

    fn is_idle(&self) -> bool {
        let here = usize::from(self.is_delivering_here());
        !self.worker_alive.load(SeqCst) && self.in_host.load(SeqCst) <= here
    }
}

/// Somebody is in the host.
pub(super) struct InHost<'a> {
    run: &'a Run,
    before: *const Run,
}

impl Drop for InHost<'_> {
    fn drop(&mut self) {
        self.run.in_host.fetch_sub(1, SeqCst);
        IN_HOST_FOR.set(self.before);
    }
}
