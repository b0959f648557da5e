//! What the tests share: the C compiler, the library under test, skipping aloud.

#[path = "../../../examples/cluster/bep15.rs"]
pub mod bep15;
pub mod cc;
pub mod generations;
pub mod group;
pub mod host;
pub mod memory;
pub mod netns;
pub mod process;
pub mod sanitizer;
pub mod tracker_program;
pub mod vectors;

use std::io::Write;

/// Says on the real standard error (the test harness captures only the print
/// macros) that a test is skipped and why. Where nothing may be skipped, as in
/// CI, `LIVESYNC_TESTS_NO_SKIP` is set and a skip is a failure.
pub fn skip(test: &str, reason: &str) {
    assert!(
        std::env::var_os("LIVESYNC_TESTS_NO_SKIP").is_none(),
        "{test} may not be skipped here: {reason}"
    );
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
}
