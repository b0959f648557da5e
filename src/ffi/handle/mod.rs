//! The functions of `livesync.h`: a handle for any host.

mod code;
mod config;
mod event;
mod functions;
#[expect(clippy::module_inception, reason = "the room is named after it")]
mod handle;
mod out;
mod polling;
#[cfg_attr(not(feature = "want_sync_scrape"), path = "no_questions.rs")]
mod questions;
mod read_config;
mod report;
mod stats;
mod table;
