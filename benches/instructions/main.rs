//! Counts the instructions of the hot functions with valgrind, since a noisy machine does not
//! change them. Each function has a limit, 1.5 times the count when the limit was set. A count
//! above its limit is a gross regression, and the benchmark fails.
//!
//! ```text
//! cargo bench --bench instructions
//! ```
//!
//! Two processes call each function, the second one more often. The difference between them is
//! the function's own cost, since both include its preparations.

mod functions;
mod late;

use std::env;
use std::process::{Command, ExitCode};

use functions::Function;

/// Number of calls in the first process.
const CALLS: u64 = 2_000;
/// Number of calls in the second process.
const MORE_CALLS: u64 = 2 * CALLS;

/// The measured functions, and their limits in instructions per call.
const LIMITS: [(&str, Function, u64); 13] = [
    (
        "a tell, with its share of a packet",
        functions::announce_all,
        750,
    ),
    ("a full packet made", functions::make, 41_000),
    (
        "a full packet made and signed",
        functions::make_and_sign,
        172_000,
    ),
    ("a full packet read", functions::read, 2_000),
    ("a full packet heard", functions::hear, 26_000),
    (
        "a full signed packet heard",
        functions::hear_signed,
        157_000,
    ),
    (
        "a packet that comes late, to a full memory",
        late::now,
        66_000,
    ),
    (
        "the same, as if it had left long ago",
        late::at_the_start,
        59_000,
    ),
    (
        "the same, as if it left in an hour",
        late::in_an_hour,
        66_000,
    ),
    ("the same, as if it left in weeks", late::in_weeks, 66_000),
    (
        "a NAK for all of a full window, and its retransmissions",
        late::nak_for_all,
        29_500,
    ),
    ("50 peers of a swarm of 20,000", functions::peers, 10_300),
    ("the counts of a swarm of 20,000", functions::counts, 4_700),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [number, calls] = &arguments[..]
        && let (Ok(number), Ok(calls)) = (number.parse::<usize>(), calls.parse())
    {
        LIMITS[number].1(calls);
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        // `cargo test --benches` only checks that it runs.
        LIMITS.iter().for_each(|(_, function, _)| function(10));
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: valgrind is not installed");
        return ExitCode::from(env::var_os("LIVESYNC_TESTS_NO_SKIP").is_some() as u8);
    }
    println!("| function | instructions | limit |");
    println!("| --- | --- | --- |");
    let mut within = true;
    for (number, (name, _, limit)) in LIMITS.iter().enumerate() {
        let more = count(number, MORE_CALLS).saturating_sub(count(number, CALLS));
        let each = more / (MORE_CALLS - CALLS);
        let verdict = if each > *limit { ": exceeded" } else { "" };
        println!("| {name} | {each} | {limit}{verdict} |");
        within &= each <= *limit;
    }
    ExitCode::from(!within as u8)
}

/// Counts the instructions of a process that calls a function this many times.
fn count(function: usize, calls: u64) -> u64 {
    let program = env::current_exe().expect("our own path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([function.to_string(), calls.to_string()])
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let collected = text.split_once("Collected : ").map(|(_, rest)| rest);
    let number = collected.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no count in {text}"))
}
