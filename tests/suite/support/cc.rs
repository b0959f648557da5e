//! Compiling and running C programs against the static library under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What the README tells a C programmer to link besides liblivesync.a.
pub const STATIC_LIBS: [&str; 7] = [
    "-lgcc_s",
    "-lutil",
    "-lrt",
    "-lpthread",
    "-lm",
    "-ldl",
    "-lc",
];

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file of this name that cargo built together with this test program.
pub fn built(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("own path");
    let file = exe.parent().expect("target/…/deps").join(name);
    assert!(file.exists(), "{} was not built", file.display());
    file
}

/// The C compiler: `$CC`, or cc.
pub fn compiler() -> String {
    std::env::var("CC").unwrap_or_else(|_| "cc".to_owned())
}

/// A directory for what the tests compile, removed by nobody: it lies in target/.
pub fn scratch() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("suite");
        std::fs::create_dir_all(&dir).expect("scratch directory");
        dir
    })
}

/// Runs a command to its end; panics with all it printed when it fails.
pub fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
