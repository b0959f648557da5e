//! The files of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories in which other programs put files.
const NOT_OURS: [&str; 3] = ["node_modules", "__pycache__", "target"];

/// Returns all files below a directory of the project.
pub fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            found.push(path);
        } else if !NOT_OURS.iter().any(|name| path.ends_with(name)) {
            found.extend(below(&path));
        }
    }
    found
}

/// Returns whether the file is a source in Rust.
pub fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}
