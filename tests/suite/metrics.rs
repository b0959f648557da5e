//! docs/metrics.md lists every metric, and livesync_stats_t has every counter.

use std::collections::BTreeSet;
use std::fs;

use livesync::stats::Reject;

use crate::operations::metrics;
use crate::support::{cc, livesync_h};

const PAGE: &str = "docs/metrics.md";

/// The text above the tables.
const HEAD: &str = "\
# Metrics

This page lists every metric that `livesync_metrics_text` and `Livesync::metrics` return. Each sample
has the labels `group` and `interface`, besides the labels in the table.
[operations.md](operations.md#monitoring) says which ones to watch.

In C, `livesync_stats_t` has one field for each counter of a tracker. The field has the name of the
metric without `livesync_` and `_total`. The drops for a reason are in the field `drops_` plus the
reason.

This page is made from the source, like the HELP lines of the metrics:
`LIVESYNC_TESTS_BLESS=1 cargo test metrics::the_page` writes it.

";

/// A metric, as the comments and the first sample in the text describe it.
struct Metric {
    name: String,
    kind: String,
    help: String,
    labels: String,
}

fn all() -> Vec<Metric> {
    let text = metrics();
    let helps = text.split("# HELP livesync_").skip(1);
    let all = helps.map(|part| {
        let (help, rest) = part.split_once("\n# TYPE livesync_").expect("a type");
        let (name, help) = help.split_once(' ').expect("a help text");
        let mut lines = rest.lines();
        let kind = lines.next().and_then(|line| line.strip_prefix(name));
        let sample = lines.next().expect("a sample");
        // Names stand before values in quotation marks.
        let labels = sample.split_once('{').expect("labels").1.split('"');
        let labels = labels.step_by(2).filter_map(|name| name.strip_suffix('='));
        let labels: Vec<_> = labels.map(|name| name.trim_start_matches(',')).collect();
        assert_eq!(labels[..2], ["group", "interface"]);
        Metric {
            name: name.to_owned(),
            kind: kind.expect("its type").trim().to_owned(),
            help: help.to_owned(),
            labels: labels[2..].join(","),
        }
    });
    all.collect()
}

fn page() -> String {
    let mut page = HEAD.to_owned() + "| metric | type | what it says |\n| --- | --- | --- |\n";
    for metric in all() {
        let Metric {
            name,
            kind,
            help,
            labels,
        } = metric;
        let labels = match labels.as_str() {
            "" => String::new(),
            labels => format!("{{{labels}}}"),
        };
        page += &format!("| `livesync_{name}{labels}` | {kind} | {help} |\n");
    }
    page += "\n## Reasons of drops\n\n| reason | what the log says |\n| --- | --- |\n";
    for reject in Reject::ALL {
        page += &format!("| `{}` | {} |\n", reject.name(), reject.reason());
    }
    page
}

#[test]
fn the_page_is_up_to_date() {
    let page = page();
    let path = cc::root().join(PAGE);
    if std::env::var_os("LIVESYNC_TESTS_BLESS").is_some() {
        fs::write(&path, &page).expect("write the page");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{PAGE} is stale: run LIVESYNC_TESTS_BLESS=1 cargo test metrics::the_page"
    );
}

/// The library only compiles with a field for each row of src/counters.rs. This test checks
/// that there is no other field, which would stay empty.
#[test]
fn the_statistics_of_c_are_the_metrics() {
    let ours = |name: &str| !name.starts_with("node_");
    let mut metrics: BTreeSet<String> = all()
        .iter()
        .map(|metric| metric.name.trim_end_matches("_total"))
        .filter(|name| ours(name))
        .map(str::to_owned)
        .collect();
    metrics.extend(
        Reject::ALL
            .iter()
            .map(|reject| format!("drops_{}", reject.name())),
    );
    let fields: BTreeSet<String> = livesync_h::statistics().into_iter().collect();
    let only_c: Vec<_> = fields.difference(&metrics).collect();
    // The size of the struct; and numbers that metrics show in another form, or not at all.
    assert_eq!(
        only_c,
        ["events_waiting", "size", "tracker_id", "uptime_ms"]
    );
    let only_metrics: Vec<_> = metrics.difference(&fields).collect();
    assert_eq!(
        only_metrics,
        ["drops", "tracker_info", "up", "uptime_seconds"]
    );
}
