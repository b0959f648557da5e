//! Tells back torrents of which this node knows a larger count than another tracker has told.
//!
//! "It can send out its own scrape tell packets, if it knows more."

use std::collections::BTreeSet;
use std::mem;

use super::task::Task;
use crate::types::{InfoHash, Torrent};

/// The largest number of torrents that the host looks up in one task.
const LOOK_UP_PORTION: usize = 256;

/// The torrents of which this node knows a larger count.
#[derive(Debug)]
pub(super) struct TellBack {
    remembered: BTreeSet<InfoHash>,
    capacity: usize,
    /// How many torrents may still be told in this tick.
    left: usize,
    /// The torrents that the host looks up at the moment. They stay in `remembered` until they are
    /// told.
    asked: Vec<InfoHash>,
    /// True if another tracker has sent a scrape tell meanwhile.
    interrupted: bool,
}

impl TellBack {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            remembered: BTreeSet::new(),
            capacity,
            left: 0,
            asked: Vec::new(),
            interrupted: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.remembered.is_empty()
    }

    /// Remembers a torrent. Returns false if there is no room; then it waits for the next telling.
    pub(super) fn remember(&mut self, info_hash: InfoHash) -> bool {
        let room = self.remembered.len() < self.capacity;
        if room {
            self.remembered.insert(info_hash);
        }
        room || self.remembered.contains(&info_hash)
    }

    /// Forgets a torrent, since another tracker has told its count.
    pub(super) fn forget(&mut self, info_hash: &InfoHash) {
        self.remembered.remove(info_hash);
    }

    pub(super) fn begin_tick(&mut self, torrents: usize) {
        self.left = torrents;
    }

    /// Stops telling until the next tick.
    pub(super) fn end_tick(&mut self) {
        self.left = 0;
        self.interrupted = !self.asked.is_empty();
    }

    /// Returns whether nothing more is told in this tick.
    pub(super) fn tick_is_over(&self) -> bool {
        self.left == 0 || self.remembered.is_empty()
    }

    pub(super) fn poll_task(&mut self) -> Option<Task> {
        if !self.asked.is_empty() {
            return None;
        }
        let portion = self.left.min(LOOK_UP_PORTION);
        self.asked = self.remembered.iter().take(portion).copied().collect();
        self.left = match self.asked.len() {
            0 => 0,
            asked => self.left - asked,
        };
        (!self.asked.is_empty()).then(|| Task::LookUp(self.asked.clone()))
    }

    /// Returns which of the torrents that the host has found are to be told.
    pub(super) fn looked_up(&mut self, found: &[Torrent]) -> Vec<Torrent> {
        let asked = mem::take(&mut self.asked);
        if mem::take(&mut self.interrupted) {
            return Vec::new();
        }
        let found = found.iter().copied();
        let told = found.filter(|torrent| self.remembered.contains(&torrent.info_hash));
        let told = told.collect();
        for info_hash in asked {
            self.remembered.remove(&info_hash);
        }
        told
    }
}
