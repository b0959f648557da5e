//! Counts the missing packets that were recovered, and those that are lost.

use std::ops::RangeInclusive;

/// The number of packets that were recovered, and of those that are lost.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocol) struct Tally {
    pub(in crate::protocol) recovered: u64,
    pub(in crate::protocol) lost: u64,
}

impl Tally {
    /// Returns the sum of both.
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
    /// Numbers missing below this one are no loss: those packets left before this node listened.
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

    /// Sets the number below which nothing missing is a loss.
    pub(super) fn begin(&mut self, from: u32) {
        self.from = from;
    }

    /// Counts a late packet as recovered if it was used, and as lost if not.
    pub(super) fn settle(&mut self, seq: u32, used: bool) {
        if used {
            self.tally.recovered += 1;
        } else {
            self.tally.lost += u64::from(seq >= self.from);
        }
    }

    /// Counts a gap as lost.
    pub(super) fn lose(&mut self, gap: &RangeInclusive<u32>) {
        let first = self.from.max(*gap.start());
        self.tally.lost += (u64::from(*gap.end()) + 1).saturating_sub(first.into());
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }
}
