//! Objections: when another node seems to use the id of a sender, this node sends the sender a NAK
//! for a number that it has not used, if that is so.

use std::time::Duration;

use crate::time::Time;

/// Shortest time between two objections to the packets of one stream.
pub(super) const OBJECTION_INTERVAL: Duration = Duration::from_secs(1);

/// The number that an objection names if the sender may have used all others: no sender gets as
/// far.
pub(super) const NEVER_USED: u32 = u32::MAX;

/// Time for which packets must come to only one of two streams of the same id and epoch before
/// that one counts as another sender's.
const SUSPICION_PERIOD: Duration = Duration::from_millis(500);

/// Number of packets that must do so.
const SUSPICION_PACKETS: u32 = 8;

/// The objections to the packets of one stream.
#[derive(Debug, Default)]
pub(super) struct Objections {
    /// The number to name.
    number: Option<u32>,
    /// The time of the last objection.
    made: Option<Time>,
    /// The time since which packets come only to this stream, which stands beside another one, and
    /// how many did.
    suspected: Option<(Time, u32)>,
}

impl Objections {
    /// Objects, because two senders use the id and the epoch of this stream.
    pub(super) fn object(&mut self) {
        self.number = Some(NEVER_USED);
    }

    /// Objects, because another sender may use the id of this stream in a later epoch, or may have
    /// used up its numbers. If the sender has not used this number, it notices.
    pub(super) fn object_to(&mut self, number: u32) {
        self.number.get_or_insert(number);
    }

    /// Notes that a packet came to this stream alone, which stands beside another one.
    pub(super) fn suspect(&mut self, now: Time) {
        self.suspected.get_or_insert((now, 0)).1 += 1;
    }

    /// Notes that a packet came to both.
    pub(super) fn acquit(&mut self) {
        self.suspected = None;
    }

    /// Returns the number to name in an objection, if there is one to make now.
    pub(super) fn take(&mut self, now: Time) -> Option<u32> {
        let is_confirmed =
            |(since, packets)| now.since(since) >= SUSPICION_PERIOD && packets >= SUSPICION_PACKETS;
        if self.suspected.is_some_and(is_confirmed) {
            self.acquit();
            self.object();
        }
        let number = self.number.take()?;
        let just_said = |at| now.since(at) < OBJECTION_INTERVAL;
        if self.made.is_some_and(just_said) {
            return None;
        }
        self.made = Some(now);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    #[test]
    fn only_many_packets_in_a_while_are_suspicious() {
        let mut objections = Objections::default();
        (0..100).for_each(|_| objections.suspect(at(0)));
        assert_eq!(objections.take(at(499)), None);
        objections.acquit();
        (0..7).for_each(|_| objections.suspect(at(0)));
        assert_eq!(objections.take(at(5000)), None);
        objections.suspect(at(5000));
        assert_eq!(objections.take(at(5000)), Some(NEVER_USED));
        assert_eq!(objections.take(at(9000)), None, "it was said");
    }

    #[test]
    fn there_is_one_objection_in_a_second() {
        let mut objections = Objections::default();
        objections.object_to(7);
        objections.object_to(9);
        assert_eq!(objections.take(at(0)), Some(7));
        objections.object();
        assert_eq!(objections.take(at(999)), None);
        objections.object();
        assert_eq!(objections.take(at(1000)), Some(NEVER_USED));
    }
}
