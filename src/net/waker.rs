//! The waker of the receive thread and of the host loop.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::process::close_inherited;
use super::sys::above_stdio;

/// A pair of connected sockets. The thread that is to be woken waits on one of them.
#[derive(Debug)]
pub(crate) struct Waker {
    ours: UnixStream,
    theirs: UnixStream,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let [ours, theirs] = [above_stdio(ours)?, above_stdio(theirs)?].map(UnixStream::from);
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok(Self { ours, theirs })
    }

    /// Makes the waiting side readable. A signal handler may call it, because it is one write(2).
    /// If the socket is full, the other side is readable already.
    pub(crate) fn wake(&self) {
        let _ = (&self.ours).write(&[0]);
    }

    /// Consumes all wake-ups.
    pub(crate) fn drain(&self) {
        let mut wakeups = [0; 64];
        while (&self.theirs)
            .read(&mut wakeups)
            .is_ok_and(|count| count == wakeups.len())
        {}
    }

    /// Closes the descriptors in a forked child, which never uses or drops this waker afterwards.
    pub(crate) fn close_inherited(&self) {
        close_inherited(self.ours.as_fd());
        close_inherited(self.theirs.as_fd());
    }

    /// Returns the descriptor to wait on, which is readable after a wake-up.
    pub(crate) fn waiting_side(&self) -> BorrowedFd<'_> {
        self.theirs.as_fd()
    }
}
