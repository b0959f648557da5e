//! What a node asks of its host, and how the host answers.

use crate::types::{Cursor, InfoHash};

/// Something to ask the host, without a lock held. Each task is handed out once,
/// and answered once, so who matches them is to hear of a new one from the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// How many torrents there are; answered by
    /// [`torrents_counted`](crate::Livesync::torrents_counted).
    CountTorrents,
    /// The torrents from `cursor` on, at most `limit` of them and only as many
    /// as can be read without holding a lock for long; answered by
    /// [`torrents_walked`](crate::Livesync::torrents_walked).
    Walk {
        /// Where to begin.
        cursor: Cursor,
        /// How many torrents at most.
        limit: usize,
    },
    /// What is known of these torrents; answered by
    /// [`torrents_looked_up`](crate::Livesync::torrents_looked_up) with those that
    /// still exist.
    LookUp(Vec<InfoHash>),
}
