//! The functions of livesync.h in C programs, each also under memcheck and the sanitizers. A
//! program prints "ok", or the failure.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::group::port;
use crate::support::sanitizer::Sanitizer;
use crate::support::{cc, is_long, skip};
use crate::symbols;

/// The programs c-tests/handles/NAME.c, and the files that each shares with others there.
const PROGRAMS: [(&str, &[&str]); 13] = [
    // A receive thread, and callbacks.
    ("callbacks", &["common"]),
    // Allowed sources, with IPv4 and with IPv6.
    ("addresses", &["common"]),
    // Configs that open no handle.
    ("config", &["common"]),
    // The extremes of every field.
    ("extremes", &["common"]),
    // Callers compiled with an older or a newer livesync.h.
    ("sizes", POLLED),
    // The host loop: states and wake-ups, scrape sync, and load.
    ("polling", POLLED),
    ("polling_scrape", POLLED),
    ("polling_load", POLLED),
    // Callbacks for peers only; the log; the state after a stop.
    ("mixed", &["common"]),
    // The built-in table; handles that only speak or only listen.
    ("table", CLUSTER),
    ("only", CLUSTER),
    // Callbacks inside callbacks, and stops from there and among signals.
    ("nested", &["common"]),
    // Wake-ups of the receive thread.
    ("wakeups", &["common"]),
];

const POLLED: &[&str] = &["common", "polled", "polled_torrents"];
const CLUSTER: &[&str] = &["common", "cluster"];

fn check(command: &mut Command) {
    let output = cc::run(command.arg(port().to_string()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n");
}

/// The C files of a program.
fn sources(name: &str, shared: &[&str]) -> Vec<PathBuf> {
    let file = |name: &&str| Path::new("c-tests/handles").join(name).with_extension("c");
    [&[name], shared].concat().iter().map(file).collect()
}

/// Returns a program, compiled for one test, so that no other test writes it at the same time.
fn program(name: &str, shared: &[&str], test: &str) -> PathBuf {
    let sources = sources(name, shared);
    let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
    let library = cc::built("liblivesync.a");
    cc::link_statically(&format!("handles-{name}-{test}"), &sources, &[], &library)
}

/// Returns the programs for the checkers: all of them if tests may be long, and else one of
/// each kind.
fn some() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let one_of_each_way = ["callbacks", "polling", "table"];
    let chosen = move |name| is_long() || one_of_each_way.contains(&name);
    PROGRAMS.into_iter().filter(move |(name, _)| chosen(name))
}

#[test]
fn they_do_what_the_header_says() {
    // The programs run in parallel, since they mostly wait.
    std::thread::scope(|scope| {
        for (name, shared) in PROGRAMS {
            scope.spawn(move || check(&mut Command::new(program(name, shared, "alone"))));
        }
    });
}

#[test]
fn they_are_clean_under_memcheck() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        skip(
            "handles::they_are_clean_under_memcheck",
            "valgrind is not installed",
        );
        return;
    }
    // A child cannot reach memory that only its parent's threads pointed to.
    let programs = some().map(|program| (program, "full"));
    for ((name, shared), leaks) in programs.chain(is_long().then_some((FORK, "no"))) {
        let mut valgrind = Command::new("valgrind");
        valgrind.args([
            "-q",
            "--error-exitcode=99",
            "--errors-for-leak-kinds=definite",
        ]);
        valgrind.arg(format!("--leak-check={leaks}"));
        check(valgrind.arg(program(name, shared, "memcheck")));
    }
}

/// Not run under ThreadSanitizer, which allows no child to start threads.
const FORK: (&str, &[&str]) = ("fork", &["every", "common"]);

#[test]
fn a_handle_stays_with_the_process_that_has_started_it() {
    for (name, shared) in [FORK, ("fork_in_callback", &["common"])] {
        check(&mut Command::new(program(name, shared, "alone")));
    }
}

/// The program prints the name of each function that it has called.
#[test]
fn no_function_is_left_by_a_thread_that_is_cancelled() {
    let program = program("cancel", &["every", "common"], "alone");
    let output = cc::run(Command::new(program).arg(port().to_string())).stdout;
    let output = String::from_utf8(output).expect("UTF-8");
    let mut called: Vec<_> = output.lines().collect();
    assert_eq!(called.pop(), Some("ok"));
    called.sort();
    called.dedup();
    assert_eq!(called, symbols::sorted(&[symbols::HANDLES]));
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn a_stop_takes_no_memory_in_a_library_that_was_loaded_later() {
    let program = cc::scratch().join("handles-loaded");
    cc::run(
        Command::new(cc::compiler())
            .args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"])
            .arg(format!("-I{}", cc::root().join("include").display()))
            .arg(cc::root().join("c-tests/handles/loaded.c"))
            .arg("-ldl")
            .arg("-o")
            .arg(&program),
    );
    check(Command::new(program).arg(cc::built("liblivesync.so")));
}

#[test]
fn they_are_clean_under_address_sanitizer() {
    they_are_clean_under(Sanitizer::Address, "address_sanitizer");
}

#[test]
fn they_are_clean_under_thread_sanitizer() {
    they_are_clean_under(Sanitizer::Thread, "thread_sanitizer");
}

fn they_are_clean_under(sanitizer: Sanitizer, test: &str) {
    for (name, shared) in some() {
        let sources = sources(name, shared);
        let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
        match sanitizer.link(&format!("handles-{name}"), &sources, &[]) {
            Ok(program) => check(&mut Command::new(program)),
            Err(reason) => return skip(&format!("handles::they_are_clean_under_{test}"), &reason),
        }
    }
}
