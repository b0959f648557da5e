//! include/ot_livesync.h is what cbindgen makes of the source, and every
//! compiler takes it.

use std::fs;
use std::process::Command;

use crate::support::cc;

const HEADER: &str = "include/ot_livesync.h";

#[test]
fn is_up_to_date() {
    let config = cbindgen::Config::from_file(cc::root().join("cbindgen.toml")).expect("config");
    let mut generated = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(cc::root().join("src/config.rs"))
        .with_src(cc::root().join("src/ffi/classic.rs"))
        .generate()
        .expect("cbindgen")
        .write(&mut generated);
    let generated = String::from_utf8(generated).expect("UTF-8");
    let path = cc::root().join(HEADER);
    if std::env::var_os("LIVESYNC_BLESS").is_some() {
        fs::write(&path, &generated).expect("write the header");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{HEADER} is stale: run LIVESYNC_BLESS=1 cargo test header"
    );
}

/// Compiles c-tests/`source` without linking, every warning an error.
fn compiles(compiler: &str, standard: &str, source: &str, flags: &[&str]) {
    cc::run(
        Command::new(compiler)
            .args(["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .arg(format!("-std={standard}"))
            .args(flags)
            .arg(format!("-I{}", cc::root().join("include").display()))
            .arg(cc::root().join("c-tests").join(source)),
    );
}

const C_STANDARDS: [&str; 5] = ["gnu89", "gnu99", "gnu11", "gnu17", "gnu2x"];

#[test]
fn compiles_standalone_and_in_the_tracker_with_and_without_sync() {
    let tracker = format!("-I{}", cc::root().join("c-tests/tracker_headers").display());
    for standard in C_STANDARDS {
        for sync in ["-DWANT_SYNC_LIVE", "-UWANT_SYNC_LIVE"] {
            for place in [
                "-DLIVESYNC_STANDALONE",
                "-DAFTER_TRACKER_HEADERS",
                "-DIN_TRACKER",
            ] {
                compiles(
                    &cc::compiler(),
                    standard,
                    "header.c",
                    &[sync, place, &tracker],
                );
            }
        }
    }
}

#[test]
fn compiles_as_cpp() {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if Command::new(&compiler).arg("--version").output().is_err() {
        crate::support::skip("header::compiles_as_cpp", "no C++ compiler");
        return;
    }
    for standard in ["gnu++98", "gnu++11", "gnu++20"] {
        for sync in ["-DWANT_SYNC_LIVE", "-UWANT_SYNC_LIVE"] {
            let flags = ["-x", "c++", "-DLIVESYNC_STANDALONE", sync];
            compiles(&compiler, standard, "header.c", &flags);
        }
    }
}

/// The compiler finds no conflict between the seed's prototypes and ours.
#[test]
fn agrees_with_the_prototypes_of_the_specification() {
    let flags = ["-DLIVESYNC_STANDALONE", "-DWANT_SYNC_LIVE"];
    for standard in C_STANDARDS {
        compiles(&cc::compiler(), standard, "prototypes.c", &flags);
    }
}
