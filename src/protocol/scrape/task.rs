//! What a node asks of its host, and how the host answers.

use crate::types::{Cursor, InfoHash};

/// Something to ask the host, without a lock held. Each task is handed out once,
/// and answered once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// How many torrents there are; answered by
    /// [`handle_torrent_count`](super::super::Node::handle_torrent_count).
    CountTorrents,
    /// The torrents from `cursor` on, at most `limit` of them and only as many
    /// as can be read without holding a lock for long; answered by
    /// [`handle_walked`](super::super::Node::handle_walked).
    Walk {
        /// Where to begin.
        cursor: Cursor,
        /// How many torrents at most.
        limit: usize,
    },
    /// What is known of these torrents; answered by
    /// [`handle_looked_up`](super::super::Node::handle_looked_up) with those that
    /// still exist.
    LookUp(Vec<InfoHash>),
}
