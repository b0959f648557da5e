//! Packets that are complete and wait to be sent, oldest first.

use std::collections::VecDeque;
use std::fmt;

use crate::wire::MAX_PAYLOAD;

/// How many packets wait at most, when the network does not take them.
const CAPACITY: usize = 1024;

/// The payload of one UDP packet.
#[derive(Clone)]
pub struct Datagram {
    len: usize,
    bytes: [u8; MAX_PAYLOAD],
}

impl Datagram {
    pub(super) const EMPTY: Self = Self {
        len: 0,
        bytes: [0; MAX_PAYLOAD],
    };

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
    }
}

impl AsRef<[u8]> for Datagram {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Debug for Datagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Datagram({} bytes)", self.len)
    }
}

/// A bounded queue of packets. When it overflows the oldest packet is lost:
/// what is newest in it replaces what is oldest most likely.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Datagram>,
}

impl Outbox {
    /// Appends a packet; the packet that was lost for it, if any.
    pub(super) fn push(&mut self, datagram: Datagram) -> Option<Datagram> {
        let lost = if self.waiting.len() == CAPACITY {
            self.waiting.pop_front()
        } else {
            None
        };
        self.waiting.push_back(datagram);
        lost
    }

    /// Puts a packet back that could not be sent, to the front.
    pub(super) fn put_back(&mut self, datagram: Datagram) {
        self.waiting.push_front(datagram);
    }

    pub(super) fn pop(&mut self) -> Option<Datagram> {
        self.waiting.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
