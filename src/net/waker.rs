//! Wakes the receive thread.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::process::close_inherited;
use super::sys::above_stdio;

/// A pair of connected sockets; the receive thread waits on one of them.
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

    /// In a child that never uses or drops this: closes its descriptors.
    pub(crate) fn close_inherited(&self) {
        close_inherited(self.ours.as_fd());
        close_inherited(self.theirs.as_fd());
    }

    /// What to wait on.
    pub(crate) fn waiting_side(&self) -> BorrowedFd<'_> {
        self.theirs.as_fd()
    }
}
