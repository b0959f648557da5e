//! "Each tracker instance accumulates announce requests until its buffer is
//! full or a timeout is reached."

use std::marker::PhantomData;

use super::outbox::Datagram;
use crate::types::TrackerId;
use crate::wire::{Header, MAX_PAYLOAD, PacketType, Record};

/// A packet with a list of records that is being filled.
#[derive(Debug)]
pub(super) struct Batch<R> {
    datagram: Datagram,
    records: PhantomData<R>,
}

impl<R: Record> Batch<R> {
    /// As many records as fit into one packet.
    pub(super) const CAPACITY: usize = (MAX_PAYLOAD - Header::LEN) / size_of::<R::Bytes>();

    pub(super) fn new(id: TrackerId, packet_type: PacketType) -> Self {
        let mut datagram = Datagram::EMPTY;
        datagram.push(&Header::new(id, packet_type).emit());
        Self {
            datagram,
            records: PhantomData,
        }
    }

    pub(super) fn len(&self) -> usize {
        (self.datagram.len() - Header::LEN) / size_of::<R::Bytes>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == Self::CAPACITY
    }

    /// Appends a record; the caller takes a full batch away first.
    pub(super) fn push(&mut self, record: &R) {
        debug_assert!(!self.is_full());
        self.datagram.push(record.emit().as_ref());
    }

    /// The packet with the records so far; the batch is empty afterwards.
    pub(super) fn take(&mut self) -> Datagram {
        let taken = self.datagram.clone();
        self.datagram.truncate(Header::LEN);
        taken
    }
}
