//! Several descriptors as one, for a host that waits on only one of ours.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::process::close_inherited;
use super::sys;

/// A descriptor that is readable while one of those in it is.
#[derive(Debug)]
pub(crate) struct PollSet {
    epoll: OwnedFd,
}

impl PollSet {
    pub(crate) fn new() -> io::Result<Self> {
        sys::epoll_create().map(|epoll| Self { epoll })
    }

    /// Adds a descriptor. It leaves the set when it is closed.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        sys::epoll_add(self.epoll.as_fd(), fd)
    }

    /// Removes a descriptor, if it is there.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        sys::epoll_remove(self.epoll.as_fd(), fd);
    }

    /// In a child that never uses or drops this: closes its descriptor. What is in the set is
    /// the parent's, too, and stays there.
    pub(crate) fn close_inherited(&self) {
        close_inherited(self.fd());
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
