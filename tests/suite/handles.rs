//! The functions of livesync.h in C programs, each also under memcheck and the
//! sanitizers. A program prints "ok", or what is wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::group::port;
use crate::support::sanitizer::Sanitizer;
use crate::support::{cc, skip};

/// c-tests/NAME.c: what it is about.
const PROGRAMS: [&str; 3] = [
    // A thread of the library's, and callbacks.
    "handles", // The program's own loop, and events.
    "polling", // The built-in table; handles that only speak or only listen.
    "table",
];

fn check(command: &mut Command) {
    let output = cc::run(command.arg(port().to_string()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n");
}

fn source(name: &str) -> PathBuf {
    Path::new("c-tests").join(name).with_extension("c")
}

/// A program, compiled for one test, so that no other writes it at the same time.
fn program(name: &str, test: &str) -> PathBuf {
    let library = cc::built("liblivesync.a");
    cc::link_statically(&format!("{name}-{test}"), &[&source(name)], &[], &library)
}

#[test]
fn they_do_what_the_header_says() {
    for name in PROGRAMS {
        check(&mut Command::new(program(name, "alone")));
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
    for name in PROGRAMS {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full"]);
        check(valgrind.arg(program(name, "memcheck")));
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
    for name in PROGRAMS {
        match sanitizer.link(name, &[&source(name)], &[]) {
            Ok(program) => check(&mut Command::new(program)),
            Err(reason) => return skip(&format!("handles::they_are_clean_under_{test}"), &reason),
        }
    }
}
