//! Refuses packets from the future for good. A packet with a good tag and a time that has not come
//! yet is refused now, and must not be used when that time comes: an attacker who recorded it could
//! send it then, once the clock that was fast is right again.

use std::time::Duration;

use super::objections::OBJECTION_INTERVAL;
use crate::protocol::number::is_before;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Trailer;

/// Upper bound for remembered ids; the one whose time comes first makes room.
const MAX_IDS: usize = 256;

/// A sender whose clock was ahead.
#[derive(Clone, Copy, Debug)]
struct Fast {
    id: TrackerId,
    /// Its last epoch. After its clock is set it begins a later one, or draws a new id.
    epoch: u32,
    /// The latest time at which one of its packets left, by its clock, in milliseconds.
    until: i64,
    /// The time of our last objection to one of its packets.
    objected: Option<Time>,
}

/// The senders whose clocks were ahead, until that time has passed.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    fast: Vec<Fast>,
}

impl Ahead {
    /// Remembers a packet that is refused `now` because it left `at` a time in the future.
    pub(super) fn note(&mut self, now: i64, id: TrackerId, trailer: &Trailer, at: i64) {
        let Trailer { epoch, .. } = *trailer;
        if let Some(fast) = self.fast.iter_mut().find(|fast| fast.id == id) {
            fast.until = fast.until.max(at);
            if is_before(fast.epoch, epoch) {
                fast.epoch = epoch;
            }
            return;
        }
        let first = (0..self.fast.len()).min_by_key(|place| self.fast[*place].until);
        if let Some(first) = first
            && (self.fast.len() == MAX_IDS || self.fast[first].until < now - HOUR)
        {
            self.fast.swap_remove(first);
        }
        self.fast.push(Fast {
            id,
            epoch,
            until: at,
            objected: None,
        });
    }

    /// Returns whether to object now to a packet that is refused because one like it was refused
    /// before. If that one was forged by another node with the key, the sender must hear of it.
    pub(super) fn take_objection(&mut self, now: Time, id: TrackerId) -> bool {
        let Some(fast) = self.fast.iter_mut().find(|fast| fast.id == id) else {
            return false;
        };
        let just_said = |at| now.since(at) < OBJECTION_INTERVAL;
        let objects = !fast.objected.is_some_and(just_said);
        if objects {
            fast.objected = Some(now);
        }
        objects
    }

    /// Returns whether a packet that left `at` this time may be one that was refused before.
    pub(super) fn was_refused(&self, id: TrackerId, trailer: &Trailer, at: i64) -> bool {
        let fast = self.fast.iter().find(|fast| fast.id == id);
        fast.is_some_and(|fast| !is_before(fast.epoch, trailer.epoch) && at <= fast.until)
    }
}

/// Milliseconds in an hour; no configuration accepts clocks that are further apart.
const HOUR: i64 = Duration::from_secs(3600).as_millis() as i64;

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer(epoch: u32) -> Trailer {
        Trailer {
            epoch,
            ..Trailer::default()
        }
    }

    #[test]
    fn what_was_refused_stays_so_and_a_later_epoch_does_not() {
        let mut ahead = Ahead::default();
        let [one, other] = [1, 2].map(|number| TrackerId([number; 4]));
        ahead.note(0, one, &trailer(7), 3_600_000);
        ahead.note(0, one, &trailer(6), 3_500_000);
        for (id, epoch, at, refused) in [
            (one, 7, 3_600_000, true),
            (one, 6, 1, true),
            (one, 7, 3_600_001, false),
            (one, 8, 1, false),
            (other, 7, 1, false),
        ] {
            assert_eq!(ahead.was_refused(id, &trailer(epoch), at), refused);
        }
    }

    #[test]
    fn it_is_bounded() {
        let mut ahead = Ahead::default();
        for number in 0..1000_u32 {
            let id = TrackerId(number.to_be_bytes());
            ahead.note(0, id, &trailer(7), i64::from(number));
        }
        assert_eq!(ahead.fast.len(), MAX_IDS);
        let last = TrackerId(999_u32.to_be_bytes());
        assert!(ahead.was_refused(last, &trailer(7), 999));
    }
}
