//! All settings and their defaults, in one place.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::log::Level;

/// The port that the specification names.
pub const LIVESYNC_PORT: u16 = 9696;

/// What may be set. [`Config::default`] is what the specification says, or
/// where it is silent what suits a busy tracker.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The multicast group. The specification says 224.0.42.5; a cluster that
    /// runs the C module uses 224.0.23.5.
    pub group: Ipv4Addr,
    /// The multicast ttl of what we send.
    pub ttl: u8,
    /// Whether other trackers on the same host hear us.
    pub loopback: bool,
    /// How long the oldest record waits for its packet to fill up.
    pub flush_after: Duration,
    /// Whether to hear of IPv6 peers.
    pub ipv6: bool,
    /// Whether to take part in scrape sync. Without the feature `want_sync_scrape`
    /// it makes no difference.
    pub scrape: bool,
    /// How long a tracker runs before its first beacon
    /// (`LIVESYNC_FIRST_BEACON_DELAY`).
    pub first_beacon_delay: Duration,
    /// The time between two beacons (`LIVESYNC_BEACON_INTERVAL`).
    pub beacon_interval: Duration,
    /// A tracker with R torrents is worth asking for them when we have less than
    /// this part of R.
    pub inquire_threshold: f64,
    /// How many scrape tell packets are sent per tick, a tenth of a second, at
    /// most.
    pub tell_packets: u32,
    /// How many torrents that we know better than another tracker are remembered
    /// at most, to be told back. Each takes about 30 bytes.
    pub remembered_torrents: usize,
    /// What is logged: this level and the more serious ones.
    pub log: Level,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            group: Ipv4Addr::new(224, 0, 42, 5),
            ttl: 1,
            loopback: false,
            flush_after: Duration::from_millis(100),
            ipv6: true,
            scrape: true,
            first_beacon_delay: Duration::from_secs(1800),
            beacon_interval: Duration::from_secs(60),
            inquire_threshold: 0.75,
            tell_packets: 100,
            remembered_torrents: 65_536,
            log: Level::Warn,
        }
    }
}
