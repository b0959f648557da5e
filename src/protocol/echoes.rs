//! What we have sent lately, to know it if it comes back: by loop-back, or from another address by
//! way of a bridge, a NAT or a second interface.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::time::Time;

/// So many packets are remembered: more than wait in a receive buffer of 8 MiB.
const MOST: usize = 8192;

/// The first record with its header, and the last one with a trailer, of a list. Of two nodes under
/// one id the one that hears a list with both as in a list of its own hears another one soon.
const ENDS: usize = 64;

/// So long a packet may be on its way back. Nothing in one without a trailer says when it left, and
/// two nodes under one id may send the same beacon.
const WAY_BACK: Duration = Duration::from_secs(1);

/// The last packets without a number that somebody could ask for: their hashes, and when they left.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    left: Vec<(u64, Time)>,
    /// Where the next one goes.
    next: usize,
    /// Where the one is looked for first that comes back next: as a rule they come in their order.
    expected: usize,
}

impl Echoes {
    /// A packet leaves.
    pub(super) fn leaves(&mut self, now: Time, packet: &[u8]) {
        let left = (hash(packet), now);
        match self.left.get_mut(self.next) {
            Some(oldest) => *oldest = left,
            None => self.left.push(left),
        }
        self.next = (self.next + 1) % MOST;
    }

    /// Whether this packet has left lately; if it `arrived` at some time, shortly before that.
    pub(super) fn has_left(
        &mut self,
        packet: &[u8],
        arrived: Option<RangeInclusive<Time>>,
    ) -> bool {
        let hash = hash(packet);
        let shortly = |left: Time| {
            (arrived.as_ref()).is_none_or(|arrived| {
                arrived.start().since(left) < WAY_BACK && left.since(*arrived.end()) < WAY_BACK
            })
        };
        let is_it = |(other, left): &(u64, Time)| *other == hash && shortly(*left);
        let expected = self.left.get(self.expected).is_some_and(is_it);
        let first = Some(self.expected).filter(|_| expected);
        let found = first.or_else(|| self.left.iter().position(is_it));
        if let Some(at) = found {
            self.expected = (at + 1) % MOST;
        }
        found.is_some()
    }
}

fn hash(packet: &[u8]) -> u64 {
    let end = packet.len().min(ENDS);
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
        let (mut echoes, most) = (Echoes::default(), MOST as u64);
        assert!(!echoes.has_left(&packet(0), None));
        (0..most + 10).for_each(|number| echoes.leaves(Time::START, &packet(number)));
        for number in (10..most + 10).chain((10..most + 10).rev().step_by(100)) {
            assert!(echoes.has_left(&packet(number), None), "{number}");
        }
        for number in (0..10).chain([most + 10]) {
            assert!(!echoes.has_left(&packet(number), None), "{number}");
        }
        assert_eq!(echoes.left.len(), MOST);
    }

    #[test]
    fn another_end_or_another_length_is_another_packet() {
        let mut echoes = Echoes::default();
        echoes.leaves(Time::START, &packet(1));
        let mut other = packet(1);
        other[1471] = 1;
        assert!(!echoes.has_left(&other, None));
        assert!(!echoes.has_left(&packet(1)[..1444], None));
    }

    #[test]
    fn what_arrives_long_before_or_after_is_another_packet() {
        let mut echoes = Echoes::default();
        let left = Time::START + WAY_BACK * 2;
        echoes.leaves(left, &packet(1));
        let instant = Duration::from_nanos(1);
        for (at, same) in [
            (left.before(WAY_BACK), false),
            (left.before(WAY_BACK - instant), true),
            (left + (WAY_BACK - instant), true),
            (left + WAY_BACK, false),
        ] {
            assert_eq!(echoes.has_left(&packet(1), Some(at..=at)), same);
        }
        let long = WAY_BACK * 4;
        assert!(echoes.has_left(&packet(1), Some(left..=left + long)));
        assert!(!echoes.has_left(&packet(1), Some(left + WAY_BACK..=left + long)));
    }
}
