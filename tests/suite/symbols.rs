//! The libraries export what the headers promise, and nothing else.

use std::path::Path;
use std::process::Command;

use crate::support::cc;

/// The line of text that is always there.
pub const VERSION: &[&str] = &["g_version_livesync_c"];

/// The six functions of ot_livesync.h.
pub const CLASSIC: &[&str] = &[
    "handle_livesync",
    "livesync_bind_mcast",
    "livesync_deinit",
    "livesync_init",
    "livesync_tell",
    "livesync_ticker",
];

/// The functions of livesync.h.
pub const HANDLES: &[&str] = &[
    "livesync_announce",
    "livesync_close",
    "livesync_config_init",
    "livesync_open",
    "livesync_receive",
    "livesync_start",
    "livesync_stop",
    "livesync_strerror",
    "livesync_tick",
    "livesync_version",
];

/// Several lists as one, in order.
pub fn sorted(lists: &[&[&'static str]]) -> Vec<&'static str> {
    let mut names = lists.concat();
    names.sort();
    names
}

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
fn the_shared_library_exports_exactly_the_headers() {
    let all = sorted(&[VERSION, CLASSIC, HANDLES]);
    assert_eq!(exported(&cc::built("liblivesync.so")), all);
}

#[test]
fn the_archive_defines_exactly_the_headers() {
    let all = sorted(&[VERSION, CLASSIC, HANDLES]);
    assert_eq!(archived(&cc::built("liblivesync.a")), all);
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
