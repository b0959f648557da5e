//! docs/architecture.md names existing files.

use std::fs;
use std::path::Path;

use crate::support::{cc, files};

/// Returns the files below some directories.
fn collect(directories: &[&str]) -> Vec<String> {
    let directories = directories
        .iter()
        .map(|directory| cc::root().join(directory));
    let files = directories.flat_map(|directory| files::below(&directory));
    files.map(|file| file.display().to_string()).collect()
}

#[test]
fn the_files_that_the_page_names_exist() {
    let page = fs::read_to_string(cc::root().join("docs/architecture.md")).expect("the page");
    let files = collect(&["src"]);
    let words = page.split(|c: char| c.is_whitespace() || "(),;|`".contains(c));
    let named: Vec<_> = words.filter(|word| word.ends_with(".rs")).collect();
    assert!(named.len() > 40, "{named:?}");
    for name in named {
        let end = format!("/{name}");
        assert!(files.iter().any(|file| file.ends_with(&end)), "no {name}");
    }
}

/// The floors of the page, from 0 on, and above them the crate's public modules.
const FLOORS: [&[&str]; 10] = [
    &[
        "types", "address", "time", "reject", "counters", "keys", "config", "log", "error",
    ],
    &["wire"],
    &["protocol"],
    &["net"],
    &["host"],
    &["engine", "selftest"],
    &["metrics"],
    &["livesync"],
    &["ffi"],
    &["lib", "unstable"],
];

fn floor(module: &str) -> usize {
    let floor = FLOORS.iter().position(|floor| floor.contains(&module));
    floor.unwrap_or_else(|| panic!("{module} is on no floor"))
}

#[test]
fn imports_go_downwards_only() {
    let page = fs::read_to_string(cc::root().join("docs/architecture.md")).expect("the page");
    let (_, drawn) = page.split_once("    6  ffi/").expect("the floors");
    let (drawn, _) = drawn.split_once("\n\n").expect("their end");
    for module in FLOORS[..FLOORS.len() - 2].concat() {
        assert!(drawn.contains(module), "{module} is not on the page");
    }
    let root = cc::root().join("src");
    let files = collect(&["src"]);
    let mut imports = 0;
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let inside = Path::new(file).strip_prefix(&root).expect("a source");
        let first = inside.iter().next().expect("a name").to_string_lossy();
        let own = first.trim_end_matches(".rs");
        let source = fs::read_to_string(file).expect(file);
        assert!(!source.contains("use crate::{"), "{file}: one path each");
        for path in source.split("crate::").skip(1) {
            let end = path.find(|c: char| !c.is_lowercase() && c != '_');
            let module = &path[..end.unwrap_or(path.len())];
            // The documentation names everything that begins with a capital letter.
            if !["", own, "model"].contains(&module) {
                let is_below = floor(module) < floor(own) || floor(own) == 0;
                assert!(is_below, "{file} imports {module}");
                imports += 1;
            }
        }
    }
    assert!(imports > 100, "{imports}");
}

/// A file has one subject. What a machine writes may be longer.
#[test]
fn no_file_has_more_than_400_lines() {
    const GENERATED: [&str; 1] = ["include/livesync.h"];
    let files = collect(&[
        "src", "include", "tests", "c-tests", "benches", "fuzz", "examples",
    ]);
    let is_source = |file: &&String| {
        let mut ends = [".rs", ".c", ".h", ".hpp", ".py", ".go", ".js"].iter();
        ends.any(|end| file.ends_with(end))
    };
    for file in files.iter().filter(is_source) {
        let lines = fs::read_to_string(file).expect(file).lines().count();
        let is_generated = GENERATED.iter().any(|name| file.ends_with(name));
        assert!(lines <= 400 || is_generated, "{file}: {lines}");
    }
}
