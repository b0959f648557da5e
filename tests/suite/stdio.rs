//! Standard input, output and error in unusual states.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::cc;
use crate::support::group::port;

/// Returns the report of a program that runs with such standard descriptors.
fn report(standard: &str, mode: &str) -> String {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let source = Path::new("c-tests/handles/stdio.c");
        let library = cc::built("liblivesync.a");
        cc::link_statically("handles-stdio", &[source], &[], &library)
    });
    let directory = tempfile::tempdir_in(cc::scratch()).expect("a directory");
    let report = directory.path().join("report");
    let status = Command::new(program)
        .arg(&report)
        .arg(port().to_string())
        .args([standard, mode])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("the program");
    let text = fs::read_to_string(&report).unwrap_or_default();
    assert!(status.success(), "{standard}, {mode}: {status}: {text}");
    text
}

#[test]
fn our_descriptors_are_none_of_the_standard_ones() {
    for mode in ["thread", "polling"] {
        assert_eq!(
            report("closed", mode),
            "standard descriptors 0, blocking 1, refused 20, sent 1, lines dropped 1\n",
            "{mode}"
        );
    }
}

#[test]
fn nothing_waits_for_standard_error() {
    for standard in ["full", "dead"] {
        for mode in ["thread", "polling"] {
            assert_eq!(
                report(standard, mode),
                "standard descriptors 3, blocking 1, refused 20, sent 1, lines dropped 1\n",
                "{standard}, {mode}"
            );
        }
    }
}
