//! The usage of a table of peers and torrents.

/// The size of a host's table, and the number of entries that have left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The torrents in the table.
    pub torrents: u64,
    /// The peers in the table.
    pub peers: u64,
    /// The memory in bytes that these torrents and peers take at most.
    pub bytes: u64,
    /// The torrents and peers that were removed because they were not announced again in time.
    pub expired: u64,
    /// The torrents and peers that were removed because the table was full.
    pub evicted: u64,
}
