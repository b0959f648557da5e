//! What an engine has done and heard, as it tells others.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::host::Usage;
use crate::protocol::Counters;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::ScrapeState;
use crate::types::TrackerId;

/// What an engine has done since it was started last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Whether it is not stopped yet.
    pub running: bool,
    /// The id under which it speaks, or has spoken.
    pub id: TrackerId,
    /// How long it runs, or has run.
    pub uptime: Duration,
    /// What was sent, heard and dropped.
    pub counters: Counters,
    /// What scrape sync does, if the engine takes part in it.
    #[cfg(feature = "want_sync_scrape")]
    pub scrape: Option<ScrapeState>,
    /// How many other trackers are known.
    pub nodes: usize,
    /// What the host's table takes, if it says so.
    pub table: Option<Usage>,
}

/// Another tracker, as far as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeardNode {
    /// The id under which it speaks.
    pub id: TrackerId,
    /// Where its last packet came from.
    pub address: SocketAddrV4,
    /// How long ago that was.
    pub ago: Duration,
    /// Its packets.
    pub packets: u64,
    /// Announces in them.
    pub records: u64,
    /// Beacons among them.
    pub beacons: u64,
    /// How many torrents it had at its last beacon; 0 before the first.
    pub torrents: u64,
}
