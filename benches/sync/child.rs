//! Runs this program as a child process, for measurements that need a process of their own.

use std::env;
use std::process::{Child, Command, Stdio};

/// First argument of a child.
const CHILD: &str = "child";

/// A task of a child, with the child's arguments.
pub type Task = fn(&[&str]);

/// Runs the task that the arguments name, if they are those of a child.
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

/// Waits for a child's answer: some numbers.
pub fn answer(child: Child) -> Vec<f64> {
    let output = child.wait_with_output().expect("an answer");
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.split_whitespace();
    numbers.map(|n| n.parse().expect("a number")).collect()
}
