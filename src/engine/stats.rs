//! The statistics of an engine as an application gets them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::counters::{counters, counting_struct};
use crate::host::Usage;
use crate::protocol::Counters;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::ScrapeState;
use crate::types::TrackerId;

counters!(engine => counting_struct! {
    /// Statistics of a node since its last start, as
    /// [`Livesync::stats`](crate::Livesync::stats) returns it.
    #[derive(Clone, Debug)]
    #[non_exhaustive]
    pub struct Stats {
        /// True while the node runs; false after a stop.
        pub running: bool,
        /// The tracker id under which the node sends, or has sent until it was stopped.
        pub id: TrackerId,
        /// The time from the start until now, or until the stop.
        pub uptime: Duration,
        /// Counters of what was sent, received and dropped.
        pub counters: Counters,
        /// The state of scrape sync, if the node takes part in it.
        #[cfg(feature = "want_sync_scrape")]
        pub scrape: Option<ScrapeState>,
        /// The number of other nodes that are known.
        pub nodes: usize,
        /// The number of packets of other nodes that are missing and may still come.
        pub packets_missing: u64,
        /// The size of the host's table, if the host reports it.
        pub table: Option<Usage>,
    }
});

/// Statistics of another node of the cluster, as
/// [`Livesync::nodes`](crate::Livesync::nodes) returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// The tracker id under which the node sends.
    pub id: TrackerId,
    /// The address from which its last packet came.
    pub address: SocketAddr,
    /// The time since its last packet was received.
    pub ago: Duration,
    /// The time between its first packet and its last one.
    pub known_for: Duration,
    /// The number of packets received from the node.
    pub packets: u64,
    /// The number of announces in these packets.
    pub records: u64,
    /// The number of beacons among these packets.
    pub beacons: u64,
    /// The number of torrents in its last beacon; 0 before the first beacon.
    pub torrents: u64,
    /// True if its last packet was authenticated.
    pub authenticated: bool,
    /// How many milliseconds its clock is ahead of ours, less the time that its packets travel; 0
    /// if its packets carry no time.
    pub ahead_ms: i64,
    /// The replication lag: how much longer than the fastest packet its last one took.
    pub lag: Duration,
    /// The number of its packets that are missing and may still come.
    pub missing: u64,
    /// The number of its packets that were missing and came after all.
    pub recovered: u64,
    /// The number of its packets that were missing and did not come in time.
    pub lost: u64,
}
