//! The buffer into which datagrams are received, many at a time.

use std::collections::VecDeque;
use std::io;
use std::iter;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::arrival::ReceivedMessage;
use super::mmsg::{MAX_MESSAGES, receive_messages, refuse_segments};
use super::sys::receive;

/// The alignment of the buffers of messages. Each begins on a page of its own, so that a short
/// datagram touches only one page.
const PAGE: usize = 4096;

/// One batch of received datagrams, from which the caller takes them.
///
/// The memory is reserved, but not touched until it is used. A batch of short datagrams uses 32
/// KiB, and only one whose messages contain many datagrams each uses all 512 KiB.
#[derive(Debug)]
pub(crate) struct Inbox {
    buffers: Vec<u8>,
    /// The length of the longest datagram that is received whole, in bytes.
    longest: usize,
    arrivals: [ReceivedMessage; MAX_MESSAGES],
    /// The source, the time of arrival and the place in the buffers of each datagram that was not
    /// taken yet.
    datagrams: VecDeque<(Option<SocketAddr>, Option<Duration>, Range<usize>)>,
    /// True if the last call has received all messages that waited.
    drained: bool,
    /// True if the kernel receives only one message with each system call.
    one_by_one: bool,
}

impl Inbox {
    /// Creates an empty inbox. A datagram is cut off after `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            buffers: vec![0; MAX_MESSAGES * longest.next_multiple_of(PAGE)],
            longest,
            arrivals: [ReceivedMessage::default(); MAX_MESSAGES],
            datagrams: VecDeque::new(),
            drained: false,
            one_by_one: false,
        }
    }

    /// Returns whether all datagrams were taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Receives at most `at_most` messages, as far as there is room for them, and returns how many
    /// they were. It does not block, whatever the mode of the socket. It discards datagrams that
    /// were not taken before.
    ///
    /// # Errors
    /// `WouldBlock` if no message waits, and any other error that persists.
    pub(crate) fn receive(&mut self, fd: BorrowedFd<'_>, at_most: usize) -> io::Result<usize> {
        self.datagrams.clear();
        let arrived = match self.receive_some(fd, at_most) {
            // An interruption, or an error that an earlier packet has left behind, which the kernel
            // reports once.
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => self.receive_some(fd, at_most)?,
            arrived => arrived?,
        };
        let size = self.longest.next_multiple_of(PAGE);
        for (i, arrival) in self.arrivals[..arrived].iter().enumerate() {
            let ReceivedMessage { source, stamp, .. } = *arrival;
            let datagrams = split(i * size, arrival).map(|datagram| (source, stamp, datagram));
            self.datagrams.extend(datagrams);
        }
        self.drained = arrived < at_most.min(MAX_MESSAGES);
        Ok(arrived)
    }

    /// Returns whether, as far as is known, no datagram waits any more once `taken` of this batch
    /// are taken.
    pub(crate) fn is_drained_by(&self, taken: usize) -> bool {
        self.drained && self.datagrams.len() <= taken
    }

    /// Takes at most `most` datagrams, in the order of their arrival, each with its source unless
    /// that is no IP address.
    pub(crate) fn take(
        &mut self,
        most: usize,
    ) -> impl ExactSizeIterator<Item = (Option<SocketAddr>, &[u8])> {
        let taken = self.take_stamped(most);
        taken.map(|(source, _, datagram)| (source, datagram))
    }

    /// Takes datagrams as [`take`](Self::take) does, each with its time of arrival as well, if the
    /// kernel stamps messages.
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
                    // recvfrom(2) does not say how long the datagrams of a message are.
                    refuse_segments(fd);
                }
                received => return received,
            }
        }
        let (len, source) = receive(fd, &mut self.buffers[..longest])?;
        self.arrivals[0] = ReceivedMessage {
            len,
            source,
            ..ReceivedMessage::default()
        };
        Ok(1)
    }
}

/// Iterates over the places of the datagrams of a message that begins at `start`. An empty message
/// is one empty datagram.
fn split(start: usize, message: &ReceivedMessage) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = start + message.len;
    let segment = message.segment.unwrap_or(usize::MAX);
    let next = move |datagram: &Range<usize>| {
        (datagram.end < end).then(|| datagram.end..end.min(datagram.end.saturating_add(segment)))
    };
    iter::successors(Some(start..end.min(start.saturating_add(segment))), next)
}
