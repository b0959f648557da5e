//! The stand-in for `mmsg` on systems without its system calls: it refuses each call, so callers
//! send and receive each datagram with a system call of its own.

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use super::arrival::ReceivedMessage;

pub(super) const MAX_MESSAGES: usize = 1;

pub(super) fn accept_segments(_fd: BorrowedFd<'_>) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

pub(super) fn refuse_segments(_fd: BorrowedFd<'_>) {}

pub(super) fn stamp_arrivals(_fd: BorrowedFd<'_>) {}

pub(super) fn drops(_fd: BorrowedFd<'_>) -> u32 {
    0
}

pub(super) fn send_messages<'a>(
    _fd: BorrowedFd<'_>,
    _messages: impl Iterator<Item = &'a [IoSlice<'a>]>,
) -> io::Result<usize> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

pub(super) fn receive_messages<'a>(
    _fd: BorrowedFd<'_>,
    _buffers: impl Iterator<Item = &'a mut [u8]>,
    _arrivals: &mut [ReceivedMessage; MAX_MESSAGES],
) -> io::Result<usize> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
