//! The identity of the current thread, and the detection of forks.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};

use super::sys::NoSignals;

/// The number of forks between the first process that has loaded this library and this one.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of forks between the first process and this one. A child that was forked by
/// fork(2) after [`watch_forks`] has another number than its parent.
pub(crate) fn forks() -> usize {
    FORKS.load(SeqCst)
}

/// Counts the forks of this process from now on.
///
/// The handler is registered for the object that this code is linked into, so dlclose(3) removes
/// it.
///
/// # Errors
/// The error of `pthread_atfork(3)`, if there is no memory for the handler.
pub(crate) fn watch_forks() -> io::Result<()> {
    static WATCH: Once = Once::new();
    static ERROR: AtomicI32 = AtomicI32::new(0);

    unsafe extern "C" fn forked() {
        FORKS.fetch_add(1, SeqCst);
    }

    WATCH.call_once(|| {
        // pthread_atfork(3) takes a lock that exit(3) takes, too. A signal handler that ends the
        // process must not run in the middle of it.
        let _no_signals = NoSignals::new();
        // SAFETY: the handler takes no arguments, and only does what is permitted in a child whose
        // parent has several threads.
        let error = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
        ERROR.store(error, SeqCst);
    });
    match ERROR.load(SeqCst) {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Closes a descriptor that a child has inherited. Its owner must never be used or dropped
/// afterwards, because another file may get the same number.
pub(super) fn close_inherited(fd: BorrowedFd<'_>) {
    // SAFETY: the call takes no pointers, and nothing closes the descriptor a second time.
    unsafe { libc::close(fd.as_raw_fd()) };
}

/// Returns a number of the current thread that is never 0, and that no other thread has at the same
/// time. A signal handler may call it, because it touches no thread-local variable.
pub(crate) fn this_thread() -> usize {
    // SAFETY: the function takes no arguments.
    unsafe { libc::pthread_self() as usize }
}
