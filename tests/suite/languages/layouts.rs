//! Bindings that repeat the structs and numbers of livesync.h repeat them correctly.

use std::collections::HashSet;
use std::process::Command;

use super::builds::{library, works};
use crate::support::{cc, livesync_h, skip};

#[test]
fn python_repeats_the_header_rightly() {
    compare("python", "python3", "--version", "layouts.py", &[]);
}

#[test]
fn luajit_repeats_the_header_rightly() {
    compare("luajit", "luajit", "-v", "layouts.lua", &[]);
}

#[test]
fn nodejs_repeats_the_header_rightly() {
    let koffi = "examples/nodejs/node_modules/koffi";
    compare("nodejs", "node", "--version", "layouts.js", &[koffi]);
}

/// Compares the declarations of the binding with those that the C compiler sees. It may leave
/// out functions and numbers, but no field of a struct that it has.
fn compare(binding: &str, interpreter: &str, argument: &str, script: &str, needs: &[&str]) {
    let root = cc::root();
    if !works(interpreter, argument) || needs.iter().any(|path| !root.join(path).exists()) {
        let test = format!("languages::layouts::{binding}");
        return skip(&test, &format!("{interpreter} or {needs:?} is missing"));
    }
    let header = lines(&mut Command::new(layouts()));
    let script = root.join("tests/suite/languages").join(script);
    let directory = root.join("examples").join(binding);
    let declared = lines(
        Command::new(interpreter)
            .arg(script)
            .current_dir(&directory)
            .env("LIVESYNC_LIBRARY", library())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", &directory)
            .env("LUA_PATH", format!("{}/?.lua", directory.display())),
    );
    let structs: HashSet<&str> = declared
        .iter()
        .filter_map(|line| line.split_once(" - - ").map(|(name, _)| name))
        .filter(|name| name.ends_with("_t"))
        .collect();
    assert!(structs.len() >= 4, "{binding} declares only {structs:?}");
    let wrong: Vec<_> = declared.difference(&header).collect();
    let of_its_structs =
        |line: &&String| structs.contains(line.split(' ').next().unwrap_or_default());
    let lacking: Vec<_> = header
        .difference(&declared)
        .filter(of_its_structs)
        .collect();
    assert!(
        wrong.is_empty() && lacking.is_empty(),
        "{binding} lacks {lacking:?} of livesync.h, and has {wrong:?}"
    );
}

/// Go's compiler reads the header itself, but the wrapper copies the fields by hand.
#[test]
fn go_copies_all_statistics() {
    let source = cc::root().join("examples/go/livesync/report.go");
    let source = std::fs::read_to_string(source).expect("the source");
    for field in livesync_h::statistics() {
        let copied = source.contains(&format!("(c.{field})"));
        // The size is only for the library.
        assert!(copied || field == "size", "Go lacks {field}");
    }
}

/// Compiles c-tests/layouts.c.
fn layouts() -> std::path::PathBuf {
    static PROGRAM: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    let compile = || {
        let program = cc::scratch().join("layouts");
        std::fs::write(cc::scratch().join("layouts.h"), all()).expect("write a header");
        cc::run(
            Command::new(cc::compiler())
                .args(["-Wall", "-Wextra", "-Werror"])
                .arg(format!("-I{}", cc::root().join("include").display()))
                .arg(format!("-I{}", cc::scratch().display()))
                .arg(cc::root().join("c-tests/layouts.c"))
                .arg("-o")
                .arg(&program),
        );
        program
    };
    PROGRAM.get_or_init(compile).clone()
}

/// Returns all declarations of livesync.h, as c-tests/layouts.c takes them.
fn all() -> String {
    let mut all = String::new();
    for (name, fields) in livesync_h::structs() {
        for field in fields {
            all += &format!("FIELD( {name}, {field} );\n");
        }
        all += &format!("STRUCT( {name} );\n");
    }
    for name in livesync_h::constants() {
        all += &format!("CONSTANT( {name} );\n");
    }
    all
}

fn lines(command: &mut Command) -> HashSet<String> {
    let output = String::from_utf8(cc::run(command).stdout).expect("UTF-8");
    output.lines().map(str::to_owned).collect()
}
