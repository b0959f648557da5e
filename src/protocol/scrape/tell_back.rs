//! Telling back what we know better.
//!
//! "It can send out its own scrape tell packets, if it knows more."

use std::collections::BTreeSet;

use super::task::Task;
use crate::types::InfoHash;

/// The torrents of which we know a larger count than was told.
#[derive(Debug)]
pub(super) struct TellBack {
    remembered: BTreeSet<InfoHash>,
    capacity: usize,
    /// How many torrents may still be told in this tick.
    left: usize,
    looking_up: bool,
}

impl TellBack {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            remembered: BTreeSet::new(),
            capacity,
            left: 0,
            looking_up: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.remembered.is_empty()
    }

    /// Remembers a torrent, if there is room. Without room it waits for the next
    /// telling.
    pub(super) fn remember(&mut self, info_hash: InfoHash) -> bool {
        let room = self.remembered.len() < self.capacity;
        if room {
            self.remembered.insert(info_hash);
        }
        room || self.remembered.contains(&info_hash)
    }

    /// Somebody else said it first.
    pub(super) fn forget(&mut self, info_hash: &InfoHash) {
        self.remembered.remove(info_hash);
    }

    pub(super) fn begin_tick(&mut self, torrents: usize) {
        self.left = torrents;
    }

    pub(super) fn poll_task(&mut self) -> Option<Task> {
        if self.looking_up || self.left == 0 || self.remembered.is_empty() {
            return None;
        }
        self.looking_up = true;
        let told = std::mem::take(&mut self.left).min(self.remembered.len());
        let torrents = (0..told).filter_map(|_| self.remembered.pop_first());
        Some(Task::LookUp(torrents.collect()))
    }

    pub(super) fn looked_up(&mut self) {
        self.looking_up = false;
    }
}
