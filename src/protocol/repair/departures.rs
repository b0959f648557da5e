//! When the packets left that carry the announces of this node.

use std::collections::VecDeque;

use crate::types::TrackerId;

/// The largest number of packets that are remembered. For older ones it makes no difference when
/// they left.
const MAX_DEPARTURES: usize = 8192;

/// The id and the epoch under which a node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct Name {
    pub(in crate::protocol) id: TrackerId,
    pub(in crate::protocol) epoch: u32,
}

/// When and under which name a packet left, as other nodes know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct Left {
    /// The time in milliseconds by the clock of this node.
    pub(in crate::protocol) at: i64,
    pub(in crate::protocol) name: Name,
}

impl Left {
    /// Returns the place of the packet's announces in the order, as other nodes know it.
    pub(super) fn place(self) -> (i64, TrackerId) {
        (self.at, self.name.id)
    }
}

/// The time at which a packet has left, if it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// The packet is being filled or waits to be sent.
    Waits,
    /// The packet left or was lost so long ago that this is forgotten.
    LongAgo,
    At(Left),
}

/// The packets of announces, by their serial numbers.
#[derive(Debug, Default)]
pub(super) struct Departures {
    packets: VecDeque<Option<Left>>,
    /// The serial number of the first packet. Serial numbers wrap.
    first: u32,
}

impl Departures {
    /// Notes that a packet begins to be filled. Returns its serial number.
    pub(super) fn begin(&mut self) -> u32 {
        if self.packets.len() == MAX_DEPARTURES {
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        self.packets.push_back(None);
        self.first.wrapping_add(self.packets.len() as u32 - 1)
    }

    /// Notes that a packet leaves. One that the network did not take leaves a second time.
    pub(super) fn note_departure(&mut self, packet: u32, left: Left) {
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
        departures.note_departure(second, left(20));
        assert_eq!(departures.of(first), Departure::Waits);
        assert_eq!(departures.of(second), Departure::At(left(20)));
        departures.note_departure(first, left(21));
        (0..MAX_DEPARTURES - 1).for_each(|_| _ = departures.begin());
        assert_eq!(departures.of(first), Departure::LongAgo);
        departures.note_departure(first, left(22));
        assert_eq!(departures.of(second), Departure::At(left(20)));
    }
}
