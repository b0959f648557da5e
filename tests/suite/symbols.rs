//! The libraries export what the headers promise, and nothing else.

use std::path::Path;
use std::process::Command;

use crate::support::cc;

/// What the six functions and the version line are called.
pub const ALL: [&str; 7] = [
    "g_version_livesync_c",
    "handle_livesync",
    "livesync_bind_mcast",
    "livesync_deinit",
    "livesync_init",
    "livesync_tell",
    "livesync_ticker",
];

/// The names that a shared library exports.
pub fn exported(library: &Path) -> Vec<String> {
    names(
        Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(library),
    )
}

/// The names of C that an archive defines for others. Every Rust archive also
/// carries the compiler's support routines, whose names no C program can have:
/// they begin with an underscore or have a dot in them.
pub fn archived(library: &Path) -> Vec<String> {
    let mut names = names(
        Command::new("nm")
            .args(["-g", "--defined-only"])
            .arg(library),
    );
    names.retain(|name| !name.starts_with('_') && !name.contains('.'));
    names
}

fn names(nm: &mut Command) -> Vec<String> {
    let output = String::from_utf8(cc::run(nm).stdout).expect("UTF-8");
    let mut names: Vec<String> = output
        .lines()
        .filter_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [_address, _kind, name] => Some(name.to_owned()),
            _ => None,
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn the_shared_library_exports_exactly_the_header() {
    assert_eq!(exported(&cc::built("liblivesync.so")), ALL);
}

#[test]
fn the_archive_defines_exactly_the_header() {
    assert_eq!(archived(&cc::built("liblivesync.a")), ALL);
}

#[test]
fn the_shared_library_has_a_soname() {
    let library = cc::built("liblivesync.so");
    let output = cc::run(Command::new("readelf").arg("-d").arg(library)).stdout;
    let output = String::from_utf8(output).expect("UTF-8");
    let (abi, _patch) = env!("CARGO_PKG_VERSION")
        .rsplit_once('.')
        .expect("a version");
    assert!(
        output.contains(&format!("soname: [liblivesync.so.{abi}]")),
        "{output}"
    );
}
