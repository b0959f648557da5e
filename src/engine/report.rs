//! What an engine has done and heard.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::engine::Engine;
use crate::config::Config;
use crate::host::memory::Usage;
use crate::protocol::Counters;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::ScrapeState;
use crate::types::TrackerId;

/// What an engine has done since it was started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The id under which it speaks.
    pub id: TrackerId,
    /// How long ago it was started.
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

impl Engine {
    /// What it was bound with, or the defaults before.
    pub fn config(&self) -> Config {
        self.lock().binding.clone().unwrap_or_default()
    }

    /// What was done since the start, if the engine runs.
    pub fn stats(&self) -> Option<Stats> {
        let table = self.host.usage();
        if self.run.is_stopping() {
            return None;
        }
        let state = self.lock();
        let live = state.live.as_ref()?;
        Some(Stats {
            id: live.node.id(),
            uptime: self.clock.now().since(live.began),
            counters: live.node.counters(),
            #[cfg(feature = "want_sync_scrape")]
            scrape: live.node.scrape_state(),
            nodes: live.node.nodes().len(),
            table,
        })
    }

    /// The other trackers, the one heard last first; at most 256, of which the
    /// longest silent one makes room.
    pub fn nodes(&self) -> Vec<HeardNode> {
        let state = self.lock();
        let live = state.live.as_ref();
        let Some(live) = live.filter(|_| !self.run.is_stopping()) else {
            return Vec::new();
        };
        let now = self.clock.now();
        let mut heard = live.node.nodes().to_vec();
        drop(state);
        heard.sort_by_key(|node| std::cmp::Reverse(node.last));
        let nodes = heard.into_iter().map(|node| HeardNode {
            id: node.id,
            address: node.address,
            ago: now.since(node.last),
            packets: node.packets,
            records: node.records,
            beacons: node.beacons,
            torrents: node.torrents,
        });
        nodes.collect()
    }
}
