//! What became of the packets that were missing.

use std::ops::RangeInclusive;

/// How many of them came after all, and how many did not.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocol) struct Tally {
    pub(in crate::protocol) recovered: u64,
    pub(in crate::protocol) lost: u64,
}

impl Tally {
    /// The sum of both.
    pub(in crate::protocol) fn and(self, other: Self) -> Self {
        Self {
            recovered: self.recovered + other.recovered,
            lost: self.lost + other.lost,
        }
    }
}

/// The tally of one stream.
#[derive(Debug)]
pub(super) struct Account {
    /// What is missing before is no loss: it was sent before we listened.
    from: u32,
    tally: Tally,
}

impl Account {
    pub(super) fn new() -> Self {
        Self {
            from: 1,
            tally: Tally::default(),
        }
    }

    /// What is missing before this number is no loss.
    pub(super) fn begin(&mut self, from: u32) {
        self.from = from;
    }

    /// A packet that was late was of use, or not.
    pub(super) fn settle(&mut self, seq: u32, used: bool) {
        if used {
            self.tally.recovered += 1;
        } else {
            self.tally.lost += u64::from(seq >= self.from);
        }
    }

    /// These do not come any more.
    pub(super) fn lose(&mut self, gap: &RangeInclusive<u32>) {
        let first = self.from.max(*gap.start());
        self.tally.lost += (u64::from(*gap.end()) + 1).saturating_sub(first.into());
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }
}
