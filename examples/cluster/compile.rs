//! Builds the C tracker of examples/tracker.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use crate::children::Children;

/// Libraries that a C program links besides liblivesync.a.
const LIBRARIES: [&str; 7] = [
    "-lgcc_s",
    "-lutil",
    "-lrt",
    "-lpthread",
    "-lm",
    "-ldl",
    "-lc",
];

/// Compiles the tracker with the library of this very build, and returns the program's path.
pub fn tracker(children: &Children) -> Result<PathBuf, String> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let source = root.join("examples/tracker");
    let target = target_dir().map_err(|e| format!("cannot find this program itself: {e}"))?;
    // Cargo refreshes the copy in deps/ for a program, the one above it only for the library.
    let library = target.join("deps/liblivesync.a");
    if !library.exists() {
        return Err(format!(
            "{} is missing: start this program with `cargo run --release -p cluster`",
            library.display()
        ));
    }

    let cc = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut words = cc.split_whitespace();
    let unfinished = unfinished_program(&target);
    let status = children.run(
        Command::new(words.next().unwrap_or("cc"))
            .args(words)
            .args(["-O2", "-DWANT_SYNC_LIVE", "-DLIVESYNC_STANDALONE", "-I"])
            .arg(root.join("include"))
            .args(c_files(&source)?)
            .arg(library)
            .args(LIBRARIES)
            .arg("-o")
            .arg(&unfinished),
    );
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => {
            return Err(format!(
                "`{cc}` could not build {}: {status}",
                source.display()
            ));
        }
        Err(error) => {
            return Err(format!(
                "cannot run the C compiler `{cc}` ($CC names another): {error}"
            ));
        }
    }
    let program = target.join("cluster-tracker");
    fs::rename(&unfinished, &program).map_err(|e| format!("{}: {e}", program.display()))?;
    Ok(program)
}

/// Removes the file that an interrupted [`tracker`] leaves behind.
pub fn remove_unfinished() {
    if let Ok(target) = target_dir() {
        // Usually there is no such file.
        let _ = fs::remove_file(unfinished_program(&target));
    }
}

/// Returns the directory that holds this program.
fn target_dir() -> io::Result<PathBuf> {
    let mut exe = env::current_exe()?;
    exe.pop();
    Ok(exe)
}

/// Returns the path that the compiler writes to. It is not the program's own path, since
/// another run of this example may be starting that program at the same time.
fn unfinished_program(target: &Path) -> PathBuf {
    target.join(format!("cluster-tracker.{}", process::id()))
}

fn c_files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries: io::Result<Vec<_>> = fs::read_dir(directory).and_then(Iterator::collect);
    let mut files: Vec<PathBuf> = entries
        .map_err(|e| format!("{}: {e}", directory.display()))?
        .iter()
        .map(fs::DirEntry::path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    files.sort();
    Ok(files)
}
