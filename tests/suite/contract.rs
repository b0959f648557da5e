//! The contract host, `c-tests/contract`: a tracker of our own that checks how the library
//! uses it, and ends with a line about the violation when the contract is broken.
//!
//! Every scenario runs in every generation of the tracker, and also under
//!
//! - valgrind's memcheck, with a search for leaks;
//! - AddressSanitizer and ThreadSanitizer, which both the C files and the library are
//!   built for (the standard library is not: no report of it had to be suppressed).
//!   `tsan.supp` has the suppressions for ThreadSanitizer, with their reasons.
//!
//! Not run: valgrind's helgrind and drd. They do not recognize a mutex that is made of
//! atomics and futexes, like ours, and so report everything that it protects, some 300
//! places in the shortest scenario; ThreadSanitizer knows atomics. Random interruptions do
//! not run under ThreadSanitizer and valgrind, which delay a signal until it is convenient,
//! or run the handler so slowly that its duration means nothing.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::support::group::ports;
use crate::support::host::GENERATIONS;
use crate::support::sanitizer::Sanitizer;
use crate::support::{cc, is_long, skip};

const SOURCES: [&str; 14] = [
    "c-tests/contract/calls.c",
    "c-tests/contract/functions.c",
    "c-tests/contract/host.c",
    "c-tests/contract/interrupts.c",
    "c-tests/contract/on_time.c",
    "c-tests/contract/place.c",
    "c-tests/contract/reversals.c",
    "c-tests/contract/rules.c",
    "c-tests/contract/scenarios.c",
    "c-tests/contract/stops.c",
    "c-tests/contract/system.c",
    "c-tests/contract/table.c",
    "c-tests/contract/threads.c",
    "c-tests/contract/wire.c",
];

/// The linker flags that the contract host needs.
const WRAPPED: &str = "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=send,\
                       --wrap=nanosleep,--wrap=clock_nanosleep,\
                       --wrap=__cxa_thread_atexit_impl";

#[test]
fn every_call_is_as_agreed_and_under_no_lock_of_ours() {
    in_every_generation(&["calls"]);
}

#[test]
fn no_call_follows_a_stop_whenever_it_comes() {
    in_every_generation(&["stops"]);
}

#[test]
fn of_eight_threads_no_record_is_lost_and_each_keeps_its_order() {
    in_every_generation(&["threads"]);
}

#[test]
fn two_trackers_that_tell_what_comes_from_sync_do_not_echo() {
    in_every_generation(&["reversals"]);
}

#[test]
fn all_is_on_time_in_a_tracker_that_does_not_tick() {
    run(&mut Command::new(contract(GENERATIONS[0].1)), &["idle"]);
}

#[test]
fn all_is_on_time_in_a_tracker_that_does_nothing_but_tick() {
    run(&mut Command::new(contract(GENERATIONS[0].1)), &["pounding"]);
}

/// `LIVESYNC_TEST_ROUNDS` sets the number of rounds; in CI, 10,000. Fewer than 1,000 rounds of
/// one generation need not interrupt every place.
#[test]
fn deinit_in_a_signal_handler_interrupts_anything() {
    let rounds = std::env::var("LIVESYNC_TEST_ROUNDS")
        .map_or(if is_long() { 10_000 } else { 500 }, |rounds| {
            rounds.parse().expect("LIVESYNC_TEST_ROUNDS is a number")
        });
    // Most rounds run in one generation, since the generations hardly differ in what is
    // interrupted.
    for (rounds, (_, flags, _)) in [rounds * 8 / 10, rounds / 10, rounds / 10]
        .iter()
        .zip(GENERATIONS)
    {
        let rounds = rounds.to_string();
        let program = &mut Command::new(contract(flags));
        let report = report_of(program, &["interrupts", &rounds]);
        // Printed to the real standard error, since the number of rounds is part of the result.
        let _ = write!(std::io::stderr(), "{report}");
    }
}

#[test]
fn is_clean_under_memcheck() {
    const TEST: &str = "contract::is_clean_under_memcheck";
    if Command::new("valgrind").arg("--version").output().is_err() {
        return skip(TEST, "valgrind is not installed");
    }
    let all: [&[&str]; 4] = [&["calls"], &["reversals"], &["stops"], &["threads", "300"]];
    for scenario in &all[..if is_long() { 4 } else { 2 }] {
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args([
                "-q",
                "--error-exitcode=99",
                "--leak-check=full",
                "--errors-for-leak-kinds=definite",
            ])
            // Without this option a thread that spins keeps the others from running.
            .arg("--fair-sched=try")
            // Even with it, measured times mean nothing.
            .env("CONTRACT_SLOW", "1")
            .arg(contract(GENERATIONS[0].1));
        run(&mut valgrind, scenario);
    }
}

#[test]
fn is_clean_under_address_sanitizer() {
    let program = match sanitized(Sanitizer::Address) {
        Ok(program) => program,
        Err(reason) => return skip("contract::is_clean_under_address_sanitizer", &reason),
    };
    for scenario in [
        &["calls"][..],
        &["stops"],
        &["reversals"],
        &["threads", "5000"],
    ] {
        run(&mut Command::new(&program), scenario);
    }
    // The tracker's handler makes its torrents unreachable, but may not free them.
    run(
        Command::new(&program).env("ASAN_OPTIONS", "detect_leaks=0"),
        &["interrupts", "300"],
    );
}

#[test]
fn is_clean_under_thread_sanitizer() {
    let program = match sanitized(Sanitizer::Thread) {
        Ok(program) => program,
        Err(reason) => return skip("contract::is_clean_under_thread_sanitizer", &reason),
    };
    let suppressions = cc::root().join("c-tests/contract/tsan.supp");
    let options = format!("suppressions={}", suppressions.display());
    for scenario in [
        &["calls"][..],
        &["stops"],
        &["reversals"],
        &["threads", "2000"],
    ] {
        run(
            Command::new(&program).env("TSAN_OPTIONS", &options),
            scenario,
        );
    }
}

fn in_every_generation(scenario: &[&str]) {
    for (_, flags, _) in GENERATIONS {
        run(&mut Command::new(contract(flags)), scenario);
    }
}

/// Runs a scenario, which must succeed.
fn run(program: &mut Command, scenario: &[&str]) {
    print!("{}", report_of(program, scenario));
}

/// Runs a scenario, which must succeed, and returns the line that it prints.
fn report_of(program: &mut Command, scenario: &[&str]) -> String {
    let port = ports(match scenario[0] {
        "interrupts" => 13,
        "stops" => 2,
        _ => 1,
    });
    program.args([scenario[0], &port.to_string()]);
    let output = cc::run(program.args(&scenario[1..]));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns the contract host with these flags; the first caller compiles it.
fn contract(flags: &[&str]) -> PathBuf {
    static COMPILED: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut compiled = COMPILED.lock().expect("no test panics while it compiles");
    let name = format!("contract{}", flags.concat());
    compiled
        .get_or_insert_default()
        .entry(name.clone())
        .or_insert_with(|| {
            let flags = [flags, &["-Wpedantic", WRAPPED]].concat();
            cc::link_statically(
                &name,
                &SOURCES.map(Path::new),
                &flags,
                &cc::built("liblivesync.a"),
            )
        })
        .clone()
}

/// Returns the contract host, built together with the library for a sanitizer; or an error with
/// the reason why that is not possible.
fn sanitized(sanitizer: Sanitizer) -> Result<PathBuf, String> {
    sanitizer.link("contract", &SOURCES.map(Path::new), &[WRAPPED])
}
