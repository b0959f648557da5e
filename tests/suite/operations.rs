//! docs/operations.md names metrics, reasons and settings that there are.

use livesync::reject::Reject;

use crate::support::cc;

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

#[test]
fn its_metrics_are_ours() {
    let metrics = read("src/metrics.rs");
    for metric in between("`livesync_", "`") {
        let name = metric.split('{').next().unwrap_or_default();
        if ["config_t", "metrics_text"].contains(&name) {
            continue;
        }
        let known = |name: &str| metrics.contains(&format!("\"{name}\""));
        let counter = name.strip_suffix("_total");
        assert!(known(name) || counter.is_some_and(known), "{metric}");
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
    let readme = read("README.md");
    let page = read("docs/operations.md");
    let settings = page.split("LIVESYNC_").skip(1);
    for setting in settings {
        let name = setting.split(|char: char| !char.is_ascii_uppercase() && char != '_');
        let name = name.into_iter().next().unwrap_or_default();
        assert!(readme.contains(&format!("| `LIVESYNC_{name}` |")), "{name}");
    }
}
