//! Where datagrams are received to, many at a time.

use std::io;
use std::iter;
use std::net::SocketAddrV4;
use std::os::fd::BorrowedFd;

use super::mmsg::{MESSAGES, receive_messages};
use super::sys::receive;

/// Buffers begin at pages of their own, so that each short datagram touches one.
const PAGE: usize = 4096;

/// Room for one batch of datagrams, and what has arrived last.
///
/// The memory is taken, but not touched until it is used: a batch of short datagrams uses
/// 32 KiB, and only one in which the kernel has put many datagrams together all of it,
/// 512 KiB.
#[derive(Debug)]
pub(crate) struct Inbox {
    buffers: Vec<u8>,
    /// How long a datagram may be.
    longest: usize,
    arrivals: [Arrival; MESSAGES],
    /// How many of them count.
    pub(super) arrived: usize,
    /// The kernel does not receive several at once.
    one_by_one: bool,
}

/// What has arrived as one message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrival {
    pub(super) len: usize,
    /// None, if that is no IPv4 address.
    pub(super) source: Option<SocketAddrV4>,
    /// How long its datagrams are, if there are several. The last one may be shorter.
    pub(super) segment: Option<usize>,
}

impl Inbox {
    /// Of a datagram that is longer than `longest` the rest is cut off.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            buffers: vec![0; MESSAGES * longest.next_multiple_of(PAGE)],
            longest,
            arrivals: [Arrival::default(); MESSAGES],
            arrived: 0,
            one_by_one: false,
        }
    }

    /// Receives what has arrived, as much as there is room for, without blocking, whatever
    /// the mode of the socket: how many datagrams.
    pub(crate) fn receive(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        self.arrived = 0;
        self.arrived = match self.receive_some(fd) {
            // An interruption, or an error that an earlier packet left behind: said
            // once, and gone.
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => self.receive_some(fd)?,
            arrived => arrived?,
        };
        Ok(self.datagrams().count())
    }

    /// What has arrived last, in that order, and where it came from unless that is no IPv4
    /// address.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (Option<SocketAddrV4>, &[u8])> {
        let buffers = self.buffers.chunks(self.longest.next_multiple_of(PAGE));
        let arrivals = self.arrivals[..self.arrived].iter();
        arrivals.zip(buffers).flat_map(|(arrival, buffer)| {
            let datagrams = split(&buffer[..arrival.len], arrival.segment);
            datagrams.map(|datagram| (arrival.source, datagram))
        })
    }

    fn receive_some(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let longest = self.longest;
        let buffers = self.buffers.chunks_mut(longest.next_multiple_of(PAGE));
        let buffers = buffers.map(|buffer| &mut buffer[..longest]);
        if !self.one_by_one {
            match receive_messages(fd, buffers, &mut self.arrivals) {
                Err(e) if e.raw_os_error() == Some(libc::ENOSYS) => self.one_by_one = true,
                received => return received,
            }
        }
        let (len, source) = receive(fd, &mut self.buffers[..longest])?;
        self.arrivals[0] = Arrival {
            len,
            source,
            segment: None,
        };
        Ok(1)
    }
}

/// The datagrams in a message. An empty one is one, too.
fn split(message: &[u8], segment: Option<usize>) -> impl Iterator<Item = &[u8]> {
    let segment = segment.unwrap_or(usize::MAX);
    let (first, others) = message.split_at(segment.min(message.len()));
    iter::once(first).chain(others.chunks(segment))
}
