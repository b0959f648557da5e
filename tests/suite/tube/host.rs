//! A tracker's torrents, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use livesync::{Cursor, InfoHash, Merged, Task, Torrent};

/// Number of buckets, which the upper half of the first byte of the hash selects.
const BUCKETS: u32 = 16;

/// Returns the hash of the torrent with this number. Hashes are in no order, like real ones.
pub fn info_hash(number: u64) -> InfoHash {
    let mut hash = [0; 20];
    hash[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    hash[12..].copy_from_slice(&number.to_be_bytes());
    InfoHash(hash)
}

/// A tracker's entry for one torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub downloaded: u64,
    /// Minute of virtual time of the last announce; negative before the test began.
    pub announced: i64,
}

/// A tracker's answer to a [`Task`].
#[derive(Debug)]
pub enum Answer {
    Count(u64),
    Walked(Vec<Torrent>, Option<Cursor>),
    LookedUp(Vec<Torrent>),
}

/// A tracker's torrents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    pub torrents: BTreeMap<InfoHash, Entry>,
    /// Torrents that its access list does not allow.
    pub refused: BTreeSet<InfoHash>,
}

impl Host {
    /// Makes a tracker with the torrents of these numbers, each downloaded this many times and
    /// announced just now.
    pub fn with(numbers: impl IntoIterator<Item = u64>, downloaded: u64) -> Self {
        let entry = Entry {
            downloaded,
            announced: 0,
        };
        Self {
            torrents: numbers.into_iter().map(|n| (info_hash(n), entry)).collect(),
            refused: BTreeSet::new(),
        }
    }

    pub fn count(&self) -> u64 {
        self.torrents.len() as u64
    }

    pub fn downloaded(&self, info_hash: &InfoHash) -> Option<u64> {
        Some(self.torrents.get(info_hash)?.downloaded)
    }

    /// Answers a task; `now` is in minutes.
    pub fn answer(&self, now: i64, task: &Task) -> Answer {
        match task {
            Task::CountTorrents => Answer::Count(self.count()),
            Task::Walk { cursor, limit } => {
                let (walked, next) = self.walk(now, *cursor, *limit);
                Answer::Walked(walked, next)
            }
            Task::LookUp(hashes) => {
                let known = hashes
                    .iter()
                    .filter_map(|hash| self.torrents.get_key_value(hash));
                Answer::LookedUp(known.map(|known| to_torrent(now, known)).collect())
            }
        }
    }

    /// Merges a torrent of a scrape tell.
    pub fn merge(&mut self, now: i64, heard: &Torrent) -> Merged {
        if self.refused.contains(&heard.info_hash) {
            return Merged::Failed;
        }
        let entry = self.torrents.entry(heard.info_hash).or_insert(Entry {
            downloaded: 0,
            announced: now - i64::from(heard.base_offset),
        });
        if entry.downloaded > heard.downloaded {
            return Merged::KnownBetter;
        }
        entry.downloaded = heard.downloaded;
        Merged::AsHeard
    }

    fn walk(&self, now: i64, cursor: Cursor, limit: usize) -> (Vec<Torrent>, Option<Cursor>) {
        let begin = cursor
            .after
            .map_or(Bound::Included(first_hash(cursor.bucket)), Bound::Excluded);
        let mut rest = self
            .torrents
            .range((begin, Bound::Unbounded))
            .take_while(|(hash, _)| u32::from(hash.0[0] >> 4) == cursor.bucket)
            .peekable();
        let walked: Vec<_> = rest
            .by_ref()
            .take(limit)
            .map(|known| to_torrent(now, known))
            .collect();
        let next = if rest.peek().is_some() {
            Some(Cursor {
                after: walked.last().map(|torrent| torrent.info_hash),
                ..cursor
            })
        } else {
            Some(cursor.bucket + 1)
                .filter(|bucket| *bucket < BUCKETS)
                .map(|bucket| Cursor {
                    bucket,
                    after: None,
                })
        };
        (walked, next)
    }
}

fn first_hash(bucket: u32) -> InfoHash {
    let mut hash = [0; 20];
    hash[0] = (bucket << 4) as u8;
    InfoHash(hash)
}

fn to_torrent(now: i64, (info_hash, entry): (&InfoHash, &Entry)) -> Torrent {
    Torrent {
        info_hash: *info_hash,
        base_offset: (now - entry.announced).max(0) as u32,
        downloaded: entry.downloaded,
    }
}
