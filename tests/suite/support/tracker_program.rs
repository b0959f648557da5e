//! The C tracker of examples/tracker, linked with the library under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::cc;

/// Returns the tracker's executable; the first caller compiles it.
pub fn tracker() -> &'static Path {
    static TRACKER: OnceLock<PathBuf> = OnceLock::new();
    TRACKER.get_or_init(|| {
        let program = cc::scratch().join("tracker");
        let include = cc::root().join("include");
        cc::run(
            Command::new(cc::compiler())
                .args(["-O2", "-DWANT_SYNC_LIVE", "-DLIVESYNC_STANDALONE", "-I"])
                .arg(include)
                .args(sources())
                .arg(cc::built("liblivesync.a"))
                .args(cc::STATIC_LIBS)
                .arg("-o")
                .arg(&program),
        );
        program
    })
}

/// Returns the C files of the tracker.
pub fn sources() -> Vec<PathBuf> {
    let directory = cc::root().join("examples/tracker");
    let mut sources: Vec<_> = directory
        .read_dir()
        .expect("examples/tracker")
        .map(|entry| entry.expect("directory entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "c"))
        .collect();
    sources.sort();
    sources
}
