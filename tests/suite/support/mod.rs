//! The shared code of the tests: the C compiler, the library under test, skipped tests.

#[path = "../../../examples/cluster/bep15.rs"]
pub mod bep15;
pub mod cc;
pub mod files;
pub mod generations;
pub mod group;
pub mod host;
pub mod livesync_h;
pub mod memory;
pub mod netns;
pub mod process;
pub mod sanitizer;
mod skipped;
#[cfg(feature = "want_sync_scrape")]
pub mod tag;
pub mod tracker_program;
pub mod vectors;

pub use skipped::{is_long, is_too_long, skip};
