//! The headers in include/ are what cbindgen makes of the source, and every compiler
//! takes them.

use std::fs;
use std::process::Command;

use crate::support::cc;

/// The headers, how they are made, and of what.
const HEADERS: [(&str, &str, &[&str]); 2] = [
    (
        "include/ot_livesync.h",
        "cbindgen/ot_livesync.toml",
        &["src/config/settings.rs", "src/ffi/classic.rs"],
    ),
    (
        "include/livesync.h",
        "cbindgen/livesync.toml",
        &["src/host/callbacks/types.rs", "src/ffi/handle/mod.rs"],
    ),
];

#[test]
fn they_are_up_to_date() {
    for (header, config, sources) in HEADERS {
        let config = cbindgen::Config::from_file(cc::root().join(config)).expect("config");
        let builder = cbindgen::Builder::new().with_config(config);
        let builder = sources.iter().fold(builder, |builder, source| {
            builder.with_src(cc::root().join(source))
        });
        let mut generated = Vec::new();
        builder.generate().expect("cbindgen").write(&mut generated);
        let generated = String::from_utf8(generated).expect("UTF-8");
        // What rustdoc needs, and a reader of C does not.
        let generated = generated
            .replace("# Safety", "What the caller sees to:")
            .replace(" ```c\n", "")
            .replace(" ```\n", "");
        let path = cc::root().join(header);
        if std::env::var_os("LIVESYNC_TESTS_BLESS").is_some() {
            fs::write(&path, &generated).expect("write the header");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == generated,
            "{header} is stale: run LIVESYNC_TESTS_BLESS=1 cargo test header"
        );
    }
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
                for source in ["header.c", "handles_header.c"] {
                    compiles(
                        &cc::compiler(),
                        standard,
                        source,
                        &[sync, place, &tracker, "-Wredundant-decls"],
                    );
                }
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
            compiles(&compiler, standard, "handles_header.c", &flags);
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
