//! Packets that this node sent lately, by which it recognizes one that comes back: by loop-back, or
//! from another address by way of a bridge, a NAT or a second interface.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::time::Time;

/// Upper bound for remembered packets: more than a receive buffer of 8 MiB holds.
const MAX_PACKETS: usize = 8192;

/// Number of bytes hashed at each end of a packet. They cover the first record of a list with
/// its header, and the last one with a trailer. If two nodes under one id send lists that agree in
/// both, their next lists will differ.
const HASHED_END: usize = 64;

/// Upper bound for the time until a packet comes back. Nothing in a packet without a trailer says
/// when it left, and two nodes under one id may send the same beacon.
const MAX_RETURN_TIME: Duration = Duration::from_secs(1);

/// The last packets that left without a number that a NAK can name: their hashes, and when they
/// left.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    left: Vec<(u64, Time)>,
    /// The index of the next packet that leaves.
    next: usize,
    /// The index at which the next packet to come back is looked for first: most come back in
    /// order.
    expected: usize,
}

impl Echoes {
    /// Remembers a packet that leaves.
    pub(super) fn note_sent(&mut self, now: Time, packet: &[u8]) {
        let left = (hash(packet), now);
        match self.left.get_mut(self.next) {
            Some(oldest) => *oldest = left,
            None => self.left.push(left),
        }
        self.next = (self.next + 1) % MAX_PACKETS;
    }

    /// Returns whether this packet left lately; if `arrived` is known, within [`MAX_RETURN_TIME`]
    /// of it.
    pub(super) fn has_left(
        &mut self,
        packet: &[u8],
        arrived: Option<RangeInclusive<Time>>,
    ) -> bool {
        let hash = hash(packet);
        let shortly = |left: Time| {
            (arrived.as_ref()).is_none_or(|arrived| {
                arrived.start().since(left) < MAX_RETURN_TIME
                    && left.since(*arrived.end()) < MAX_RETURN_TIME
            })
        };
        let is_it = |(other, left): &(u64, Time)| *other == hash && shortly(*left);
        let expected = self.left.get(self.expected).is_some_and(is_it);
        let first = Some(self.expected).filter(|_| expected);
        let found = first.or_else(|| self.left.iter().position(is_it));
        if let Some(at) = found {
            self.expected = (at + 1) % MAX_PACKETS;
        }
        found.is_some()
    }
}

fn hash(packet: &[u8]) -> u64 {
    let end = packet.len().min(HASHED_END);
    let mut hasher = DefaultHasher::new();
    (&packet[..end], &packet[packet.len() - end..], packet.len()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u64) -> Vec<u8> {
        let mut packet = vec![0; 1472];
        packet[40..48].copy_from_slice(&number.to_be_bytes());
        packet
    }

    #[test]
    fn what_has_left_lately_is_known_in_whatever_order_it_comes_back() {
        let (mut echoes, most) = (Echoes::default(), MAX_PACKETS as u64);
        assert!(!echoes.has_left(&packet(0), None));
        (0..most + 10).for_each(|number| echoes.note_sent(Time::START, &packet(number)));
        for number in (10..most + 10).chain((10..most + 10).rev().step_by(100)) {
            assert!(echoes.has_left(&packet(number), None), "{number}");
        }
        for number in (0..10).chain([most + 10]) {
            assert!(!echoes.has_left(&packet(number), None), "{number}");
        }
        assert_eq!(echoes.left.len(), MAX_PACKETS);
    }

    #[test]
    fn another_end_or_another_length_is_another_packet() {
        let mut echoes = Echoes::default();
        echoes.note_sent(Time::START, &packet(1));
        let mut other = packet(1);
        other[1471] = 1;
        assert!(!echoes.has_left(&other, None));
        assert!(!echoes.has_left(&packet(1)[..1444], None));
    }

    #[test]
    fn what_arrives_long_before_or_after_is_another_packet() {
        let mut echoes = Echoes::default();
        let left = Time::START + MAX_RETURN_TIME * 2;
        echoes.note_sent(left, &packet(1));
        let instant = Duration::from_nanos(1);
        for (at, same) in [
            (left.before(MAX_RETURN_TIME), false),
            (left.before(MAX_RETURN_TIME - instant), true),
            (left + (MAX_RETURN_TIME - instant), true),
            (left + MAX_RETURN_TIME, false),
        ] {
            assert_eq!(echoes.has_left(&packet(1), Some(at..=at)), same);
        }
        let long = MAX_RETURN_TIME * 4;
        assert!(echoes.has_left(&packet(1), Some(left..=left + long)));
        assert!(!echoes.has_left(&packet(1), Some(left + MAX_RETURN_TIME..=left + long)));
    }
}
