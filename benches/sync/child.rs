//! This program once more, for what needs a process of its own.

use std::env;
use std::process::{Child, Command, Stdio};

use crate::{loss, memory};

/// What a child is told to be.
const CHILD: &str = "child";

/// Does what a child does, if these are the arguments of one.
pub fn run(arguments: &[String]) -> bool {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [CHILD, loss::SENDER, ref arguments @ ..] => loss::send(arguments),
        [CHILD, memory::NODE, ref arguments @ ..] => memory::live(arguments),
        _ => return false,
    }
    true
}

/// Starts a child, which answers on its standard output.
pub fn start(task: &str, arguments: &[&str]) -> Child {
    let program = env::current_exe().expect("our own path");
    Command::new(program)
        .args([CHILD, task])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

/// Waits for the answer of a child: some numbers.
pub fn answer(child: Child) -> Vec<f64> {
    let output = child.wait_with_output().expect("an answer");
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.split_whitespace();
    numbers.map(|n| n.parse().expect("a number")).collect()
}
