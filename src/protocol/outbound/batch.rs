//! Fills packets with records. "Each tracker instance accumulates announce requests until its
//! buffer is full or a timeout is reached."

use std::marker::PhantomData;

use super::datagram::{Datagram, Kind};
use crate::types::TrackerId;
use crate::wire::{Header, PacketType, Record, Trailer};

/// A packet with a list of records that is being filled.
#[derive(Debug)]
pub(in crate::protocol) struct Batch<R> {
    /// The packet, with room for a trailer at its end.
    packet: Box<[u8]>,
    len: usize,
    /// The length of a full packet, in bytes.
    full: usize,
    /// The kind of packet this becomes.
    kind: Kind,
    records: PhantomData<R>,
}

impl<R: Record> Batch<R> {
    /// Creates an empty batch of packets of at most `longest` bytes, without trailers.
    pub(in crate::protocol) fn new(
        id: TrackerId,
        packet_type: PacketType,
        kind: Kind,
        longest: usize,
    ) -> Self {
        let mut packet = vec![0; longest + Trailer::LEN];
        packet[..Header::LEN].copy_from_slice(&Header::new(id, packet_type).emit());
        let room = longest - Header::LEN;
        Self {
            packet: packet.into(),
            len: Header::LEN,
            full: Header::LEN + room - room % size_of::<R::Bytes>(),
            kind,
            records: PhantomData,
        }
    }

    /// Names `id` as the sender from now on.
    pub(in crate::protocol) fn rename(&mut self, id: TrackerId) {
        self.packet[..id.0.len()].copy_from_slice(&id.0);
    }

    /// Begins a packet of this kind, unless one is begun already. Returns the kind of the packet.
    pub(in crate::protocol) fn begin(&mut self, kind: impl FnOnce() -> Kind) -> Kind {
        if self.is_empty() {
            self.kind = kind();
        }
        self.kind
    }

    pub(in crate::protocol) fn is_empty(&self) -> bool {
        self.len == Header::LEN
    }

    /// Appends a record. Returns whether the packet is full now.
    #[inline]
    pub(in crate::protocol) fn push(&mut self, record: &R) -> bool {
        let record = record.emit();
        let record = record.as_ref();
        self.packet[self.len..][..record.len()].copy_from_slice(record);
        self.len += record.len();
        self.len == self.full
    }

    /// Takes the packet with the records so far, if there are any. The batch is empty afterwards.
    pub(in crate::protocol) fn take(&mut self) -> Option<Datagram> {
        let taken = !self.is_empty();
        let taken = taken.then(|| Datagram::of(&self.packet[..self.len + Trailer::LEN], self.kind));
        self.len = Header::LEN;
        taken
    }
}

#[cfg(feature = "want_sync_scrape")]
impl<R: Record> Batch<R> {
    /// Returns how many records fit into one packet.
    pub(in crate::protocol) fn capacity(&self) -> usize {
        (self.full - Header::LEN) / size_of::<R::Bytes>()
    }

    /// Returns how many records are in the packet that is being filled.
    pub(in crate::protocol) fn records(&self) -> usize {
        (self.len - Header::LEN) / size_of::<R::Bytes>()
    }
}
