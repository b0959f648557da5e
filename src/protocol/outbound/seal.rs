//! Seals packets as they leave: with a number, the time and a tag.

use std::time::Duration;

use super::class::Class;
use super::datagram::{Datagram, Kind};
use super::numbering::{Numbering, millis};
use super::queue::Transmit;
use super::trailers::Trailers;
use crate::protocol::identity::NewId;
use crate::protocol::node::Node;
use crate::protocol::number::Number;
use crate::protocol::repair::{Left, Name, Reissued};
use crate::time::Time;
use crate::wire::{Frame, Trailer};

impl Node {
    /// Returns the next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let mut transmit = self.queue.pop()?;
        if !transmit.datagram_mut().is_sealed() {
            self.seal(transmit.datagram_mut());
        }
        Some(transmit)
    }

    /// Takes back a packet that the network did not take. It is the next one to leave, under the id
    /// that this node has by then.
    pub fn put_back(&mut self, transmit: Transmit) {
        self.queue.put_back(transmit, self.id());
    }

    /// Notes that a packet that has left on one link leaves on another, so that it may come back
    /// later.
    pub fn leaves_again(&mut self, transmit: &Transmit) {
        if self.repair.is_none() || !transmit.is_numbered() {
            let now = self.timers.elapsed();
            self.identity.note_sent(now, transmit.as_ref());
        }
    }

    /// Counts a packet of this class that was lost because too many waited for one of several
    /// links.
    pub fn count_overflow(&mut self, class: Class) {
        self.queue.count_overflow(class);
    }

    /// Sets the wall clock: `unix` is the time since 1970.
    ///
    /// The caller sets it at the start, and every now and then, in case somebody sets the clock.
    /// Epochs are derived from it, and with a key it shows how old a packet is.
    pub fn set_unix_time(&mut self, now: Time, unix: Duration) {
        self.timers.set_now(now);
        let now = self.timers.elapsed();
        self.wall.set(now, unix);
        let Some(Trailers { numbering, .. }) = &mut self.trailers else {
            return;
        };
        if !numbering.is_off(now, self.wall) {
            return;
        }
        if numbering.can_renew(now, self.wall) {
            numbering.clock_was_set();
            self.end_epoch();
            self.begin_epoch();
        } else if self.authentication.is_some() {
            // Under the old id, receivers would refuse the times of this epoch, and an earlier epoch.
            self.draw_new_id(NewId::ClockSetBack);
        }
    }

    /// Makes the epoch of this node later than `epoch`, that of the run before, which may have
    /// ended a moment ago.
    pub fn begin_after(&mut self, epoch: u32) {
        if let Some(trailers) = &mut self.trailers {
            trailers.numbering.begin_after(epoch);
        }
    }

    /// Returns the epoch in which this node numbers its packets, if it does.
    pub fn epoch(&self) -> Option<u32> {
        let trailers = self.trailers.as_ref();
        trailers.map(|trailers| trailers.numbering.epoch())
    }

    /// Begins a later epoch, in which numbers start anew.
    pub(in crate::protocol) fn begin_epoch(&mut self) {
        if let Some(trailers) = &mut self.trailers {
            trailers.numbering.renew(self.timers.elapsed(), self.wall);
        }
    }

    /// Begins an epoch under a new id, of which no node knows one. Its first numbers, `reissued` of
    /// them if that is possible, belong to packets that left lately under the old id. Returns how
    /// many there are.
    pub(in crate::protocol) fn begin_first_epoch(&mut self, reissued: u32) -> u32 {
        let now = self.timers.elapsed();
        (self.trailers.as_mut()).map_or(0, |trailers| {
            trailers.numbering.begin_first(now, self.wall, reissued)
        })
    }

    /// Returns a packet that left under another id as a retransmission under ours.
    pub(in crate::protocol) fn reissue(&self, reissued: &Reissued) -> Option<Datagram> {
        let frame = Frame::parse(&reissued.bytes).ok()?;
        let then = frame.trailer?;
        let Number { id, epoch, seq } = reissued.number;
        let mut trailer = Trailer {
            epoch,
            sent: Numbering::reissue((then.epoch, then.sent), epoch),
            seq,
            flags: then.flags,
            ..Trailer::default()
        };
        let list = &reissued.bytes[..reissued.bytes.len() - Trailer::LEN];
        let mut datagram = Datagram::new(list, Kind::Ours);
        datagram.rename(id);
        if let Some(authentication) = &self.authentication {
            trailer.tag = authentication.tag(datagram.as_ref(), &trailer);
        }
        datagram.seal(&trailer);
        datagram.show_as_retransmitted();
        Some(datagram)
    }

    pub(in crate::protocol) fn seal(&mut self, datagram: &mut Datagram) {
        let now = self.timers.elapsed();
        let used_up = |trailers: &Trailers| trailers.numbering.is_used_up(now);
        if self.trailers.as_ref().is_some_and(used_up) {
            self.begin_epoch();
        }
        let Some(trailers) = &mut self.trailers else {
            return self.identity.note_sent(now, datagram.as_ref());
        };
        if datagram.kind() == Kind::Fixed && self.authentication.is_none() {
            return self.identity.note_sent(now, datagram.as_ref());
        }
        let is_kept = trailers.are_kept();
        let numbering = &mut trailers.numbering;
        let (sent, seq) = match datagram.kind() {
            Kind::Announces { .. } | Kind::Torrents => numbering.number(now),
            Kind::Restated { made } => numbering.restate(made),
            Kind::Fixed | Kind::Ours | Kind::Retransmission => (numbering.without_number(now), 0),
        };
        let mut trailer = Trailer {
            epoch: numbering.epoch(),
            sent,
            seq,
            ..Trailer::default()
        };
        if !is_kept {
            trailer.flags |= Trailer::UNKEPT;
        }
        if matches!(datagram.kind(), Kind::Restated { .. }) {
            trailer.flags |= Trailer::RESTATED;
        }
        if let Some(authentication) = &self.authentication {
            trailer.flags |= Trailer::TAGGED;
            trailer.tag = authentication.tag(datagram.as_ref(), &trailer);
        }
        if datagram.seal(&trailer) {
            self.queue.count_bytes(Trailer::LEN);
        }
        if let Some(repair) = &mut self.repair
            && seq > 0
        {
            let (id, epoch) = (self.identity.id, trailer.epoch);
            let number = Number { id, epoch, seq };
            repair.departs(number, datagram.keep(), &mut self.timers);
            if let Kind::Announces { packet } = datagram.kind() {
                let (at, name) = (millis(now), Name { id, epoch });
                repair.order.departs(packet, Left { at, name });
            }
        } else {
            self.identity.note_sent(now, datagram.as_ref());
        }
        if matches!(datagram.kind(), Kind::Restated { .. }) {
            datagram.show_as_retransmitted();
        }
    }
}
