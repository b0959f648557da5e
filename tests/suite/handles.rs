//! The functions of livesync.h in a C program.

use std::path::Path;
use std::process::Command;

use crate::support::group::port;
use crate::support::{cc, skip};

fn check(command: &mut Command) {
    let output = cc::run(command.arg(port().to_string()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n");
}

fn program() -> std::path::PathBuf {
    let source = Path::new("c-tests/handles.c");
    cc::link_statically("handles", &[source], &[], &cc::built("liblivesync.a"))
}

#[test]
fn two_in_one_process_sync_with_each_other() {
    check(&mut Command::new(program()));
}

#[test]
fn they_are_clean_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        skip(
            "handles::they_are_clean_under_valgrind",
            "valgrind is not installed",
        );
        return;
    }
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full"]);
    check(valgrind.arg(program()));
}
