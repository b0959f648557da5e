//! Reissues packets that left lately under a former id of this node, under the present one.
//!
//! Other nodes may have used none of them, as they could not tell packets of this node from forged
//! ones. So the packets get the first numbers under the new id, and a receiver that misses them
//! sends a NAK.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use super::sent::Sent;
use super::token_bucket::TokenBucket;
use crate::protocol::number::Number;
use crate::time::Time;
use crate::types::TrackerId;

/// Packets that left within this time before a new id can be requested under that id. A node
/// may need about as long to notice that it needs one.
pub(in crate::protocol) const REISSUED_WITHIN: Duration = Duration::from_secs(3);

/// The largest number of packets that are reissued under one id. It bounds the cost of an attacker
/// that forces a new id once a second by a forged NAK.
const MAX_REISSUED: u64 = 64;

/// `requested` has a bit for each.
const _: () = assert!(MAX_REISSUED <= u64::BITS as u64);

/// The largest rate of reissued packets, in bytes per second.
const REISSUE_RATE: u64 = 128 << 10;

/// A packet that left under a former id.
#[derive(Debug)]
pub(in crate::protocol) struct Reissued {
    /// Its number under the present id.
    pub(in crate::protocol) number: Number,
    /// The packet as it left.
    pub(in crate::protocol) bytes: Arc<[u8]>,
}

/// The packets that left under a former id and have numbers under the present one, from 1 on.
#[derive(Debug)]
pub(super) struct Reissue {
    id: TrackerId,
    epoch: u32,
    /// Their places in [`Sent`].
    places: Range<u64>,
    /// A bit for each packet that was requested and not sent since.
    requested: u64,
    bucket: TokenBucket,
}

impl Reissue {
    /// Creates a state without any packets.
    pub(super) fn new(now: Time) -> Self {
        Self {
            id: TrackerId([0; 4]),
            epoch: 0,
            places: 0..0,
            requested: 0,
            bucket: TokenBucket::new(now, REISSUE_RATE),
        }
    }

    /// Returns the places of the packets to reissue under an id that is drawn now.
    pub(super) fn places(now: Time, sent: &Sent) -> Range<u64> {
        let lately = sent.since(now.before(REISSUED_WITHIN));
        lately.start.max(lately.end.saturating_sub(MAX_REISSUED))..lately.end
    }

    /// Numbers the packets at these places under this id and in this epoch, and no others any more.
    pub(super) fn begin(&mut self, (id, epoch): (TrackerId, u32), places: Range<u64>) {
        (self.id, self.epoch, self.places, self.requested) = (id, epoch, places, 0);
    }

    /// Notes that a node misses these numbers of this id and epoch.
    pub(super) fn request(&mut self, id: TrackerId, epoch: u32, missing: RangeInclusive<u32>) {
        if (id, epoch) == (self.id, self.epoch) {
            let is_missing = |at: &u64| missing.contains(&(*at as u32 + 1));
            let asked = (0..self.places.end - self.places.start).filter(is_missing);
            self.requested |= asked.fold(0, |bits, at| bits | 1 << at);
        }
    }

    /// Returns the next requested packet, or as an error the wait until the token bucket allows it.
    pub(super) fn next(&mut self, now: Time, sent: &Sent) -> Result<Option<Reissued>, Duration> {
        while self.requested != 0 {
            let at = self.requested.trailing_zeros();
            let bytes = sent.at(self.places.start + u64::from(at));
            if let Some(bytes) = &bytes {
                self.bucket.take(now, REISSUE_RATE, bytes.len())?;
            }
            self.requested &= self.requested - 1;
            if let Some(bytes) = bytes {
                let number = Number {
                    id: self.id,
                    epoch: self.epoch,
                    seq: at + 1,
                };
                return Ok(Some(Reissued { number, bytes }));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: TrackerId = TrackerId([2; 4]);

    fn at(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    fn sent(count: u32, millis: u64) -> Sent {
        let mut sent = Sent::new(1 << 20);
        for seq in 1..=count {
            let number = Number {
                id: TrackerId([1; 4]),
                epoch: 7,
                seq,
            };
            sent.keep(at(millis), number, seq.to_be_bytes()[..].into());
        }
        sent
    }

    fn next(reissue: &mut Reissue, sent: &Sent) -> Option<(u32, u32)> {
        let reissued = reissue.next(at(5000), sent).expect("it is allowed")?;
        let old = u32::from_be_bytes(*reissued.bytes.first_chunk().expect("a number"));
        assert_eq!((reissued.number.id, reissued.number.epoch), (NEW, 9));
        Some((reissued.number.seq, old))
    }

    #[test]
    fn who_asks_for_what_left_lately_is_told_the_last_of_it() {
        let (sent, mut reissue) = (sent(100, 4000), Reissue::new(at(0)));
        let places = Reissue::places(at(5000), &sent);
        reissue.begin((NEW, 9), places);
        reissue.request(NEW, 8, 1..=9);
        assert_eq!(next(&mut reissue, &sent), None);
        reissue.request(NEW, 9, 0..=1);
        reissue.request(NEW, 9, 64..=u32::MAX);
        let all = [(); 3].map(|()| next(&mut reissue, &sent));
        assert_eq!(all, [Some((1, 37)), Some((64, 100)), None]);
    }

    #[test]
    fn what_left_before_is_not_told_again() {
        let sent = sent(9, 1000);
        assert!(Reissue::places(at(4001), &sent).is_empty());
        assert_eq!(Reissue::places(at(3999), &sent).count(), 9);
    }

    #[test]
    fn so_many_bytes_per_second_are_told_again() {
        let (sent, mut reissue) = (sent(64, 4000), Reissue::new(at(0)));
        reissue.begin((NEW, 9), Reissue::places(at(5000), &sent));
        let (mut bytes, mut now) = (0, at(5000));
        while now < at(15_000) {
            reissue.request(NEW, 9, 1..=64);
            match reissue.next(now, &sent) {
                Ok(reissued) => bytes += reissued.expect("one is asked for").bytes.len() as u64,
                Err(wait) => now = now + wait.max(Duration::from_millis(1)),
            }
        }
        assert!(
            (9 * REISSUE_RATE..11 * REISSUE_RATE).contains(&bytes),
            "{bytes}"
        );
    }
}
