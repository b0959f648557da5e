//! The questions of a node to its host.

use crate::types::{Cursor, InfoHash};

/// A question of scrape sync to the host.
///
/// The library holds no lock of its own while the host answers. Each task is handed out once and
/// must be answered once. The enum may be matched exhaustively, so that the compiler reports a new
/// task to every program that answers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// How many torrents does the host have? It answers with
    /// [`torrents_counted`](crate::Livesync::torrents_counted).
    CountTorrents,
    /// Which torrents follow from `cursor` on? The host reads at most `limit` of them, and only as
    /// many as it can read without holding a lock for long. It answers with
    /// [`torrents_walked`](crate::Livesync::torrents_walked).
    Walk {
        /// Where to begin.
        cursor: Cursor,
        /// The largest number of torrents in the answer.
        limit: usize,
    },
    /// What does the host know of these torrents? It answers with
    /// [`torrents_looked_up`](crate::Livesync::torrents_looked_up), without those that no longer
    /// exist.
    LookUp(Vec<InfoHash>),
}
