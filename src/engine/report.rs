//! Answers questions about an engine: its configuration, statistics and the other nodes.

use super::engine::Engine;
use super::stats::{NodeStats, Stats};
use super::sync::atomic::Ordering::SeqCst;
use crate::config::Config;
use crate::net::lines_dropped;
use crate::protocol::RemoteStats;

impl Engine {
    /// Returns the configuration of the last bind, or the defaults before the first one and in a
    /// forked child.
    pub fn config(&self) -> Config {
        if self.is_forked() {
            return Config::default();
        }
        self.lock().binding.clone().unwrap_or_default()
    }

    /// Returns the statistics since the last start, or `None` before the first one and in a forked
    /// child.
    pub fn stats(&self) -> Option<Stats> {
        if self.is_forked() {
            return None;
        }
        let table = self.host.usage();
        let state = self.lock();
        let live = state.live.as_ref().map(|live| {
            let mut stats = live.stats(self.clock.now());
            stats.counters.records_announced += (live.left() + self.queue.waiting()) as u64;
            stats
        });
        let running = live.is_some() && !self.run.is_stopping();
        let stats = live.or_else(|| state.last.clone())?;
        drop(state);
        Some(Stats {
            running,
            table,
            announces_refused: self.announces_refused.load(SeqCst) as u64,
            log_lines_dropped: lines_dropped(),
            ..stats
        })
    }

    /// Returns the other nodes that were heard in the last hour, the one heard last first. There
    /// are 256 at most; a further one replaces the one heard longest ago.
    pub fn nodes(&self) -> Vec<NodeStats> {
        if self.is_forked() {
            return Vec::new();
        }
        let state = self.lock();
        let live = state.live.as_ref();
        let Some(live) = live.filter(|_| !self.run.is_stopping()) else {
            return Vec::new();
        };
        let now = self.clock.now();
        let mut heard: Vec<RemoteStats> = live.node.nodes(now).collect();
        drop(state);
        heard.sort_by_key(|node| std::cmp::Reverse(node.last));
        let nodes = heard.into_iter().map(|node| NodeStats {
            id: node.id,
            address: node.address,
            ago: now.since(node.last),
            known_for: node.last.since(node.first),
            packets: node.packets,
            records: node.records,
            beacons: node.beacons,
            torrents: node.torrents,
            authenticated: node.authenticated,
            ahead_ms: node.ahead_ms,
            lag: node.lag,
            missing: node.missing,
            recovered: node.recovered,
            lost: node.lost,
        });
        nodes.collect()
    }
}
