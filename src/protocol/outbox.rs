//! Packets that are complete and wait to be sent, oldest first.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Header, MAX_PAYLOAD, Trailer};

/// How many packets wait at most, when the network does not take them.
const CAPACITY: usize = 1024;

/// What a packet is to its trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A list: it gets a number.
    Numbered,
    /// The same, of announces; this is the serial number by which [`Latest`] knows it.
    ///
    /// [`Latest`]: super::repair::Latest
    Announces { packet: u32 },
    /// An announce that is restated: it gets a number, and the time when it was made.
    Restated { made: Time },
    /// A packet of the specification whose length is fixed: it gets a trailer only if
    /// that is to prove something.
    Fixed,
    /// A packet that only those know who know trailers.
    Ours,
    /// Sent before, with all that belongs to it.
    Again,
}

/// The payload of one UDP packet. Once it has left it is kept where it lies, for those who
/// miss it.
#[derive(Clone)]
pub struct Datagram {
    /// The packet, and behind it the room for a trailer that it may not have yet.
    bytes: Arc<[u8]>,
    len: usize,
    pub(super) kind: Kind,
    /// It has its trailer.
    sealed: bool,
    /// It has had one, if only under another id.
    was_sealed: bool,
}

impl Datagram {
    /// A whole packet.
    pub(super) fn new(packet: &[u8], kind: Kind) -> Self {
        let mut buffer = [0; MAX_PAYLOAD];
        buffer[..packet.len()].copy_from_slice(packet);
        Self::of(&buffer, packet.len(), kind)
    }

    /// The packet in a buffer.
    pub(super) fn of(buffer: &[u8; MAX_PAYLOAD], len: usize, kind: Kind) -> Self {
        let room = (len + Trailer::LEN).min(MAX_PAYLOAD);
        Self {
            bytes: buffer[..room].into(),
            len,
            kind,
            sealed: false,
            was_sealed: false,
        }
    }

    /// A packet that was sent before, with all that belongs to it.
    pub(super) fn again(packet: &[u8]) -> Self {
        let mut bytes: Arc<[u8]> = packet.into();
        if let Ok((header, _)) = Header::parse(packet) {
            Arc::make_mut(&mut bytes)[..Header::LEN].copy_from_slice(&header.again().emit());
        }
        Self {
            bytes,
            len: packet.len(),
            kind: Kind::Again,
            sealed: true,
            was_sealed: true,
        }
    }

    /// As one that was sent before it is heard only where numbers are known. It has its trailer
    /// already, in which a tag is that of its first header.
    pub(super) fn show_as_again(&mut self) {
        *self = Self::again(self.as_ref());
    }

    /// Puts the trailer behind it; whether it is its first one.
    pub(super) fn seal(&mut self, trailer: &Trailer) -> bool {
        let end = self.len + Trailer::LEN;
        Arc::make_mut(&mut self.bytes)[self.len..end].copy_from_slice(&trailer.emit());
        self.len = end;
        self.sealed = true;
        !std::mem::replace(&mut self.was_sealed, true)
    }

    /// Whether it has its trailer.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The whole of it, with its trailer, to be kept.
    pub(super) fn keep(&self) -> Arc<[u8]> {
        self.bytes.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Writes the sender into the header, if it is another one; a trailer belonged to the
    /// old one. What is kept of it stays as it was. What is to be sent again stays, too: somebody
    /// has asked the old one for it.
    pub(super) fn rename(&mut self, id: TrackerId) {
        if self.kind == Kind::Again || self.bytes.starts_with(&id.0) {
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

/// A bounded queue of packets. When it overflows the oldest packet is lost: it is
/// the one whose news are most likely to be replaced by later ones.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Datagram>,
}

impl Outbox {
    /// Appends a packet; whether another one was lost for it.
    pub(super) fn push(&mut self, datagram: Datagram) -> bool {
        let full = self.is_full();
        if full {
            self.waiting.pop_front();
        }
        self.waiting.push_back(datagram);
        full
    }

    /// Puts a packet back that could not be sent, to the front; whether it was
    /// lost, being the oldest.
    pub(super) fn put_back(&mut self, datagram: Datagram) -> bool {
        let full = self.is_full();
        if !full {
            self.waiting.push_front(datagram);
        }
        full
    }

    /// What waits leaves in the name of `id`.
    pub(super) fn rename(&mut self, id: TrackerId) {
        let waiting = self.waiting.iter_mut();
        waiting.for_each(|datagram| datagram.rename(id));
    }

    pub(super) fn pop(&mut self) -> Option<Datagram> {
        self.waiting.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether there is room for packets that can wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < CAPACITY / 2
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= CAPACITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PacketType;

    fn numbered(number: u16) -> Datagram {
        Datagram::new(&number.to_be_bytes(), Kind::Numbered)
    }

    #[test]
    fn it_stays_bounded_and_loses_the_oldest() {
        let mut outbox = Outbox::default();
        let lost: Vec<bool> = (0..1030).map(|i| outbox.push(numbered(i))).collect();
        assert_eq!(lost.iter().filter(|lost| **lost).count(), 6);
        let taken = outbox.pop().unwrap();
        assert_eq!(taken.as_ref(), 6u16.to_be_bytes());
        assert!(!outbox.push(numbered(1030)));
        assert!(outbox.put_back(taken), "full again: the oldest is lost");
        let next = outbox.pop().unwrap();
        assert_eq!(next.as_ref(), 7u16.to_be_bytes());
        assert!(!outbox.put_back(next));
        assert_eq!(outbox.pop().unwrap().as_ref(), 7u16.to_be_bytes());
    }

    #[test]
    fn what_is_sent_again_keeps_its_id() {
        let header = |id| Header::new(id, PacketType::Live).emit();
        let (old, new) = (TrackerId([1; 4]), TrackerId([2; 4]));
        let mut outbox = Outbox::default();
        for kind in [Kind::Again, Kind::Numbered] {
            outbox.push(Datagram::new(&header(old), kind));
        }
        outbox.rename(new);
        let [again, numbered] = [outbox.pop(), outbox.pop()].map(Option::unwrap);
        assert_eq!(again.as_ref(), header(old));
        assert_eq!(numbered.as_ref(), header(new));
    }
}
