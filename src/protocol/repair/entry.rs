//! What is remembered of one announce.

use super::placement::ListOrigin;
use crate::types::{PeerFlags, TrackerId};

/// Where an announce comes from, and what has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Another node has announced it.
    Heard,
    /// Our host has announced it.
    Own,
    /// The same, and the others know exactly when.
    OwnRestated,
    /// Its node has announced something newer of the same peer.
    Superseded,
}

/// Whether an announce is to be found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Some,
    None,
}

/// The place of an announce in the order of all: milliseconds by our clock, and at the same time
/// by id.
pub(super) type Place = (i64, TrackerId);

/// An announce, without its peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    at: i64,
    id: TrackerId,
    /// Of one that was heard: the packet it came in; 0 if that has no number.
    epoch: u32,
    /// The same; of an own one: the packet it was put into.
    seq: u32,
    /// When it came here, in milliseconds by a clock that wraps.
    arrived: u32,
    /// Which time it was that our host was handed it; 0 if it was not.
    applied: u32,
    stream: u16,
    flags: PeerFlags,
    state: State,
}

impl Entry {
    /// To be filled in.
    pub(super) const EMPTY: Self = Self {
        at: 0,
        id: TrackerId([0; 4]),
        epoch: 0,
        seq: 0,
        arrived: 0,
        applied: 0,
        stream: 0,
        flags: PeerFlags(0),
        state: State::Heard,
    };

    /// It was heard in this packet.
    #[inline]
    pub(super) fn hear(
        &mut self,
        heard: &ListOrigin,
        arrived: u32,
        (flags, state): (PeerFlags, State),
    ) {
        let number = heard.number;
        (self.at, self.id) = (heard.at, number.id);
        (self.epoch, self.seq, self.stream) = (number.epoch, number.seq, heard.stream);
        self.arrived = arrived;
        (self.flags, self.state) = (flags, state);
    }

    /// Our host has made it, and it was put into the packet with this serial number.
    #[inline]
    pub(super) fn make(&mut self, place: Place, packet: u32, arrived: u32, flags: PeerFlags) {
        (self.at, self.id) = place;
        (self.seq, self.arrived) = (packet, arrived);
        (self.flags, self.state) = (flags, State::Own);
    }

    #[inline]
    pub(super) fn place(&self) -> Place {
        (self.at, self.id)
    }

    /// It has another place from now on.
    pub(super) fn move_to(&mut self, place: Place) {
        (self.at, self.id) = place;
    }

    pub(super) fn at(&self) -> i64 {
        self.at
    }

    pub(super) fn move_to_time(&mut self, at: i64) {
        self.at = at;
    }

    pub(super) fn id(&self) -> TrackerId {
        self.id
    }

    /// Of an own one: the serial number of its packet.
    pub(super) fn packet(&self) -> u32 {
        self.seq
    }

    /// Whether its node has announced it after this packet.
    pub(super) fn is_after(&self, heard: &ListOrigin) -> bool {
        let number = heard.number;
        if self.seq == 0 || number.seq == 0 {
            false
        } else if (self.epoch, self.stream) == (number.epoch, heard.stream) {
            self.seq > number.seq
        } else {
            self.place() > (heard.at, number.id)
        }
    }

    /// When it came here, in milliseconds by a clock that wraps.
    #[inline]
    pub(super) fn arrived(&self) -> u32 {
        self.arrived
    }

    #[inline]
    pub(super) fn flags(&self) -> PeerFlags {
        self.flags
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        self.state
    }

    #[inline]
    pub(super) fn is_superseded(&self) -> bool {
        self.state == State::Superseded
    }

    /// Its node has announced something newer.
    pub(super) fn supersede(&mut self) {
        self.state = State::Superseded;
    }

    /// The others know exactly when it was made.
    pub(super) fn restate(&mut self) {
        self.state = State::OwnRestated;
    }

    /// Our host is handed it, the time with this number.
    #[inline]
    pub(super) fn apply(&mut self, delivery: u32) {
        self.applied = delivery;
    }

    pub(super) fn is_applied(&self) -> bool {
        self.applied != 0
    }

    /// Whether our host was handed it with this number, or later.
    pub(super) fn is_applied_since(&self, delivery: u32) -> bool {
        self.is_applied() && self.applied.wrapping_sub(delivery) <= u32::MAX / 2
    }

    /// Of what was superseded only those are of use that say that a download was complete: it is
    /// not to be counted again.
    pub(super) fn use_if_superseded(&self) -> Use {
        let completed = self.flags.contains(PeerFlags::COMPLETED);
        if self.is_superseded() && !completed {
            Use::None
        } else {
            Use::Some
        }
    }
}
