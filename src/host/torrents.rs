//! The interface by which scrape sync reads and changes the torrents of a tracker.

use crate::types::{Cursor, InfoHash, Merged, Torrent};

/// The torrents of a tracker, in buckets that livesync reads one after the other.
///
/// The receive thread calls these methods, or the thread of the program that runs the host loop.
/// livesync holds none of its locks during a call, so a method may take the tracker's locks.
pub trait Torrents {
    /// Returns the number of torrents.
    fn count(&self) -> u64;

    /// Appends at most `limit` torrents of one bucket, from `cursor` on, to `found`. Returns where
    /// to continue, or nothing at the end of the last bucket.
    fn walk(&self, cursor: Cursor, limit: usize, found: &mut Vec<Torrent>) -> Option<Cursor>;

    /// Returns what the tracker knows of a torrent, or nothing if it does not know it.
    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent>;

    /// Merges a torrent of a scrape tell: creates it with the age and the count of downloads
    /// in `heard`, or raises the count of a known torrent if the one in `heard` is larger.
    fn merge(&self, heard: &Torrent) -> Merged;
}
