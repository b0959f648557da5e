//! What scrape sync needs from a tracker.

use crate::types::{Cursor, InfoHash, Merged, Torrent};

/// The torrents of a tracker, in buckets that may be read one after the other.
///
/// The methods may be called from the receive thread and from the thread that
/// ticks, never while a lock of ours is held.
pub trait Torrents {
    /// How many torrents there are.
    fn count(&self) -> u64;

    /// Appends torrents of one bucket from `cursor` on, at most `limit` of them, to
    /// `told`. Returns where to go on, or nothing at the end of the last bucket.
    fn walk(&self, cursor: Cursor, limit: usize, told: &mut Vec<Torrent>) -> Option<Cursor>;

    /// What is known of a torrent.
    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent>;

    /// Learns of a torrent: raises its downloaded count to the one heard, if that is
    /// larger, or creates it as it was heard.
    fn merge(&self, heard: &Torrent) -> Merged;
}
