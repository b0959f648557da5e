//! Announces that the host has applied in another order and must apply once more.

use std::collections::VecDeque;

use crate::types::Announce;

/// The largest number of announces that wait for the host.
pub(super) const MAX_CORRECTIONS: usize = 16_384;

/// The announces that wait for the host, oldest first.
#[derive(Debug, Default)]
pub(super) struct Corrections {
    waiting: VecDeque<Announce>,
    dropped: u64,
}

impl Corrections {
    /// Appends an announce. If there is no room, the oldest one is dropped.
    pub(super) fn push(&mut self, announce: Announce) {
        if self.waiting.len() == MAX_CORRECTIONS {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(announce);
    }

    pub(super) fn pop(&mut self) -> Option<Announce> {
        self.waiting.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns how many were dropped because the host did not take them in time.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
