//! Announces that our host has applied in another order, and is to apply once more.

use std::collections::VecDeque;

use crate::types::Announce;

/// How many wait for our host at most.
pub(super) const CORRECTIONS: usize = 16_384;

/// Those that wait, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Corrections {
    waiting: VecDeque<Announce>,
    dropped: u64,
}

impl Corrections {
    /// Another one waits; if there is no room the oldest is dropped.
    pub(super) fn push(&mut self, announce: Announce) {
        if self.waiting.len() == CORRECTIONS {
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

    /// How many were dropped, for which our host had no room in time.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
