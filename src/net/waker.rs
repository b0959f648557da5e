//! Wakes the receive thread.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// A pair of connected sockets; the receive thread waits on one of them.
#[derive(Debug)]
pub(crate) struct Waker {
    ours: UnixStream,
    theirs: UnixStream,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok(Self { ours, theirs })
    }

    /// Makes the waiting side readable. May be called from a signal handler:
    /// it is one write(2). When the pipe is full the other side is readable
    /// already.
    pub(crate) fn wake(&self) {
        let _ = (&self.ours).write(&[0]);
    }

    /// Takes all wake-ups away.
    pub(crate) fn drain(&self) {
        let mut wakeups = [0; 64];
        while (&self.theirs)
            .read(&mut wakeups)
            .is_ok_and(|count| count == wakeups.len())
        {}
    }

    /// What to wait on.
    pub(crate) fn waiting_side(&self) -> BorrowedFd<'_> {
        self.theirs.as_fd()
    }
}
