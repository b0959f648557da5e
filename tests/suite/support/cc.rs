//! Compiles and runs C programs with the static library under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The libraries that the README tells a C programmer to link besides liblivesync.a.
pub const STATIC_LIBS: [&str; 7] = [
    "-lgcc_s",
    "-lutil",
    "-lrt",
    "-lpthread",
    "-lm",
    "-ldl",
    "-lc",
];

/// Returns the root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the file of this name that cargo built together with this test program.
pub fn built(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("own path");
    let file = exe.parent().expect("target/…/deps").join(name);
    assert!(file.exists(), "{} was not built", file.display());
    file
}

/// Returns the C compiler: `$CC`, or cc.
pub fn compiler() -> String {
    std::env::var("CC").unwrap_or_else(|_| "cc".to_owned())
}

/// Returns a directory for compiled programs. No test removes it, since it is in target/.
pub fn scratch() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("suite");
        std::fs::create_dir_all(&dir).expect("scratch directory");
        dir
    })
}

/// Runs a command to its end; panics with its output if it fails.
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

/// Copies a program to the place where it is to run. Another process does the copying: if this
/// one wrote the file, a program that another test starts could inherit the open file, and the
/// kernel runs no file that is open for writing.
pub fn install(program: &Path, to: &Path) {
    run(Command::new("install")
        .args(["-m", "755"])
        .args([program, to]));
}

/// Builds the library with these features only, in a target directory of this name; returns the
/// directory of the libraries.
pub fn build_with(features: &str, name: &str) -> PathBuf {
    let target = scratch().join(name);
    run(Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["build", "--lib", "--no-default-features", "--features"])
        .arg(features)
        .arg("--target-dir")
        .arg(&target));
    target.join("debug")
}

/// Compiles C files, named from the root of the project, to a syncing program that is linked
/// with this static library.
pub fn link_statically(name: &str, sources: &[&Path], flags: &[&str], library: &Path) -> PathBuf {
    let program = scratch().join(name);
    run(Command::new(compiler())
        .args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"])
        .args(["-DWANT_SYNC_LIVE", "-DLIVESYNC_STANDALONE"])
        .args(flags)
        .arg(format!("-I{}", root().join("include").display()))
        .args(sources.iter().map(|source| root().join(source)))
        .arg(library)
        .args(STATIC_LIBS)
        .arg("-o")
        .arg(&program));
    program
}

/// Returns the name under which programs load the shared library.
pub fn soname() -> String {
    let version = env!("CARGO_PKG_VERSION").rsplit_once('.');
    format!("liblivesync.so.{}", version.expect("major.minor.patch").0)
}

/// Compiles a C file to a syncing program that loads the shared library under test by its
/// SONAME.
pub fn link_shared(name: &str, source: &Path) -> PathBuf {
    let library = built("liblivesync.so");
    let directory = scratch().join("shared");
    std::fs::create_dir_all(&directory).expect("directory of the shared library");
    std::fs::copy(&library, directory.join(soname())).expect("copy the shared library");
    let program = scratch().join(name);
    run(Command::new(compiler())
        .args([
            "-DWANT_SYNC_LIVE",
            "-DLIVESYNC_STANDALONE",
            "-Wall",
            "-Wextra",
            "-Werror",
        ])
        .arg(format!("-I{}", root().join("include").display()))
        .arg(root().join(source))
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", directory.display()))
        .arg("-o")
        .arg(&program));
    program
}
