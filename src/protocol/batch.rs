//! "Each tracker instance accumulates announce requests until its buffer is
//! full or a timeout is reached."

use super::outbox::Datagram;
use crate::types::TrackerId;
use crate::wire::{Header, MAX_PAYLOAD, PacketType, PeerRecord, Record};

const RECORD: usize = size_of::<<PeerRecord as Record>::Bytes>();

/// As many whole records as fit into one packet.
const FULL: usize = Header::LEN + (MAX_PAYLOAD - Header::LEN) / RECORD * RECORD;

/// The SYNC_LIVE packet that is being filled.
#[derive(Debug)]
pub(super) struct Batch {
    datagram: Datagram,
}

impl Batch {
    pub(super) fn new(id: TrackerId) -> Self {
        let mut datagram = Datagram::EMPTY;
        datagram.push(&Header::new(id, PacketType::Live).emit());
        Self { datagram }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.datagram.len() == Header::LEN
    }

    pub(super) fn is_full(&self) -> bool {
        self.datagram.len() == FULL
    }

    /// Appends a record; the caller takes a full batch away first.
    pub(super) fn push(&mut self, record: &PeerRecord) {
        debug_assert!(!self.is_full());
        self.datagram.push(&record.emit());
    }

    /// The packet with the records so far; the batch is empty afterwards.
    pub(super) fn take(&mut self) -> Datagram {
        let taken = self.datagram.clone();
        self.datagram.truncate(Header::LEN);
        taken
    }
}
