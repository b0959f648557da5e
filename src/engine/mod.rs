//! Ties the protocol to sockets and a host: it locks the state, takes what there is to do, unlocks
//! the state, and does it.

mod clock;
mod deliveries;
#[expect(clippy::module_inception, reason = "the room is named after it")]
mod engine;
mod forked;
#[cfg(lock_times)]
mod holds;
mod in_host;
mod key_file;
mod lifetime;
mod links;
mod live;
mod logging;
mod polling;
mod quiet;
mod receive;
mod receiving;
mod report;
mod run;
#[cfg_attr(not(feature = "want_sync_scrape"), path = "no_scrape.rs")]
mod scrape;
mod sending;
mod stats;
mod sync;
mod turn;
mod wakeup;
mod worker;

pub use engine::Engine;
#[cfg(lock_times)]
pub use holds::take_holds;
pub use stats::{NodeStats, Stats};
