//! Statistics in the text format of Prometheus.

use std::fmt::{Display, Write};
use std::net::SocketAddr;
use std::time::Duration;

use crate::config::Config;
use crate::counters::Counter;
use crate::engine::{NodeStats, Stats};
use crate::host::Usage;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::ScrapeState;
use crate::reject::Reject;

/// How long an unauthenticated node must be known before it has series of its own. A sender that
/// forges tracker ids must not make new series with each id.
const UNAUTHENTICATED_MIN_AGE: Duration = Duration::from_secs(60);

/// How many unauthenticated nodes have series at most. They are those known for the longest time.
const MAX_UNAUTHENTICATED: usize = 64;

/// Writes the metrics of a handle: its statistics, if it was started, and the nodes it has heard.
pub(crate) fn text(config: &Config, stats: Option<&Stats>, nodes: &[NodeStats]) -> String {
    let Config {
        group,
        port,
        interface,
        ..
    } = config;
    let mut text = Text {
        text: String::new(),
        labels: format!(
            "group=\"{}\",interface=\"{interface}\"",
            SocketAddr::new(*group, *port)
        ),
    };
    let running = stats.filter(|stats| stats.running);
    text.gauge(
        "up",
        "1 while sync is started, or else 0.",
        u8::from(running.is_some()),
    );
    if let Some(stats) = running {
        text.now(stats);
    }
    if let Some(stats) = stats {
        text.stats(stats);
    }
    text.nodes(&listed(nodes));
    text.text
}

/// Returns the nodes that have series of their own.
fn listed(nodes: &[NodeStats]) -> Vec<&NodeStats> {
    let (mut listed, mut others): (Vec<&NodeStats>, Vec<_>) =
        nodes.iter().partition(|node| node.authenticated);
    others.retain(|node| node.known_for >= UNAUTHENTICATED_MIN_AGE);
    others.sort_by_key(|node| std::cmp::Reverse(node.ago + node.known_for));
    others.truncate(MAX_UNAUTHENTICATED);
    listed.append(&mut others);
    listed
}

/// The text written so far, and the labels that every sample has.
struct Text {
    text: String,
    labels: String,
}

impl Text {
    fn now(&mut self, stats: &Stats) {
        let id = stats.id;
        self.head("tracker_info", "gauge", "The id of this tracker.");
        self.sample("tracker_info", &format!(",tracker_id=\"{id}\""), 1);
        let uptime = stats.uptime.as_secs_f64();
        self.gauge("uptime_seconds", "Time since the start.", uptime);
        self.gauge("nodes", "Other nodes that are known.", stats.nodes);
        self.gauge(
            "packets_missing",
            "Packets that are missing and may still come.",
            stats.packets_missing,
        );
        #[cfg(feature = "want_sync_scrape")]
        if let Some(state) = stats.scrape {
            self.scrape_state(state);
        }
    }

    fn stats(&mut self, stats: &Stats) {
        let counters = &stats.counters;
        self.counters(counters.each());
        self.counters(stats.each());
        self.counters(counters.repair.each());
        self.head(
            "drops_total",
            "counter",
            "Packets dropped, whole or in part.",
        );
        for &reject in Reject::ALL {
            let reason = format!(",reason=\"{}\"", reject.name());
            self.sample("drops_total", &reason, counters.drops.of(reject));
        }
        #[cfg(feature = "want_sync_scrape")]
        if stats.scrape.is_some() {
            self.counters(counters.scrape.each());
        }
        if let Some(table) = &stats.table {
            self.table(table);
        }
    }

    #[cfg(feature = "want_sync_scrape")]
    fn scrape_state(&mut self, state: ScrapeState) {
        self.head(
            "scrape_state",
            "gauge",
            "1 for the state of scrape sync now.",
        );
        for (one, name) in ScrapeState::NAMES {
            let label = format!(",state=\"{name}\"");
            self.sample("scrape_state", &label, u8::from(one == state));
        }
    }

    fn table(&mut self, table: &Usage) {
        self.gauge("table_torrents", "Torrents in the table.", table.torrents);
        self.gauge("table_peers", "Peers in the table.", table.peers);
        self.gauge(
            "table_bytes",
            "Upper bound for the memory that the torrents and peers in the table take.",
            table.bytes,
        );
        self.counters([
            (
                "table_expired",
                "Peers and torrents removed because they were not announced for their lifetime.",
                table.expired,
            ),
            (
                "table_evicted",
                "Peers and torrents removed because the table was full.",
                table.evicted,
            ),
        ]);
    }

