//! What a table takes.

/// How full a host's table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Torrents in memory.
    pub torrents: u64,
    /// Peers in memory.
    pub peers: u64,
    /// What these torrents and peers take at most.
    pub bytes: u64,
    /// Torrents and peers that have left because they were not announced again.
    pub expired: u64,
    /// Torrents and peers that have left because the memory was full.
    pub evicted: u64,
}
