//! The highest number known of a stream, and since when it is known.

use std::time::Duration;

use crate::time::Time;

/// Upper bound for the distance of a number from the highest one, and for missing packets: more
/// than a sender can have sent in [`KEPT_FOR`](super::KEPT_FOR).
pub(super) const MAX_JUMP: u32 = 1 << 17;

/// Upper bound for the delay of a heartbeat behind a packet that was sent later.
const MAX_OVERTAKEN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Highest {
    number: Option<u32>,
    since: Time,
}

impl Highest {
    /// Creates the state in which no number is known.
    pub(super) fn new(now: Time) -> Self {
        Self {
            number: None,
            since: now,
        }
    }

    pub(super) fn number(&self) -> Option<u32> {
        self.number
    }

    /// Returns whether this number is beyond all known ones.
    pub(super) fn is_below(&self, last: u32) -> bool {
        self.number.is_none_or(|highest| last > highest)
    }

    /// Notes that packets up to this number are known of now.
    pub(super) fn raise(&mut self, now: Time, number: u32) {
        if self.is_below(number) {
            (self.number, self.since) = (Some(number), now);
        }
    }

    /// Returns whether a heartbeat names a lower number than the one known for a while.
    pub(super) fn is_contradicted(&self, now: Time, last: u32) -> bool {
        let less = |highest| last < highest;
        self.number.is_some_and(less) && now.since(self.since) >= MAX_OVERTAKEN
    }

    /// Returns whether packets up to this number can belong to the stream: neither the number, nor
    /// the count of packets missing then, is more than a sender can have reached.
    pub(super) fn fits(&self, last: u32, missing: u64) -> bool {
        let Some(highest) = self.number else {
            return true;
        };
        let more = last.saturating_sub(highest);
        let too_many = missing + u64::from(more) > u64::from(MAX_JUMP);
        last.abs_diff(highest) <= MAX_JUMP && (more <= 1 || !too_many)
    }
}
