//! The limits of the built-in table.

use std::time::Duration;

/// The limits of a [`Memory`](super::Memory): the lifetimes of its entries, and the memory they
/// take.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use livesync::memory::Limits;
///
/// let limits = Limits::default().peer_lifetime(Duration::from_secs(1800)).bytes(1 << 20);
/// assert_eq!(limits.torrent_lifetime, Duration::from_secs(24 * 3600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The time that a peer stays in the table after its last announce. Default: 45 minutes.
    pub peer_lifetime: Duration,
    /// The time that a torrent stays in the table after its last announce. It stays at least as
    /// long as its peers. Default: 24 hours.
    pub torrent_lifetime: Duration,
    /// The memory for peers and torrents, in bytes. Default: 64 MiB. Maximum: 10^12; a larger
    /// value has the same effect.
    ///
    /// On a 64-bit machine a peer counts as about 235 bytes, a torrent as 170, and as 100 more
    /// while it has peers, which is what they take at most. The table itself takes another 4096
    /// bytes.
    ///
    /// To make room for an announce in a full table, torrents are removed that are known from
    /// scrape tells only, and then the peers and torrents that were announced longest ago. A
    /// scrape tell adds no torrent to a full table.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peer_lifetime: Duration::from_secs(45 * 60),
            torrent_lifetime: Duration::from_secs(24 * 3600),
            bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// Upper bound of [`bytes`](Self::bytes), because a swarm counts its peers with 32 bits.
    pub(crate) const MOST_BYTES: u64 = 1_000_000_000_000;

    /// Returns these limits with another lifetime of peers.
    #[must_use]
    pub fn peer_lifetime(mut self, peer_lifetime: Duration) -> Self {
        self.peer_lifetime = peer_lifetime;
        self
    }

    /// Returns these limits with another lifetime of torrents.
    #[must_use]
    pub fn torrent_lifetime(mut self, torrent_lifetime: Duration) -> Self {
        self.torrent_lifetime = torrent_lifetime;
        self
    }

    /// Returns these limits with another amount of memory, in bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }
}
