//! Telling all our torrents.
//!
//! "The inquired tracker instance answers with as many scrape tell packets it
//! needs to deliver stats about all its torrents."

use super::task::Task;
use crate::types::Cursor;

/// How many torrents are read at once at most: so long a bucket is held.
const PORTION: usize = 256;

/// How far we have got.
#[derive(Debug)]
pub(super) struct Telling {
    /// Where to go on; nothing once all is told. It still counts as telling until
    /// the next tick, so that inquiries that cross the last packets are ignored.
    cursor: Option<Cursor>,
    /// How many torrents may still be told in this tick.
    left: usize,
    walking: bool,
}

impl Telling {
    pub(super) fn new() -> Self {
        Self {
            cursor: Some(Cursor::default()),
            left: 0,
            walking: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.cursor.is_none()
    }

    pub(super) fn begin_tick(&mut self, torrents: usize) {
        self.left = torrents;
    }

    /// Tells no more until the next tick.
    pub(super) fn end_tick(&mut self) {
        self.left = 0;
    }

    pub(super) fn poll_task(&mut self) -> Option<Task> {
        let cursor = self.cursor?;
        if self.walking || self.left == 0 {
            return None;
        }
        self.walking = true;
        Some(Task::Walk {
            cursor,
            limit: self.left.min(PORTION),
        })
    }

    /// A portion was read; whether to tell it. If somebody told meanwhile, it is read
    /// again later.
    pub(super) fn walked(&mut self, torrents: usize, next: Option<Cursor>) -> bool {
        self.walking = false;
        let tell = torrents <= self.left;
        if tell {
            self.left -= torrents;
            self.cursor = next;
        }
        tell
    }
}
