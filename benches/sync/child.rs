//! This program once more, for what needs a process of its own.

use std::env;
use std::process::{Child, Command, Stdio};

/// What a child is told to be.
const CHILD: &str = "child";

/// What a child does with its arguments.
pub type Task = fn(&[&str]);

/// Does what a child does, if these are the arguments of one, and its task has one of these names.
pub fn run(arguments: &[String], tasks: &[(&str, Task)]) -> bool {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [CHILD, name, ref arguments @ ..] = words[..] else {
        return false;
    };
    let task = tasks.iter().find(|(task, _)| *task == name);
    task.map(|(_, task)| task(arguments)).is_some()
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
