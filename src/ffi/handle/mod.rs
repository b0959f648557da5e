//! The functions of `livesync.h`: a handle for any host.

// cbindgen declares functions in the order of these modules.
mod library;

mod code;
mod config;
mod event;
#[expect(clippy::module_inception, reason = "the folder is named after it")]
mod handle;
mod init_config;
mod nodes;
mod out;
#[cfg_attr(not(feature = "want_sync_scrape"), path = "no_questions.rs")]
mod questions;
mod read_config;
mod stats;

mod lifecycle;

mod announcing;

mod polling;

mod answers;

mod report;
mod table;
