//! docs/architecture.md names existing files.

use std::fs;
use std::path::Path;

use crate::support::cc;

fn collect(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        }
        found.push(path.display().to_string());
    }
}

#[test]
fn the_files_that_the_page_names_exist() {
    let page = fs::read_to_string(cc::root().join("docs/architecture.md")).expect("the page");
    let mut files = Vec::new();
    collect(&cc::root().join("src"), &mut files);
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
    let root = cc::root().join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
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
    let mut files = Vec::new();
    for directory in [
        "src", "include", "tests", "c-tests", "benches", "fuzz", "examples",
    ] {
        collect(&cc::root().join(directory), &mut files);
    }
    let is_source = |file: &&String| {
        let is_ours = !file.contains("/node_modules/") && !file.contains("/target/");
        is_ours
            && [".rs", ".c", ".h", ".hpp", ".py", ".go", ".js"]
                .iter()
                .any(|end| file.ends_with(end))
    };
    for file in files.iter().filter(is_source) {
        let lines = fs::read_to_string(file).expect(file).lines().count();
        let is_generated = GENERATED.iter().any(|name| file.ends_with(name));
        assert!(lines <= 400 || is_generated, "{file}: {lines}");
    }
}
