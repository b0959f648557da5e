//! Where datagrams are received to, many at a time.

use std::collections::VecDeque;
use std::io;
use std::iter;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::arrival::Arrival;
use super::mmsg::{MESSAGES, receive_messages, refuse_segments};
use super::sys::receive;

/// Buffers begin at pages of their own, so that each short datagram touches one.
const PAGE: usize = 4096;

/// Room for one batch of datagrams, and what of the last one was not taken yet.
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
    /// Where the datagrams came from, when, and where they are in the buffers.
    datagrams: VecDeque<(Option<SocketAddr>, Option<Duration>, Range<usize>)>,
    /// All that waited was received last.
    drained: bool,
    /// The kernel does not receive several at once.
    one_by_one: bool,
}

impl Inbox {
    /// Of a datagram that is longer than `longest` the rest is cut off.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            buffers: vec![0; MESSAGES * longest.next_multiple_of(PAGE)],
            longest,
            arrivals: [Arrival::default(); MESSAGES],
            datagrams: VecDeque::new(),
            drained: false,
            one_by_one: false,
        }
    }

    /// Whether all was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Receives what has arrived, as much as there is room for and so many messages `at_most`,
    /// without blocking, whatever the mode of the socket: how many messages. What was not taken
    /// before is gone.
    pub(crate) fn receive(&mut self, fd: BorrowedFd<'_>, at_most: usize) -> io::Result<usize> {
        self.datagrams.clear();
        let arrived = match self.receive_some(fd, at_most) {
            // An interruption, or an error that an earlier packet left behind: said
            // once, and gone.
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => self.receive_some(fd, at_most)?,
            arrived => arrived?,
        };
        let size = self.longest.next_multiple_of(PAGE);
        for (i, arrival) in self.arrivals[..arrived].iter().enumerate() {
            let Arrival { source, stamp, .. } = *arrival;
            let datagrams = split(i * size, arrival).map(|datagram| (source, stamp, datagram));
            self.datagrams.extend(datagrams);
        }
        self.drained = arrived < at_most.min(MESSAGES);
        Ok(arrived)
    }

    /// Whether nothing else has arrived, as far as we know, once so many are taken.
    pub(crate) fn is_drained_by(&self, taken: usize) -> bool {
        self.drained && self.datagrams.len() <= taken
    }

    /// Takes so many datagrams at most, in the order in which they arrived, and where each
    /// came from unless that is no IP address.
    pub(crate) fn take(
        &mut self,
        most: usize,
    ) -> impl ExactSizeIterator<Item = (Option<SocketAddr>, &[u8])> {
        let taken = self.take_stamped(most);
        taken.map(|(source, _, datagram)| (source, datagram))
    }

    /// The same, and when each arrived by the clock on the wall, if the kernel says so.
    pub(crate) fn take_stamped(
        &mut self,
        most: usize,
    ) -> impl ExactSizeIterator<Item = (Option<SocketAddr>, Option<Duration>, &[u8])> {
        let taken = self.datagrams.drain(..most.min(self.datagrams.len()));
        taken.map(|(source, stamp, datagram)| (source, stamp, &self.buffers[datagram]))
    }

    fn receive_some(&mut self, fd: BorrowedFd<'_>, at_most: usize) -> io::Result<usize> {
        let longest = self.longest;
        let buffers = self.buffers.chunks_mut(longest.next_multiple_of(PAGE));
        let buffers = buffers.map(|buffer| &mut buffer[..longest]).take(at_most);
        if !self.one_by_one {
            match receive_messages(fd, buffers, &mut self.arrivals) {
                Err(e) if e.raw_os_error() == Some(libc::ENOSYS) => {
                    self.one_by_one = true;
                    // Received one by one they do not say how long they are.
                    refuse_segments(fd);
                }
                received => return received,
            }
        }
        let (len, source) = receive(fd, &mut self.buffers[..longest])?;
        self.arrivals[0] = Arrival {
            len,
            source,
            ..Arrival::default()
        };
        Ok(1)
    }
}

/// Where the datagrams of a message are that begins at `start`. An empty one is one, too.
fn split(start: usize, message: &Arrival) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = start + message.len;
    let segment = message.segment.unwrap_or(usize::MAX);
    let next = move |datagram: &Range<usize>| {
        (datagram.end < end).then(|| datagram.end..end.min(datagram.end.saturating_add(segment)))
    };
    iter::successors(Some(start..end.min(start.saturating_add(segment))), next)
}
