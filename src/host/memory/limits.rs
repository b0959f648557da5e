//! What a table may hold.

use std::time::Duration;

/// How long a [`Memory`](super::Memory) remembers, and how much.
///
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
    /// A peer that is not announced again leaves after so long: 45 minutes.
    pub peer_lifetime: Duration,
    /// A torrent that is not announced again leaves after so long, but not before its
    /// peers: 24 hours.
    pub torrent_lifetime: Duration,
    /// The memory for peers and torrents, in bytes: 64 MiB. A peer is counted as about
    /// 235, a torrent as 170, and as 100 more while it has peers, which is what they may take
    /// at worst; the table itself takes another 4096. When the memory is
    /// full, torrents leave that are only known since another tracker told of them, and then what
    /// was announced longest ago; of further torrents that others tell of nothing is stored.
    /// More than a terabyte, 10^12 bytes, it does not take, whatever stands here.
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
    /// No table takes more: a swarm counts its peers with 32 bits.
    pub(crate) const MOST_BYTES: u64 = 1_000_000_000_000;

    /// With another lifetime of peers.
    #[must_use]
    pub fn peer_lifetime(mut self, peer_lifetime: Duration) -> Self {
        self.peer_lifetime = peer_lifetime;
        self
    }

    /// With another lifetime of torrents.
    #[must_use]
    pub fn torrent_lifetime(mut self, torrent_lifetime: Duration) -> Self {
        self.torrent_lifetime = torrent_lifetime;
        self
    }

    /// With more memory, or less.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }
}
