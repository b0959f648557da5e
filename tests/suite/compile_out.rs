//! Without want_sync_live only the version line is left, and a tracker that does not want live
//! sync builds and runs.

use std::process::Command;

use crate::support::cc;
use crate::support::tracker_program::sources;
use crate::symbols;

#[test]
fn what_is_not_wanted_is_not_there() {
    for (features, symbols) in [
        ("", symbols::sorted(&[symbols::VERSION])),
        (
            "handles",
            symbols::sorted(&[symbols::VERSION, symbols::HANDLES]),
        ),
        (
            "want_sync_live",
            symbols::sorted(&[symbols::VERSION, symbols::HANDLES, symbols::CLASSIC]),
        ),
    ] {
        let built = cc::build_with(features, "compile-out");
        let exported = symbols::exported(&built.join("liblivesync.so"));
        assert_eq!(exported, symbols, "features {features:?}");
        let archived = symbols::archived(&built.join("liblivesync.a"));
        assert_eq!(archived, symbols, "features {features:?}");
        if features.is_empty() {
            a_tracker_builds_without(&built.join("liblivesync.a"));
        }
    }
}

fn a_tracker_builds_without(library: &std::path::Path) {
    let program = cc::scratch().join("tracker-without-sync");
    cc::run(
        Command::new(cc::compiler())
            .args([
                "-DLIVESYNC_STANDALONE",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-pthread",
            ])
            .arg(format!("-I{}", cc::root().join("include").display()))
            .args(sources())
            .arg(library)
            .args(cc::STATIC_LIBS)
            .arg("-o")
            .arg(&program),
    );
    let help = cc::run(Command::new(program).arg("-h")).stdout;
    let version = format!("livesync {}", env!("CARGO_PKG_VERSION"));
    assert!(String::from_utf8_lossy(&help).contains(&version));
}
