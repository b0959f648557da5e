//! docs/operations.md names metrics, reasons, settings and log lines that there are, and all log lines.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use livesync::memory::Limits;
use livesync::stats::Reject;
use livesync::{Config, Events, Keys, Livesync, Memory, TrackerId};

use crate::setup_errors::dies_in;
use crate::support::cc;
use crate::support::files;
use crate::support::group::port;
use crate::support::host::program;

const PATIENCE: Duration = Duration::from_secs(60);

fn read(file: &str) -> String {
    std::fs::read_to_string(cc::root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Returns the part of the page between these two.
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
        if ["config_t", "metrics_text", "selftest"].contains(&name) {
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

/// Returns the sources of the library, with string literals that span lines in one piece.
fn all_sources() -> String {
    let files = files::below(&cc::root().join("src"));
    let mut found = String::new();
    for file in files.iter().filter(|file| files::is_rust(file)) {
        let source = std::fs::read_to_string(file).expect("a source");
        let mut parts = source.split("\\\n");
        found.push_str(parts.next().expect("the first part"));
        parts.for_each(|part| found.push_str(part.trim_start()));
    }
    found
}

#[test]
fn the_table_of_variables_is_complete() {
    let sources = all_sources();
    let variables = sources.split("by_variable(\"").skip(1);
    let variables: BTreeSet<_> = variables
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let page = read("docs/opentracker.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `LIVESYNC_"));
    let names = rows.filter_map(|row| row.split('`').next());
    let names: Vec<_> = names.map(|name| format!("LIVESYNC_{name}")).collect();
    let names: BTreeSet<_> = names.iter().map(|name| &**name).collect();
    assert_eq!(names, variables);
}

/// Returns the text that every line of this form has.
fn fixed_parts(form: &str, begin: char, end: char) -> Vec<&str> {
    let mut parts = form.split(begin);
    let first = parts.next().into_iter();
    let others = parts.map(|part| part.split_once(end).map_or(part, |(_, fixed)| fixed));
    first.chain(others).collect()
}

/// The rows of reasons, and the line with the others.
#[test]
fn it_says_of_every_reason_what_to_do() {
    let page = read("docs/operations.md");
    let (_, section) = page.split_once("| reason | likely cause |").expect("rows");
    let (section, _) = section.split_once("\n### ").expect("an end");
    for reject in Reject::ALL {
        let named = section.contains(&format!("`{}`", reject.name()));
        assert!(named, "{}", reject.name());
    }
}

#[test]
fn its_log_lines_are_ours() {
    let page = read("docs/operations.md");
    let (_, section) = page.split_once("\n## Log lines\n").expect("the section");
    let sources = all_sources();
    let forms = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let forms: Vec<_> = forms.filter_map(|line| line.split_once('`')).collect();
    assert!(forms.len() > 30, "{forms:?}");
    for (form, _) in forms {
        for part in fixed_parts(form, '<', '>') {
            assert!(sources.contains(part), "{form}: {part}");
        }
    }
}

#[test]
fn our_log_lines_are_on_it() {
    let page = read("docs/operations.md");
    let sources = all_sources();
    let calls = sources.split("format_args!(").skip(1);
    let forms = calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split_once('"'));
    let forms: Vec<_> = forms.collect();
    assert!(forms.len() > 15, "{forms:?}");
    for (form, _) in forms {
        for part in fixed_parts(form, '{', '}') {
            assert!(page.contains(part), "{form}: {part}");
        }
    }
}
