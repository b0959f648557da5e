//! `cargo cinstall` installs all files that a C program needs, and pkg-config finds them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::group::port;
use crate::support::{cc, skip};
use crate::symbols;

/// A program that exits with 0 if the library works, at the end of its standard input.
const PROGRAM: &str = "examples/c/node.c";

/// Returns its arguments: the interface, a port of its own, the port of its peers.
fn arguments() -> [String; 3] {
    ["127.0.0.1".into(), port().to_string(), "6881".into()]
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn it_installs_these_files() {
    if let Err(reason) = available() {
        return skip("packaging::it_installs_these_files", &reason);
    }
    let soname = symbols::soname();
    let find = cc::run(
        Command::new("find")
            .arg(everything())
            .args(["-type", "f", "-printf", "%P\n", "-o"])
            .args(["-type", "l", "-printf", "%P -> %l\n"]),
    );
    let find = String::from_utf8(find.stdout).expect("UTF-8");
    let mut installed: Vec<&str> = find.lines().collect();
    installed.sort();
    assert_eq!(
        installed,
        [
            "include/livesync.h",
            "include/ot_livesync.h",
            "lib/liblivesync.a",
            &format!("lib/liblivesync.so -> liblivesync.so.{VERSION}"),
            &format!("lib/{soname} -> liblivesync.so.{VERSION}"),
            &format!("lib/liblivesync.so.{VERSION}"),
            "lib/pkgconfig/livesync.pc",
        ]
    );
    for header in ["include/livesync.h", "include/ot_livesync.h"] {
        let [committed, installed] =
            [cc::root(), everything()].map(|dir| fs::read(dir.join(header)).expect("a header"));
        assert!(committed == installed, "{header} is another one");
    }
}

#[test]
fn the_installed_library_is_the_one_that_was_tested() {
    if let Err(reason) = available() {
        return skip(
            "packaging::the_installed_library_is_the_one_that_was_tested",
            &reason,
        );
    }
    let [installed, built] = [
        everything().join("lib/liblivesync.so"),
        cc::built("liblivesync.so"),
    ];
    // cargo-c and build.rs both set a SONAME.
    assert_eq!(symbols::dynamic(&installed, "SONAME"), [symbols::soname()]);
    assert_eq!(symbols::exported(&installed), symbols::exported(&built));
    let mut pkg_config = pkg_config_in(everything(), Command::new("pkg-config"));
    let version = cc::run(pkg_config.args(["--modversion", "livesync"])).stdout;
    assert_eq!(String::from_utf8_lossy(&version).trim(), VERSION);
}

#[test]
fn a_program_links_the_shared_library() {
    if let Err(reason) = available() {
        return skip("packaging::a_program_links_the_shared_library", &reason);
    }
    let program = link("packaging-shared", everything(), "--cflags --libs");
    let needed = symbols::dynamic(&program, "NEEDED");
    assert!(needed.contains(&symbols::soname().to_owned()), "{needed:?}");
    let mut program = Command::new(program);
    program.env("LD_LIBRARY_PATH", everything().join("lib"));
    cc::run(program.args(arguments()));
}

/// If both are installed, the linker prefers the shared library, so here it is not.
#[test]
fn a_program_links_the_static_library() {
    if let Err(reason) = available() {
        return skip("packaging::a_program_links_the_static_library", &reason);
    }
    let prefix = install("static-only", &["--library-type", "staticlib"]);
    let program = link("packaging-static", &prefix, "--static --cflags --libs");
    let needed = symbols::dynamic(&program, "NEEDED");
    assert!(!needed.is_empty());
    assert!(
        !needed.iter().any(|name| name.contains("livesync")),
        "{needed:?}"
    );
    cc::run(Command::new(program).args(arguments()));
}

/// Returns an error unless there are pkg-config and a cargo-c that can build this package. One
/// that is too old does not name the cargo in it.
pub fn available() -> Result<(), String> {
    let cargo_c = Command::new(env!("CARGO"))
        .args(["cinstall", "--version"])
        .output()
        .map_err(|e| e.to_string())?;
    let cargo_c = String::from_utf8_lossy(&cargo_c.stdout).into_owned();
    let cargo = cargo_c
        .trim()
        .split_once("+cargo-0.")
        .and_then(|(_, version)| version.split('.').next()?.parse::<u32>().ok());
    // The version of Rust 1.85.
    if cargo.is_none_or(|cargo| cargo < 86) {
        return Err("no cargo-c that knows edition 2024: cargo install cargo-c --locked".into());
    }
    let pkg_config = Command::new("pkg-config").arg("--version").output();
    pkg_config.map_or(Err("pkg-config is not installed".into()), |_| Ok(()))
}

/// Installs everything.
fn everything() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| install("everything", &[]))
}

/// Installs the library to a directory of this name, which contains nothing else.
fn install(name: &str, flags: &[&str]) -> PathBuf {
    let packaging = cc::scratch().join("packaging");
    let prefix = packaging.join(name);
    let _ = fs::remove_dir_all(&prefix);
    cc::run(
        Command::new(env!("CARGO"))
            .current_dir(cc::root())
            .args(["cinstall", "--locked"])
            .args(flags)
            .arg("--target-dir")
            .arg(packaging.join(format!("{name}-target")))
            .arg("--prefix")
            .arg(&prefix)
            .arg("--libdir")
            .arg(prefix.join("lib")),
    );
    prefix
}

/// Compiles the program as a C programmer would, with the output of pkg-config for `flags`.
fn link(name: &str, prefix: &Path, flags: &str) -> PathBuf {
    let program = cc::scratch().join(name);
    let line = format!(r#""$0" -o "$1" "$2" $(pkg-config {flags} livesync)"#);
    let mut shell = pkg_config_in(prefix, Command::new("sh"));
    cc::run(
        shell
            .args(["-c", &line])
            .arg(cc::compiler())
            .arg(&program)
            .arg(cc::root().join(PROGRAM)),
    );
    program
}

/// Returns a command for which pkg-config finds the installation under `prefix`.
fn pkg_config_in(prefix: &Path, mut command: Command) -> Command {
    command.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    command
}
