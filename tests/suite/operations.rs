//! docs/operations.md names metrics, reasons and settings that there are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use livesync::memory::Limits;
use livesync::stats::Reject;
use livesync::{Config, Events, Keys, Livesync, Memory, TrackerId};

use crate::setup_errors::dies_in;
use crate::support::cc;
use crate::support::group::port;
use crate::support::host::program;

const PATIENCE: Duration = Duration::from_secs(60);

fn read(file: &str) -> String {
    std::fs::read_to_string(cc::root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// What stands on the page between these two.
fn between(begin: &str, end: &str) -> Vec<String> {
    let page = read("docs/operations.md");
    let parts = page.split(begin).skip(1);
    let found: Vec<_> = parts
        .filter_map(|part| part.split_once(end))
        .map(|(found, _)| found.to_owned())
        .collect();
    assert!(!found.is_empty(), "{begin}");
    found
}

/// All metrics that there are: of a node with a table that has heard another one.
pub fn metrics() -> String {
    let config = Config::on([127, 0, 0, 1])
        .port(port())
        .loopback(true)
        .keys(Keys::new([1; 32]))
        .allow(["127.0.0.1/32".parse().expect("a network")]);
    let table = Arc::new(Memory::new(Limits::default()));
    let node = Livesync::open(config.clone(), table).expect("open");
    let other = Livesync::open(config, Arc::new(Events::default())).expect("open");
    for (livesync, id) in [(&node, 1), (&other, 2)] {
        livesync.start(TrackerId([id; 4])).expect("start");
    }
    let start = Instant::now();
    while node.nodes().is_empty() {
        assert!(start.elapsed() < PATIENCE, "no heartbeat is heard");
        thread::sleep(Duration::from_millis(1));
    }
    node.metrics()
}

#[test]
fn its_metrics_are_ours() {
    let metrics = metrics();
    for metric in between("`livesync_", "`") {
        let name = metric.split('{').next().unwrap_or_default();
        if ["config_t", "metrics_text"].contains(&name) {
            continue;
        }
        let typed = format!("# TYPE livesync_{name} ");
        assert!(metrics.contains(&typed), "{metric} is not in\n{metrics}");
    }
}

#[test]
fn its_reasons_are_ours() {
    for reason in between("reason=\"", "\"") {
        let known = Reject::ALL.iter().any(|reject| reject.name() == reason);
        assert!(known, "{reason}");
    }
}

#[test]
fn its_settings_are_ours() {
    let page = read("docs/operations.md");
    let names: BTreeSet<_> = page
        .split("LIVESYNC_")
        .skip(1)
        .filter_map(|rest| {
            rest.split(|char: char| !char.is_ascii_uppercase() && char != '_')
                .next()
        })
        .collect();
    assert!(names.len() > 3, "{names:?}");
    for name in names {
        let name = format!("LIVESYNC_{name}");
        // A value that none of them takes, and no file has as its name.
        let bind = format!("bind 127.0.0.1 {}\n", port());
        let line = dies_in(&program(), &bind, &[(&name, "?/?")]);
        assert!(
            [&name, "?/?"].iter().any(|said| line.contains(*said)),
            "{name}: {line}"
        );
    }
}
