//! A packet of ours, from when it is complete until it leaves.

use std::fmt;
use std::sync::Arc;

use super::class::{Class, Destination};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Header, Trailer};

/// The kind of a packet, which decides on its trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Kind {
    /// A list of announces, which gets a number. `packet` is its serial number in
    /// [`AnnounceOrder`].
    ///
    /// [`AnnounceOrder`]: crate::protocol::repair::AnnounceOrder
    Announces { packet: u32 },
    /// A list of torrents, which gets a number.
    #[cfg_attr(
        not(feature = "want_sync_scrape"),
        expect(dead_code, reason = "only scrape sync sends some")
    )]
    Torrents,
    /// A restated announce, which gets a number, and the time at which it was made.
    Restated { made: Time },
    /// A packet of the specification with a fixed length, which gets a trailer only for its tag.
    Fixed,
    /// A packet that only nodes with trailers know.
    Ours,
    /// A retransmission, which has its trailer already.
    Retransmission,
}

impl Kind {
    /// Returns the class in which the packet waits.
    fn class(self) -> Class {
        match self {
            Self::Fixed | Self::Ours => Class::Control,
            Self::Announces { .. } | Self::Restated { .. } => Class::Live,
            Self::Retransmission => Class::Repair,
            Self::Torrents => Class::Bulk,
        }
    }
}

/// The payload of one UDP packet. Once it has left, it is kept where it lies, for retransmission.
#[derive(Clone)]
pub(in crate::protocol) struct Datagram {
    /// The packet, and behind it room for a trailer that it does not have yet.
    bytes: Arc<[u8]>,
    len: usize,
    kind: Kind,
    to: Destination,
    /// True if it has its trailer.
    sealed: bool,
    /// True if it has had one, if only under another id.
    was_sealed: bool,
}

impl Datagram {
    /// Creates a datagram from a whole packet.
    pub(in crate::protocol) fn new(packet: &[u8], kind: Kind) -> Self {
        let buffer = [packet, &[0; Trailer::LEN]].concat();
        Self::of(&buffer, kind)
    }

    /// Creates a datagram from a packet in a buffer that ends with room for a trailer.
    pub(in crate::protocol) fn of(buffer: &[u8], kind: Kind) -> Self {
        Self {
            bytes: buffer.into(),
            len: buffer.len() - Trailer::LEN,
            kind,
            to: Destination::Everyone,
            sealed: false,
            was_sealed: false,
        }
    }

    /// Creates a retransmission of a packet, with its trailer.
    pub(in crate::protocol) fn retransmitted(packet: &[u8]) -> Self {
        let mut bytes: Arc<[u8]> = packet.into();
        if let Ok((header, _)) = Header::parse(packet) {
            Arc::make_mut(&mut bytes)[..Header::LEN]
                .copy_from_slice(&header.retransmitted().emit());
        }
        Self {
            bytes,
            len: packet.len(),
            kind: Kind::Retransmission,
            to: Destination::Everyone,
            sealed: true,
            was_sealed: true,
        }
    }

    /// Returns the datagram with another destination than everyone.
    pub(in crate::protocol) fn to(self, to: Destination) -> Self {
        Self { to, ..self }
    }

    pub(super) fn destination(&self) -> Destination {
        self.to
    }

    pub(super) fn class(&self) -> Class {
        self.kind.class()
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Turns a packet with a trailer into a retransmission, which only nodes that know numbers use.
    /// Its tag stays that of its first header.
    pub(in crate::protocol) fn show_as_retransmitted(&mut self) {
        let retransmitted = Self::retransmitted(self.as_ref());
        *self = Self {
            to: self.to,
            ..retransmitted
        };
    }

    /// Appends the trailer. Returns whether it is the first one of this packet.
    pub(in crate::protocol) fn seal(&mut self, trailer: &Trailer) -> bool {
        let end = self.len + Trailer::LEN;
        Arc::make_mut(&mut self.bytes)[self.len..end].copy_from_slice(&trailer.emit());
        self.len = end;
        self.sealed = true;
        !std::mem::replace(&mut self.was_sealed, true)
    }

    /// Returns whether it has its trailer.
    pub(in crate::protocol) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Returns the whole packet with its trailer, to be kept.
    pub(in crate::protocol) fn keep(&self) -> Arc<[u8]> {
        self.bytes.clone()
    }

    pub(in crate::protocol) fn len(&self) -> usize {
        self.len
    }

    /// Writes the sender into the header, if it is another one, and takes off a trailer of the old
    /// one. What is kept of the packet stays as it was. A retransmission stays as it is, too: the
    /// NAK for it named the old id.
    pub(in crate::protocol) fn rename(&mut self, id: TrackerId) {
        if self.kind == Kind::Retransmission || self.bytes.starts_with(&id.0) {
            return;
        }
        if std::mem::take(&mut self.sealed) {
            self.len -= Trailer::LEN;
        }
        Arc::make_mut(&mut self.bytes)[..id.0.len()].copy_from_slice(&id.0);
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
