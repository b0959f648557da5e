//! The entry that is kept for one announce.

use super::placement::ListOrigin;
use crate::types::{PeerFlags, TrackerId};

/// Where an announce comes from, and what has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryState {
    /// Another node has announced it.
    Heard,
    /// The host of this node has announced it.
    Own,
    /// The host of this node has announced it, and the other nodes know exactly when.
    OwnRestated,
    /// Its node has announced something newer of the same peer.
    Superseded,
}

/// The use of an entry: its announce must be found later, or need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Some,
    None,
}

/// The place of an announce in the order of all: its time in milliseconds by the clock of this
/// node, and the id of its node, which orders announces of the same time.
pub(super) type OrderKey = (i64, TrackerId);

/// An announce without its peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    at: i64,
    id: TrackerId,
    /// The epoch of the packet in which it was heard.
    epoch: u32,
    /// The number of the packet in which it was heard, 0 if that has none. For an own announce, the
    /// serial number of its packet.
    seq: u32,
    /// When it came, in milliseconds by a clock that wraps.
    arrived: u32,
    /// The delivery in which the host was handed it, 0 if it was not.
    applied: u32,
    stream: u16,
    flags: PeerFlags,
    state: EntryState,
}

impl Entry {
    /// An entry that is to be filled in.
    pub(super) const EMPTY: Self = Self {
        at: 0,
        id: TrackerId([0; 4]),
        epoch: 0,
        seq: 0,
        arrived: 0,
        applied: 0,
        stream: 0,
        flags: PeerFlags(0),
        state: EntryState::Heard,
    };

    /// Fills in an announce that was heard in this packet.
    #[inline]
    pub(super) fn hear(
        &mut self,
        heard: &ListOrigin,
        arrived: u32,
        (flags, state): (PeerFlags, EntryState),
    ) {
        let number = heard.number;
        (self.at, self.id) = (heard.at, number.id);
        (self.epoch, self.seq, self.stream) = (number.epoch, number.seq, heard.stream);
        self.arrived = arrived;
        (self.flags, self.state) = (flags, state);
    }

    /// Fills in an announce of the host, which goes into the packet with this serial number.
    #[inline]
    pub(super) fn make(&mut self, place: OrderKey, packet: u32, arrived: u32, flags: PeerFlags) {
        (self.at, self.id) = place;
        (self.seq, self.arrived) = (packet, arrived);
        (self.flags, self.state) = (flags, EntryState::Own);
    }

    #[inline]
    pub(super) fn place(&self) -> OrderKey {
        (self.at, self.id)
    }

    /// Moves the announce to another place in the order.
    pub(super) fn move_to(&mut self, place: OrderKey) {
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

    /// Returns the serial number of the packet of an own announce.
    pub(super) fn packet(&self) -> u32 {
        self.seq
    }

    /// Returns whether its node has announced it after this packet.
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

    /// Returns when it came, in milliseconds by a clock that wraps.
    #[inline]
    pub(super) fn arrived(&self) -> u32 {
        self.arrived
    }

    #[inline]
    pub(super) fn flags(&self) -> PeerFlags {
        self.flags
    }

    #[inline]
    pub(super) fn state(&self) -> EntryState {
        self.state
    }

    #[inline]
    pub(super) fn is_superseded(&self) -> bool {
        self.state == EntryState::Superseded
    }

    /// Notes that its node has announced something newer.
    pub(super) fn supersede(&mut self) {
        self.state = EntryState::Superseded;
    }

    /// Notes that the other nodes know exactly when it was made.
    pub(super) fn restate(&mut self) {
        self.state = EntryState::OwnRestated;
    }

    /// Notes that the host is handed it in this delivery.
    #[inline]
    pub(super) fn apply(&mut self, delivery: u32) {
        self.applied = delivery;
    }

    pub(super) fn is_applied(&self) -> bool {
        self.applied != 0
    }

    /// Returns whether the host was handed it in this delivery or later.
    pub(super) fn is_applied_since(&self, delivery: u32) -> bool {
        self.is_applied() && self.applied.wrapping_sub(delivery) <= u32::MAX / 2
    }

    /// Returns whether the announce is still of use. Of those that are superseded, only one that
    /// reports a completed download is: that download is not to be counted twice.
    pub(super) fn use_if_superseded(&self) -> Use {
        let completed = self.flags.contains(PeerFlags::COMPLETED);
        if self.is_superseded() && !completed {
            Use::None
        } else {
            Use::Some
        }
    }
}
