//! Several descriptors as one, for a host loop that waits on a single descriptor.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::process::close_inherited;
use super::sys;

/// A set of descriptors whose own descriptor is readable while one of them is.
#[derive(Debug)]
pub(crate) struct PollSet {
    epoll: OwnedFd,
}

impl PollSet {
    pub(crate) fn new() -> io::Result<Self> {
        sys::epoll_create().map(|epoll| Self { epoll })
    }

    /// Adds a descriptor. Closing it removes it from the set.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        sys::epoll_add(self.epoll.as_fd(), fd)
    }

    /// Removes a descriptor, if the set contains it.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        sys::epoll_remove(self.epoll.as_fd(), fd);
    }

    /// Closes the descriptor in a forked child, which never uses or drops this set afterwards. The
    /// set itself, which the parent shares, stays as it is.
    pub(crate) fn close_inherited(&self) {
        close_inherited(self.fd());
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
