//! Telling back what we know better.
//!
//! "It can send out its own scrape tell packets, if it knows more."

use std::collections::BTreeSet;
use std::mem;

use super::task::Task;
use crate::types::{InfoHash, Torrent};

/// How many torrents are looked up at once at most.
const PORTION: usize = 256;

/// The torrents of which we know a larger count than was told.
#[derive(Debug)]
pub(super) struct TellBack {
    remembered: BTreeSet<InfoHash>,
    capacity: usize,
    /// How many torrents may still be told in this tick.
    left: usize,
    /// What the host looks up at the moment. It is remembered until it is told.
    asked: Vec<InfoHash>,
    /// Somebody told meanwhile.
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

    /// Tells no more until the next tick.
    pub(super) fn end_tick(&mut self) {
        self.left = 0;
        self.interrupted = !self.asked.is_empty();
    }

    /// Whether nothing more is told in this tick.
    pub(super) fn tick_is_over(&self) -> bool {
        self.left == 0 || self.remembered.is_empty()
    }

    pub(super) fn poll_task(&mut self) -> Option<Task> {
        if !self.asked.is_empty() {
            return None;
        }
        let portion = self.left.min(PORTION);
        self.asked = self.remembered.iter().take(portion).copied().collect();
        self.left = match self.asked.len() {
            0 => 0,
            asked => self.left - asked,
        };
        (!self.asked.is_empty()).then(|| Task::LookUp(self.asked.clone()))
    }

    /// What is to be told of the torrents that were found.
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
