//! Failing allocations of the library.

use std::process::Command;

use super::program;
use crate::support::group::port;
use crate::support::{cc, is_long};

/// Rust ends the process if an allocation fails that has no error path. Nothing worse happens:
/// no call crashes or hangs, and a failure at the start of a thread is an error of the start.
#[test]
fn without_memory_a_call_fails_or_the_process_ends_in_order() {
    let memory = program("memory", &["handles/common.c"]);
    let (each, then) = if is_long() { ("60", "20") } else { ("40", "8") };
    let output =
        cc::run(Command::new(memory).args([port().to_string(), each.to_owned(), then.to_owned()]));
    let output = String::from_utf8_lossy(&output.stdout);
    println!("{output}");
    assert!(output.ends_with("ok\n"));
    let number = |name| {
        let number = output.lines().find_map(|line| line.strip_prefix(name));
        number.and_then(|n| n.trim().parse::<u32>().ok())
    };
    assert!(number("start error") > Some(0));
}
