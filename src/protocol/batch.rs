//! "Each tracker instance accumulates announce requests until its buffer is
//! full or a timeout is reached."

use std::marker::PhantomData;

use super::outbox::{Datagram, Kind};
use crate::types::TrackerId;
use crate::wire::{Header, MAX_PAYLOAD, PacketType, Record, Trailer};

/// A packet with a list of records that is being filled.
#[derive(Debug)]
pub(super) struct Batch<R> {
    datagram: Datagram,
    capacity: usize,
    records: PhantomData<R>,
}

impl<R: Record> Batch<R> {
    /// An empty one, in which there is room for a trailer, or not.
    pub(super) fn new(id: TrackerId, packet_type: PacketType, trailer: bool) -> Self {
        let mut datagram = Datagram::empty(Kind::Numbered);
        datagram.push(&Header::new(id, packet_type).emit());
        let trailer = if trailer { Trailer::LEN } else { 0 };
        Self {
            datagram,
            capacity: (MAX_PAYLOAD - Header::LEN - trailer) / size_of::<R::Bytes>(),
            records: PhantomData,
        }
    }

    /// As many records as fit into one packet.
    #[cfg(feature = "want_sync_scrape")]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// From now on in the name of `id`.
    pub(super) fn rename(&mut self, id: TrackerId) {
        self.datagram.rename(id);
    }

    pub(super) fn len(&self) -> usize {
        (self.datagram.len() - Header::LEN) / size_of::<R::Bytes>()
    }

    /// The packet as far as it is filled.
    pub(super) fn bytes(&self) -> &[u8] {
        self.datagram.as_ref()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a record; the packet, if it is full now.
    pub(super) fn push(&mut self, record: &R) -> Option<Datagram> {
        self.datagram.push(record.emit().as_ref());
        if self.len() == self.capacity {
            self.take()
        } else {
            None
        }
    }

    /// The packet with the records so far, if there are any; the batch is empty
    /// afterwards.
    pub(super) fn take(&mut self) -> Option<Datagram> {
        let taken = (!self.is_empty()).then(|| self.datagram.clone());
        self.datagram.truncate(Header::LEN);
        taken
    }
}
