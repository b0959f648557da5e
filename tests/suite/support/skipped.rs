//! Tests that do not run here: each is named when it is skipped, and a line at the end of the
//! run counts them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Switches on all tests that take long or need the machine to themselves: long tests, and the
/// long versions of short ones. CI sets it.
const LONG: &str = "LIVESYNC_TESTS_LONG";

/// With this variable in the environment, a test that lacks something fails. CI sets it, too.
const NO_SKIP: &str = "LIVESYNC_TESTS_NO_SKIP";

/// The names of skipped tests, by reason.
type Skipped = BTreeMap<String, BTreeSet<String>>;

static SKIPPED: Mutex<Skipped> = Mutex::new(Skipped::new());

/// Returns whether long tests run, and short ones run their long versions.
pub fn is_long() -> bool {
    std::env::var_os(LONG).is_some()
}

/// Prints that a test is skipped because this machine lacks something. It prints to the real
/// standard error, since the test harness captures the print macros. With [`NO_SKIP`] the test
/// fails instead.
pub fn skip(test: &str, reason: &str) {
    assert!(
        std::env::var_os(NO_SKIP).is_none(),
        "{test} may not be skipped here: {reason}"
    );
    note(test, reason);
}

/// Returns whether a long test must be skipped, and counts it. The machine lacks nothing, so
/// the test never fails for this reason.
pub fn is_too_long(test: &str) -> bool {
    if !is_long() {
        note(test, &format!("it is long, and {LONG} is not set"));
    }
    !is_long()
}

fn note(test: &str, reason: &str) {
    static AT_THE_END: Once = Once::new();
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
    skipped()
        .entry(reason.to_owned())
        .or_default()
        .insert(test.to_owned());
    AT_THE_END.call_once(summarise_at_exit);
}

fn skipped() -> MutexGuard<'static, Skipped> {
    SKIPPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The test harness has no hook for the end of a run, but it leaves by exit(3).
#[allow(unsafe_code)]
fn summarise_at_exit() {
    extern "C" fn print() {
        let _ = writeln!(std::io::stderr(), "{}", summary(&skipped()));
    }
    // SAFETY: the function takes no arguments, cannot unwind, and stays in memory: this is no
    // library that could be unloaded.
    unsafe { libc::atexit(print) };
}

/// Returns one line: how many tests were skipped, and why.
fn summary(skipped: &Skipped) -> String {
    let reasons: Vec<_> = skipped
        .iter()
        .map(|(reason, tests)| format!("{} ({reason})", tests.len()))
        .collect();
    let tests: BTreeSet<_> = skipped.values().flatten().collect();
    format!("SKIPPED {} in all: {}", tests.len(), reasons.join(", "))
}

mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_each_test_once_for_each_reason() {
        let mut skipped = Skipped::new();
        for (test, reason) in [
            ("one", "no root"),
            ("other", "no root"),
            ("one", "no root"),
            ("third", "no valgrind"),
        ] {
            let tests = skipped.entry(reason.to_owned()).or_default();
            tests.insert(test.to_owned());
        }
        assert_eq!(
            summary(&skipped),
            "SKIPPED 3 in all: 2 (no root), 1 (no valgrind)"
        );
    }
}
