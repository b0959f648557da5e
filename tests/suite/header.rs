//! The headers in include/ are what cbindgen makes of the source, every compiler takes them, and
//! Doxygen finds everything in them documented.

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
        &["src/ffi/handle/mod.rs", "src/host/callbacks/types.rs"],
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
        let generated = for_c(&generated);
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

/// Turns what rustdoc needs into the commands of Doxygen, and writes flags in hexadecimal, which
/// cbindgen cannot.
fn for_c(generated: &str) -> String {
    let text = generated
        .replace(" # Safety\n * ", " @pre ")
        .replace(" ```c\n", " @code{.c}\n")
        .replace(" ```\n", " @endcode\n")
        .replace("LIVESYNC_VERSION (", "LIVESYNC_VERSION \\\n  (");
    let lines = text.lines().map(|line| match line.rsplit_once(' ') {
        Some((define, flag)) if FLAGS.iter().any(|flags| define.starts_with(flags)) => {
            let flag: u8 = flag.parse().expect("a flag");
            format!("{define} {flag:#04x}\n")
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// The definitions of flags.
const FLAGS: [&str; 2] = ["#define LIVESYNC_PEER_", "#define LIVESYNC_FEATURE_"];

/// The longest line of a header.
const COLUMNS: usize = 100;

#[test]
fn lines_have_at_most_100_columns() {
    for (header, ..) in HEADERS {
        let text = fs::read_to_string(cc::root().join(header)).expect("the header");
        let long = text.lines().filter(|line| line.chars().count() > COLUMNS);
        let long: Vec<_> = long.collect();
        assert!(long.is_empty(), "{header}: {long:#?}");
    }
}

/// The macros of the version are those of Cargo.toml.
#[test]
fn version_macros_match_the_package() {
    let header = fs::read_to_string(cc::root().join("include/livesync.h")).expect("the header");
    for (part, expected) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let define = format!("#define LIVESYNC_VERSION_{part} {expected}");
        assert!(header.lines().any(|line| line == define), "no {define}");
    }
}

/// Doxygen warns of everything that has no documentation, of parameters without a word, and of
/// references to nothing. docs/Doxyfile makes a warning an error.
#[test]
fn doxygen_finds_everything_documented() {
    if Command::new("doxygen").arg("--version").output().is_err() {
        return crate::support::skip("header::doxygen_finds_everything_documented", "no doxygen");
    }
    cc::run(
        Command::new("doxygen")
            .arg("docs/Doxyfile")
            .current_dir(cc::root()),
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
