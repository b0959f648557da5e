//! The highest number that is known of a stream, and since when.

use std::time::Duration;

use crate::time::Time;

/// How far a number may be ahead of the highest one, and how many packets may be missing: more
/// than a sender can have sent in [`KEPT_FOR`](super::KEPT_FOR).
pub(super) const MAX_JUMP: u32 = 1 << 17;

/// For so long a heartbeat may be overtaken by the packet of which it does not know yet.
const OVERTAKEN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Highest {
    number: Option<u32>,
    since: Time,
}

impl Highest {
    /// None is known yet.
    pub(super) fn new(now: Time) -> Self {
        Self {
            number: None,
            since: now,
        }
    }

    pub(super) fn number(&self) -> Option<u32> {
        self.number
    }

    /// Whether this number is beyond all that are known.
    pub(super) fn is_below(&self, last: u32) -> bool {
        self.number.is_none_or(|highest| last > highest)
    }

    /// Packets up to this one are known of now.
    pub(super) fn raise(&mut self, now: Time, number: u32) {
        if self.is_below(number) {
            (self.number, self.since) = (Some(number), now);
        }
    }

    /// Whether a heartbeat says less than we have known for a while.
    pub(super) fn is_contradicted(&self, now: Time, last: u32) -> bool {
        let less = |highest| last < highest;
        self.number.is_some_and(less) && now.since(self.since) >= OVERTAKEN
    }

    /// Whether packets up to this number can belong to the stream: neither this one nor what
    /// would be missing, with what is, is more than can have been sent.
    pub(super) fn fits(&self, last: u32, missing: u64) -> bool {
        let Some(highest) = self.number else {
            return true;
        };
        let more = last.saturating_sub(highest);
        let too_many = missing + u64::from(more) > u64::from(MAX_JUMP);
        last.abs_diff(highest) <= MAX_JUMP && (more <= 1 || !too_many)
    }
}
