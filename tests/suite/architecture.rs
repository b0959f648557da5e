//! docs/architecture.md names files that there are.

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
