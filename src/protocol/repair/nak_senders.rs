//! Which nodes have requested which packets, so that a retransmission goes to one node alone where
//! a link can do that.

use std::collections::VecDeque;
use std::ops::Range;

use crate::protocol::outbound::Destination;
use crate::types::TrackerId;

/// The largest number of requests that are remembered. Packets that were requested earlier go to
/// everyone.
const MAX_REQUESTS: usize = 64;

/// The last requests.
#[derive(Debug, Default)]
pub(super) struct NakSenders {
    requests: VecDeque<(TrackerId, Range<u64>)>,
}

impl NakSenders {
    /// Notes that a node misses the packets at these places.
    pub(super) fn note(&mut self, by: TrackerId, places: Range<u64>) {
        if places.is_empty() {
            return;
        }
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back((by, places));
    }

    /// Returns the destination of the packet at this place: the only node that has requested it, or
    /// everyone.
    pub(super) fn of(&self, place: u64) -> Destination {
        let asking =
            |(by, places): &(TrackerId, Range<u64>)| places.contains(&place).then_some(*by);
        let mut nak_senders = self.requests.iter().filter_map(asking);
        match nak_senders.next() {
            Some(first) if nak_senders.all(|another| another == first) => Destination::Node(first),
            _ => Destination::Everyone,
        }
    }

    /// Forgets all requests, so that every retransmission goes to everyone.
    pub(super) fn forget_all(&mut self) {
        self.requests.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TrackerId = TrackerId([1; 4]);
    const OTHER: TrackerId = TrackerId([2; 4]);

    #[test]
    fn who_alone_has_asked_is_told_and_else_everyone() {
        let mut nak_senders = NakSenders::default();
        nak_senders.note(ONE, 1..5);
        nak_senders.note(ONE, 4..6);
        nak_senders.note(OTHER, 5..8);
        let places = [0, 1, 4, 5, 7].map(|place| nak_senders.of(place));
        let expected = [
            Destination::Everyone,
            Destination::Node(ONE),
            Destination::Node(ONE),
            Destination::Everyone,
            Destination::Node(OTHER),
        ];
        assert_eq!(places, expected);
        nak_senders.forget_all();
        assert_eq!(nak_senders.of(1), Destination::Everyone);
    }

    #[test]
    fn what_was_asked_for_before_all_that_is_remembered_is_for_everyone() {
        let mut nak_senders = NakSenders::default();
        (0..=MAX_REQUESTS as u64).for_each(|place| nak_senders.note(ONE, place..place + 1));
        assert_eq!(nak_senders.of(0), Destination::Everyone);
        assert_eq!(nak_senders.of(1), Destination::Node(ONE));
    }
}
