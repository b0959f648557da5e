//! Allocations of the library that fail.

use std::process::Command;

use super::program;
use crate::support::cc;
use crate::support::group::port;

/// Rust ends the process where an allocation fails that cannot. Nothing worse happens: no call
/// crashes or hangs, and what a thread takes to start is an error of the start.
#[test]
fn without_memory_a_call_fails_or_the_process_ends_in_order() {
    let memory = program("memory", &["handles/common.c"]);
    let output = cc::run(Command::new(memory).arg(port().to_string()));
    let output = String::from_utf8_lossy(&output.stdout);
    println!("{output}");
    assert!(output.ends_with("ok\n"));
    let number = |name| {
        let number = output.lines().find_map(|line| line.strip_prefix(name));
        number.and_then(|n| n.trim().parse::<u32>().ok())
    };
    assert!(number("start error") > Some(0));
}
