//! The libraries export the symbols of abi/liblivesync.symbols, and no others.

use std::path::Path;
use std::process::Command;

use crate::support::cc;

/// The list, in the form that Debian's tools read: the SONAME and its package, then every
/// symbol with the version that brought it. A comment begins a set of symbols, with the name of
/// its cargo feature.
const LIST: &str = include_str!("../../abi/liblivesync.symbols");

/// The line of text that is always there.
pub const VERSION: &str = "always";

/// The six functions of ot_livesync.h.
pub const CLASSIC: &str = "want_sync_live";

/// The functions of livesync.h.
pub const HANDLES: &str = "handles";

/// Returns the symbols of these sets, in order.
pub fn sorted(sets: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = listed()
        .filter(|symbol| sets.contains(&symbol.set))
        .map(|symbol| symbol.name.to_owned())
        .collect();
    names.sort();
    names
}

/// Returns the SONAME of the list.
pub fn soname() -> &'static str {
    LIST.split(' ').next().expect("a first word")
}

/// Returns the names that a shared library exports.
pub fn exported(library: &Path) -> Vec<String> {
    names(
        Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(library),
    )
}

/// Returns the C names that an archive defines for others. Every Rust archive also contains the
/// compiler's support routines, whose names no C program can have: they begin with an
/// underscore or have a dot in them.
pub fn archived(library: &Path) -> Vec<String> {
    let mut names = names(
        Command::new("nm")
            .args(["-g", "--defined-only"])
            .arg(library),
    );
    names.retain(|name| !name.starts_with('_') && !name.contains('.'));
    names
}

/// Returns the entries of the dynamic section of a library or a program under this tag, SONAME
/// or NEEDED.
pub fn dynamic(file: &Path, tag: &str) -> Vec<String> {
    let output = cc::run(Command::new("readelf").args(["-d", "-W"]).arg(file)).stdout;
    let output = String::from_utf8(output).expect("UTF-8");
    output
        .lines()
        .filter(|line| line.contains(&format!("({tag})")))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .map(str::to_owned)
        .collect()
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

struct Listed {
    set: &'static str,
    name: &'static str,
    since: &'static str,
}

fn listed() -> impl Iterator<Item = Listed> {
    let mut set = "";
    LIST.lines().skip(1).filter_map(move |line| {
        if let Some(comment) = line.strip_prefix("# ") {
            (set, _) = comment.split_once(": ").expect("set: what it is");
            return None;
        }
        let symbol = line.strip_prefix(' ').expect("a space before a symbol");
        let (name, since) = symbol.split_once("@Base ").expect("symbol@Base version");
        Some(Listed { set, name, since })
    })
}

#[test]
fn the_shared_library_exports_exactly_the_list() {
    let all = sorted(&[VERSION, CLASSIC, HANDLES]);
    assert_eq!(exported(&cc::built("liblivesync.so")), all);
}

#[test]
fn the_archive_defines_exactly_the_list() {
    let all = sorted(&[VERSION, CLASSIC, HANDLES]);
    assert_eq!(archived(&cc::built("liblivesync.a")), all);
}

/// build.rs sets the SONAME, and the package has its number.
#[test]
fn the_list_is_for_this_soname() {
    let sonames = dynamic(&cc::built("liblivesync.so"), "SONAME");
    assert_eq!(sonames, [soname()]);
    let (_, abi) = soname().split_once(".so.").expect("a numbered SONAME");
    let first = LIST.lines().next().expect("a first line");
    assert_eq!(first, format!("{} liblivesync{abi} #MINVER#", soname()));
}

#[test]
fn no_symbol_is_newer_than_the_library() {
    let version = |text: &str| {
        let numbers = text.split('.').map(|number| number.parse::<u32>());
        numbers.collect::<Result<Vec<_>, _>>().expect("a version")
    };
    for Listed { name, since, .. } in listed() {
        assert!(
            version(since) <= version(env!("CARGO_PKG_VERSION")),
            "{name} came with {since}"
        );
    }
}