    fn nodes(&mut self, nodes: &[&NodeStats]) {
        type Of = fn(&NodeStats) -> f64;
        let metrics: [(&str, &str, &str, Of); 11] = [
            (
                "node_last_heard_seconds",
                "gauge",
                "Time since the node was heard last.",
                |node| node.ago.as_secs_f64(),
            ),
            (
                "node_packets_total",
                "counter",
                "Packets received from the node.",
                |node| node.packets as f64,
            ),
            (
                "node_records_total",
                "counter",
                "Announces in these packets.",
                |node| node.records as f64,
            ),
            (
                "node_beacons_total",
                "counter",
                "Beacons among these packets.",
                |node| node.beacons as f64,
            ),
            (
                "node_torrents",
                "gauge",
                "Torrents of the node at its last beacon.",
                |node| node.torrents as f64,
            ),
            (
                "node_clock_ahead_seconds",
                "gauge",
                "How far the node's clock is ahead of ours, less the time that its packets travel.",
                |node| node.ahead_ms as f64 / 1000.0,
            ),
            (
                "node_lag_seconds",
                "gauge",
                "Time that the node's last packet took longer than its fastest one.",
                |node| node.lag.as_secs_f64(),
            ),
            (
                "node_packets_missing",
                "gauge",
                "Packets of the node that are missing and may still come.",
                |node| node.missing as f64,
            ),
            (
                "node_packets_recovered_total",
                "counter",
                "Packets of the node that were missing and came after all.",
                |node| node.recovered as f64,
            ),
            (
                "node_packets_lost_total",
                "counter",
                "Packets of the node that were missing and did not come in time.",
                |node| node.lost as f64,
            ),
            (
                "node_authenticated",
                "gauge",
                "1 if the node's last packet was authenticated, or else 0.",
                |node| u8::from(node.authenticated).into(),
            ),
        ];
        for (name, kind, help, of) in metrics {
            if !nodes.is_empty() {
                self.head(name, kind, help);
            }
            for node in nodes {
                let NodeStats { id, address, .. } = node;
                let labels = format!(",tracker_id=\"{id}\",address=\"{address}\"");
                self.sample(name, &labels, of(node));
            }
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, "", value);
    }

    /// Writes counters, of which each has a name without `_total`, a help text and a value.
    fn counters(&mut self, counters: impl IntoIterator<Item = Counter>) {
        for (name, help, value) in counters {
            let name = format!("{name}_total");
            self.head(&name, "counter", help);
            self.sample(&name, "", value);
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = write!(
            self.text,
            "# HELP livesync_{name} {help}\n# TYPE livesync_{name} {kind}\n"
        );
    }

    fn sample(&mut self, name: &str, more_labels: &str, value: impl Display) {
        let labels = &self.labels;
        let _ = writeln!(
            self.text,
            "livesync_{name}{{{labels}{more_labels}}} {value}"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::types::TrackerId;

    fn node(id: u32, known_for: u64, authenticated: bool) -> NodeStats {
        NodeStats {
            id: TrackerId(id.to_be_bytes()),
            address: (Ipv4Addr::LOCALHOST, 1).into(),
            ago: Duration::ZERO,
            known_for: Duration::from_secs(known_for),
            packets: 2,
            records: 1,
            beacons: 0,
            torrents: 0,
            authenticated,
            ahead_ms: 0,
            lag: Duration::ZERO,
            missing: 0,
            recovered: 0,
            lost: 0,
        }
    }

    #[test]
    fn forged_ids_make_no_series() {
        let forged = (100..350).map(|id| node(id, 59, false));
        let real = [node(1, 60, false), node(2, 3600, false), node(3, 0, true)];
        let nodes: Vec<_> = forged.chain(real).collect();
        let ids = listed(&nodes).into_iter().map(|node| node.id.0[3]);
        assert_eq!(Vec::from_iter(ids), [3, 2, 1]);
        let many: Vec<_> = (0..250)
            .map(|id| node(id, 60 + u64::from(id), false))
            .collect();
        assert_eq!(listed(&many).len(), MAX_UNAUTHENTICATED);
        assert!(
            listed(&many)
                .iter()
                .all(|node| node.known_for.as_secs() >= 60 + 250 - 64)
        );
    }
}
