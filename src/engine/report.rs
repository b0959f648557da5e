//! What an engine has done and heard.

use super::engine::Engine;
use super::stats::{HeardNode, Stats};
use crate::config::Config;
use crate::protocol::Heard;

impl Engine {
    /// What it was bound with, or the defaults before.
    pub fn config(&self) -> Config {
        self.lock().binding.clone().unwrap_or_default()
    }

    /// What was done since the last start; nothing before the first.
    pub fn stats(&self) -> Option<Stats> {
        let table = self.host.usage();
        let mut state = self.lock();
        let live = state.live.as_mut().map(|live| {
            let now = self.clock.now();
            live.take_told(&self.told, now);
            live.stats(now)
        });
        let running = live.is_some() && !self.run.is_stopping();
        let stats = live.or_else(|| state.last.clone());
        // Who was to send what was told need not have seen it.
        self.act(state);
        let stats = stats?;
        Some(Stats {
            running,
            table,
            ..stats
        })
    }

    /// The other trackers that were heard in the last hour, the last one first; at most
    /// 256, of which the longest silent one makes room.
    pub fn nodes(&self) -> Vec<HeardNode> {
        let state = self.lock();
        let live = state.live.as_ref();
        let Some(live) = live.filter(|_| !self.run.is_stopping()) else {
            return Vec::new();
        };
        let now = self.clock.now();
        let mut heard: Vec<Heard> = live.node.nodes(now).collect();
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
            proven: node.proven,
            ahead_ms: node.ahead_ms,
            lag: node.lag,
            missing: node.missing,
            repaired: node.repaired,
            given_up: node.given_up,
        });
        nodes.collect()
    }
}
