//! The threads of this process, and whether the process is still the one that it was.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};

use super::sys::NoSignals;

/// How many forks lie between the first process that loaded this library and this one.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// How many forks lie between the first process and this one. A child has another number
/// than its parent, if it was forked by fork(2) after [`watch_forks`].
pub(crate) fn forks() -> usize {
    FORKS.load(SeqCst)
}

/// Counts the forks of this process from now on.
///
/// The handler is registered for the object that this code is linked into, so that
/// dlclose(3) takes it away.
pub(crate) fn watch_forks() -> io::Result<()> {
    static WATCH: Once = Once::new();
    static ERROR: AtomicI32 = AtomicI32::new(0);

    unsafe extern "C" fn forked() {
        FORKS.fetch_add(1, SeqCst);
    }

    WATCH.call_once(|| {
        // It takes a lock that exit(3) takes, too: a signal handler that ends the process must
        // not come in the midst of that.
        let _no_signals = NoSignals::new();
        // SAFETY: the handler takes no arguments, and does what a child may do whose
        // parent has several threads.
        let error = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
        ERROR.store(error, SeqCst);
    });
    match ERROR.load(SeqCst) {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Closes a descriptor that a child has inherited, and whose owner is never used again and
/// never dropped: what has the same number later is somebody else's.
pub(super) fn close_inherited(fd: BorrowedFd<'_>) {
    // SAFETY: a call without pointers; as said above, nobody closes it a second time.
    unsafe { libc::close(fd.as_raw_fd()) };
}

/// A number for the current thread that no other thread has at the same time; never 0.
/// A signal handler may ask: no thread-local variable is touched.
pub(crate) fn this_thread() -> usize {
    // SAFETY: a call without arguments.
    unsafe { libc::pthread_self() as usize }
}
