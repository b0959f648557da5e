//! Tells all torrents of this node.
//!
//! "The inquired tracker instance answers with as many scrape tell packets it needs to deliver
//! stats about all its torrents."

use std::mem;

use super::task::Task;
use crate::types::Cursor;

/// The largest number of torrents that the host reads in one task. It limits how long a bucket is
/// locked.
const WALK_PORTION: usize = 256;

/// The progress of a telling.
#[derive(Debug)]
pub(super) struct Telling {
    /// Where the walk goes on, `None` once all torrents are told. The telling still lasts a while
    /// then, so that inquiries that cross its last packets are ignored.
    cursor: Option<Cursor>,
    /// How many torrents may still be told in this tick.
    left: usize,
    /// How many torrents the host was asked for, while it has not answered.
    asked: Option<usize>,
    /// How many steps the walk has made. `checkpoint` is where it was after the last power of two
    /// of them. If it comes there again, it runs in a circle.
    steps: u64,
    checkpoint: Cursor,
}

/// The use of a portion that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// Tell it.
    Tell,
    /// Tell it and end the walk, which does not advance.
    TellAndEnd,
    /// Read it again later, since another tracker has sent a scrape tell meanwhile.
    ReadAgain,
}

impl Telling {
    pub(super) fn new() -> Self {
        Self {
            cursor: Some(Cursor::default()),
            left: 0,
            asked: None,
            steps: 0,
            checkpoint: Cursor::default(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.cursor.is_none()
    }

    /// Begins a tick in which this many torrents may be told, or the portion of an earlier tick
    /// that the host still reads.
    pub(super) fn begin_tick(&mut self, torrents: usize) {
        self.left = torrents.max(self.asked.unwrap_or(0));
    }

    /// Stops telling until the next tick.
    pub(super) fn end_tick(&mut self) {
        self.left = 0;
    }

    pub(super) fn poll_task(&mut self) -> Option<Task> {
        let cursor = self.cursor?;
        if self.asked.is_some() || self.left == 0 {
            return None;
        }
        let limit = self.left.min(WALK_PORTION);
        self.asked = Some(limit);
        Some(Task::Walk { cursor, limit })
    }

    /// Notes that a portion was read. A host that stands still, runs in a circle or reads more than
    /// it was asked for must not cause tasks without end. Nor may one with many empty buckets in
    /// one tick, so an empty portion counts as one torrent.
    pub(super) fn walked(&mut self, torrents: usize, next: Option<Cursor>) -> Walked {
        self.asked = None;
        if torrents > 0 && self.left == 0 {
            return Walked::ReadAgain;
        }
        self.left = self.left.saturating_sub(torrents.max(1));
        let from = mem::replace(&mut self.cursor, next);
        if let (Some(from), Some(next)) = (from, next)
            && !self.advance(from, next)
        {
            self.cursor = None;
            return Walked::TellAndEnd;
        }
        Walked::Tell
    }

    /// Makes a step. Returns false if the walk has been at `next` before, as far as that is known.
    /// Only the host knows what a cursor means, so cursors have no order here.
    fn advance(&mut self, from: Cursor, next: Cursor) -> bool {
        if next == from || next == self.checkpoint {
            return false;
        }
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.checkpoint = next;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::InfoHash;

    fn at(number: u8) -> Cursor {
        Cursor {
            bucket: 0,
            after: Some(InfoHash([number; 20])),
        }
    }

    #[test]
    fn a_host_that_stands_still_ends_the_walk() {
        for torrents in [0, 1] {
            let mut telling = Telling::new();
            telling.begin_tick(100);
            assert!(telling.poll_task().is_some());
            assert_eq!(telling.walked(10, Some(at(1))), Walked::Tell);
            assert!(telling.poll_task().is_some());
            let walked = telling.walked(torrents, Some(at(1)));
            assert_eq!(walked, Walked::TellAndEnd);
            assert!(telling.is_over());
            assert_eq!(telling.poll_task(), None);
        }
    }

    /// Circles of any size, which the walk enters at once or after a while.
    #[test]
    fn a_host_that_goes_round_in_circles_ends_the_walk() {
        let back = Cursor {
            bucket: 1,
            after: None,
        };
        for (before, circle) in [(0, 2), (5, 1), (3, 100), (200, 50), (1, 255)] {
            let places = (0..before).map(|n| n as u8).chain((0..circle).cycle());
            let mut telling = Telling::new();
            let mut asked = 0;
            for place in places.map(|place| if place == 7 { back } else { at(place) }) {
                telling.begin_tick(100);
                assert!(telling.poll_task().is_some());
                asked += 1;
                if telling.walked(asked % 2, Some(place)) == Walked::TellAndEnd {
                    break;
                }
            }
            assert!(telling.is_over());
            assert!(asked <= 4 * (before + usize::from(circle)) + 8, "{asked}");
        }
    }

    #[test]
    fn empty_buckets_do_not_make_us_ask_without_end_in_one_tick() {
        let mut telling = Telling::new();
        telling.begin_tick(100);
        let bucket = |bucket| {
            Some(Cursor {
                bucket,
                after: None,
            })
        };
        let asked = (1..).take_while(|n| {
            let asked = telling.poll_task().is_some();
            if asked {
                assert_eq!(telling.walked(0, bucket(*n)), Walked::Tell);
            }
            asked
        });
        assert_eq!(asked.count(), 100);
    }

    #[test]
    fn a_host_that_reads_more_than_it_may_gets_on() {
        let mut telling = Telling::new();
        telling.begin_tick(100);
        assert!(telling.poll_task().is_some());
        assert_eq!(telling.walked(101, Some(at(1))), Walked::Tell);
        assert_eq!(telling.poll_task(), None, "the tick is over");
        telling.begin_tick(100);
        let cursor = at(1);
        let limit = 100;
        assert_eq!(telling.poll_task(), Some(Task::Walk { cursor, limit }));
    }

    #[test]
    fn what_was_read_while_somebody_told_is_read_again() {
        let mut telling = Telling::new();
        telling.begin_tick(100);
        assert!(telling.poll_task().is_some());
        telling.end_tick();
        assert_eq!(telling.walked(10, Some(at(1))), Walked::ReadAgain);
        telling.begin_tick(100);
        let (cursor, limit) = (Cursor::default(), 100);
        assert_eq!(telling.poll_task(), Some(Task::Walk { cursor, limit }));
    }
}
