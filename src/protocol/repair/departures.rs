//! When the packets left that our announces were put into.

use std::collections::VecDeque;

use crate::types::TrackerId;

/// So many packets are remembered. Later it makes no difference when one left.
const MOST: usize = 8192;

/// Under which id and in which epoch we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct Name {
    pub(in crate::protocol) id: TrackerId,
    pub(in crate::protocol) epoch: u32,
}

/// When a packet left, as the others know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct Left {
    /// In milliseconds by our clock.
    pub(in crate::protocol) at: i64,
    pub(in crate::protocol) name: Name,
}

impl Left {
    /// The place of its announces in the order, as the others know it.
    pub(super) fn place(self) -> (i64, TrackerId) {
        (self.at, self.name.id)
    }
}

/// Whether a packet has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// It is being filled, or waits to be sent.
    Waits,
    /// It left, or was lost before, and that was forgotten.
    LongAgo,
    At(Left),
}

/// Packets of announces, by their serial number.
#[derive(Debug, Default)]
pub(super) struct Departures {
    packets: VecDeque<Option<Left>>,
    /// The serial number of the first one. They wrap.
    first: u32,
}

impl Departures {
    /// A packet begins to be filled; its serial number.
    pub(super) fn begin(&mut self) -> u32 {
        if self.packets.len() == MOST {
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        self.packets.push_back(None);
        self.first.wrapping_add(self.packets.len() as u32 - 1)
    }

    /// It leaves. One that the network did not take leaves once more.
    pub(super) fn leaves(&mut self, packet: u32, left: Left) {
        let at = packet.wrapping_sub(self.first) as usize;
        if let Some(packet) = self.packets.get_mut(at) {
            *packet = Some(left);
        }
    }

    pub(super) fn of(&self, packet: u32) -> Departure {
        let at = packet.wrapping_sub(self.first) as usize;
        match self.packets.get(at) {
            None => Departure::LongAgo,
            Some(None) => Departure::Waits,
            Some(Some(left)) => Departure::At(*left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_leave_in_any_order_and_are_forgotten_in_theirs() {
        let mut departures = Departures::default();
        let name = Name {
            id: TrackerId([1; 4]),
            epoch: 7,
        };
        let left = |at| Left { at, name };
        let [first, second] = [departures.begin(), departures.begin()];
        departures.leaves(second, left(20));
        assert_eq!(departures.of(first), Departure::Waits);
        assert_eq!(departures.of(second), Departure::At(left(20)));
        departures.leaves(first, left(21));
        (0..MOST - 1).for_each(|_| _ = departures.begin());
        assert_eq!(departures.of(first), Departure::LongAgo);
        departures.leaves(first, left(22));
        assert_eq!(departures.of(second), Departure::At(left(20)));
    }
}
