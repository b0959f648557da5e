//! A packet of ours, from when it is complete until it has left.

use std::fmt;
use std::sync::Arc;

use super::class::{Class, Destination};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Header, Trailer};

/// What a packet is to its trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Kind {
    /// A list of announces: it gets a number. [`AnnounceOrder`] knows it by this serial number.
    ///
    /// [`AnnounceOrder`]: crate::protocol::repair::AnnounceOrder
    Announces { packet: u32 },
    /// A list of torrents: it gets a number.
    #[cfg_attr(
        not(feature = "want_sync_scrape"),
        expect(dead_code, reason = "only scrape sync sends some")
    )]
    Torrents,
    /// An announce that is restated: it gets a number, and the time when it was made.
    Restated { made: Time },
    /// A packet of the specification whose length is fixed: it gets a trailer only if
    /// that is to prove something.
    Fixed,
    /// A packet that only those know who know trailers.
    Ours,
    /// Sent before, with all that belongs to it.
    Retransmission,
}

impl Kind {
    /// In which queue it waits.
    fn class(self) -> Class {
        match self {
            Self::Fixed | Self::Ours => Class::Control,
            Self::Announces { .. } | Self::Restated { .. } => Class::Live,
            Self::Retransmission => Class::Repair,
            Self::Torrents => Class::Bulk,
        }
    }
}

/// The payload of one UDP packet. Once it has left it is kept where it lies, for those who
/// miss it.
#[derive(Clone)]
pub(in crate::protocol) struct Datagram {
    /// The packet, and behind it the room for a trailer that it does not have yet.
    bytes: Arc<[u8]>,
    len: usize,
    kind: Kind,
    to: Destination,
    /// It has its trailer.
    sealed: bool,
    /// It has had one, if only under another id.
    was_sealed: bool,
}

impl Datagram {
    /// A whole packet.
    pub(in crate::protocol) fn new(packet: &[u8], kind: Kind) -> Self {
        let buffer = [packet, &[0; Trailer::LEN]].concat();
        Self::of(&buffer, kind)
    }

    /// The packet in a buffer, behind which there is room for a trailer.
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

    /// A packet that was sent before, with all that belongs to it.
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

    /// The same, with another destination than everyone.
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

    /// As one that was sent before it is heard only where numbers are known. It has its trailer
    /// already, in which a tag is that of its first header.
    pub(in crate::protocol) fn show_as_retransmitted(&mut self) {
        let retransmitted = Self::retransmitted(self.as_ref());
        *self = Self {
            to: self.to,
            ..retransmitted
        };
    }

    /// Puts the trailer behind it; whether it is its first one.
    pub(in crate::protocol) fn seal(&mut self, trailer: &Trailer) -> bool {
        let end = self.len + Trailer::LEN;
        Arc::make_mut(&mut self.bytes)[self.len..end].copy_from_slice(&trailer.emit());
        self.len = end;
        self.sealed = true;
        !std::mem::replace(&mut self.was_sealed, true)
    }

    /// Whether it has its trailer.
    pub(in crate::protocol) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The whole of it, with its trailer, to be kept.
    pub(in crate::protocol) fn keep(&self) -> Arc<[u8]> {
        self.bytes.clone()
    }

    pub(in crate::protocol) fn len(&self) -> usize {
        self.len
    }

    /// Writes the sender into the header, if it is another one; a trailer belonged to the
    /// old one. What is kept of it stays as it was. What is to be sent again stays, too: somebody
    /// has asked the old one for it.
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
