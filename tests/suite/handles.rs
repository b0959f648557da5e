//! The functions of livesync.h in C programs, each also under memcheck and the
//! sanitizers. A program prints "ok", or what is wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::group::port;
use crate::support::sanitizer::Sanitizer;
use crate::support::{cc, skip};

/// c-tests/handles/NAME.c: what it is about, and what it shares with others there.
const PROGRAMS: [(&str, &[&str]); 9] = [
    // A thread of the library's, and callbacks.
    ("callbacks", &["common"]),
    // What opens no handle.
    ("config", &["common"]),
    // Callers compiled with an older or a newer livesync.h.
    ("sizes", POLLED),
    // The program's own loop: states and wake-ups, scrape sync, and load.
    ("polling", POLLED),
    ("polling_scrape", POLLED),
    ("polling_load", POLLED),
    // Callbacks for peers only; the log; what is left after a stop.
    ("mixed", &["common"]),
    // The built-in table; handles that only speak or only listen.
    ("table", CLUSTER),
    ("only", CLUSTER),
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

/// A program, compiled for one test, so that no other writes it at the same time.
fn program(name: &str, shared: &[&str], test: &str) -> PathBuf {
    let sources = sources(name, shared);
    let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
    let library = cc::built("liblivesync.a");
    cc::link_statically(&format!("handles-{name}-{test}"), &sources, &[], &library)
}

#[test]
fn they_do_what_the_header_says() {
    for (name, shared) in PROGRAMS {
        check(&mut Command::new(program(name, shared, "alone")));
    }
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
    for (name, shared) in PROGRAMS {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full"]);
        check(valgrind.arg(program(name, shared, "memcheck")));
    }
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
    for (name, shared) in PROGRAMS {
        let sources = sources(name, shared);
        let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
        match sanitizer.link(&format!("handles-{name}"), &sources, &[]) {
            Ok(program) => check(&mut Command::new(program)),
            Err(reason) => return skip(&format!("handles::they_are_clean_under_{test}"), &reason),
        }
    }
}
