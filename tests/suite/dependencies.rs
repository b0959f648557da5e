//! docs/dependencies.md names the library's dependencies, and their dependents.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::support::cc;

/// The system that the page is about.
const LINUX: &str = "x86_64-unknown-linux-gnu";

/// Crates, and their dependents.
type Wanted = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_page_names_all_and_who_wants_them() {
    assert_eq!(page(), tree());
}

/// Reads the first two columns of the table.
fn page() -> Wanted {
    let rows = read("docs/dependencies.md");
    let rows = rows.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let wanted_by = cells[2].split(", ").map(name).collect();
        assert!(cells[3].len() > 10, "why: {row}");
        (name(cells[1]), wanted_by)
    })
    .collect()
}

fn name(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// Reads the same from cargo.
fn tree() -> Wanted {
    let tree = cargo(&[
        "tree",
        "--all-features",
        "--edges=normal,build",
        "--target",
        LINUX,
        "--prefix=depth",
        "--no-dedupe",
    ]);
    let mut wanted = Wanted::new();
    let mut path = Vec::new();
    for line in tree.lines() {
        let digits = line.find(|c: char| !c.is_ascii_digit()).expect("a name");
        let depth: usize = line[..digits].parse().expect("a depth");
        let name = line[digits..].split(' ').next().expect("a name");
        path.truncate(depth);
        if let Some(by) = path.last() {
            wanted
                .entry(name.to_owned())
                .or_default()
                .insert(String::clone(by));
        }
        path.push(name.to_owned());
    }
    wanted
}

/// A plain build of the library builds one of these, and nothing that only tests need.
#[test]
fn the_programs_of_examples_take_no_other_crates() {
    let all = |package| -> BTreeSet<String> {
        let edges = ["--edges=normal,build", "--prefix=none", "--target", LINUX];
        let tree = cargo(&[&["tree", "-p", package][..], &edges].concat());
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        names.map(str::to_owned).collect()
    };
    let library = all("livesync");
    for program in ["cluster", "node"] {
        let mut crates = all(program);
        assert!(crates.remove(program));
        assert_eq!(crates, library, "{program}");
    }
}

/// Includes the dependencies of the tests.
#[test]
fn none_asks_for_a_younger_rust() {
    let metadata = cargo(&["metadata", "--format-version=1", "--filter-platform", LINUX]);
    let versions = metadata.split(r#""rust_version":""#).skip(1);
    let versions: Vec<_> = versions
        .map(|rest| version(rest.split('"').next().expect("a version")))
        .collect();
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    assert!(
        versions.len() > 20 && versions.contains(&ours),
        "{versions:?}"
    );
    assert_eq!(versions.into_iter().max(), Some(ours));
}

/// Parses a version; 1.88 and 1.88.0 are equal.
fn version(text: &str) -> (u32, u32, u32) {
    let mut numbers = text.split('.').map(|n| n.parse().expect("a number"));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

/// No dependency comes from a repository that can change, and each has a checksum.
#[test]
fn all_come_from_one_registry_with_a_checksum() {
    let lock = read("Cargo.lock");
    let packages: Vec<_> = lock.split("[[package]]").skip(1).collect();
    let others = packages.iter().filter(|p| !p.contains("\"livesync\""));
    let mut sources = BTreeSet::new();
    for package in others {
        let source = package.lines().find(|line| line.starts_with("source = "));
        sources.insert(source.unwrap_or_else(|| panic!("no source: {package}")));
        assert!(package.contains("\nchecksum = \""), "{package}");
    }
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources.iter().all(|s| s.contains("\"registry+")));
}

fn read(file: &str) -> String {
    std::fs::read_to_string(cc::root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(cc::root()).args(arguments);
    let output = cc::run(cargo.args(["--locked", "--offline"]));
    String::from_utf8(output.stdout).expect("UTF-8")
}
