//! What an engine has done and heard, as it tells others.

use std::net::SocketAddr;
use std::time::Duration;

use crate::counters::{counters, counting_struct};
use crate::host::Usage;
use crate::protocol::Counters;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::ScrapeState;
use crate::types::TrackerId;

counters!(engine => counting_struct! {
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
        /// Packets of theirs that are missing and may still come.
        pub packets_missing: u64,
        /// What the host's table takes, if it says so.
        pub table: Option<Usage>,
    }
});

/// Another tracker, as far as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// The id under which it speaks.
    pub id: TrackerId,
    /// Where its last packet came from.
    pub address: SocketAddr,
    /// How long ago that was.
    pub ago: Duration,
    /// How long before that its first packet was heard.
    pub known_for: Duration,
    /// Its packets.
    pub packets: u64,
    /// Announces in them.
    pub records: u64,
    /// Beacons among them.
    pub beacons: u64,
    /// How many torrents it had at its last beacon; 0 before the first.
    pub torrents: u64,
    /// Whether its last packet proved by a key where it comes from.
    pub authenticated: bool,
    /// How many milliseconds its clock is ahead of ours; what packets take makes it look
    /// late. 0 if its packets do not say.
    pub ahead_ms: i64,
    /// How long its last packet took longer than the fastest: the replication lag.
    pub lag: Duration,
    /// Packets of it that are missing and may still come.
    pub missing: u64,
    /// Packets of it that were missing, and came after all.
    pub recovered: u64,
    /// Packets of it that were missing, and did not come in time.
    pub lost: u64,
}
