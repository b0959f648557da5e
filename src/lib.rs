//! livesync makes many BitTorrent trackers behave as one: a peer announced to
//! any tracker of a cluster is known to all of them a moment later.
//!
//! The specification is the header of opentracker's live sync module,
//! `ot_livesync.h`. C programs use the six functions of `include/ot_livesync.h`;
//! everything behind them is an ordinary Rust library whose floors import only
//! downwards:
//!
//! | floor | modules |
//! | --- | --- |
//! | 0 | `types`, `address`, `time`, `reject`, `counters`, `keys`, `config`, [`log`], `error`: the words |
//! | 1 | `wire`: bytes become types and types become bytes |
//! | 2 | `protocol`: the protocol without I/O |
//! | 3 | `net`: sockets, standard error; `host`: what we need from a tracker |
//! | 4 | `engine`: lock, take, unlock, act; the receive thread; [`selftest`](selftest()) |
//! | 5 | [`Livesync`]: the handle; its metrics; `host`: trackers found by link-time symbols, called back, polled, or kept in memory |
//! | 6 | `ffi`: the C border |
//!
//! A program begins with [`Livesync`], a [`Config`], and what it is for its tracker: a [`Host`],
//! [`Events`] or a [`Memory`]. Each item has one path, and keeps it as docs/versioning.md says; only
//! what is in [`unstable`] may change with any version.

mod address;
mod config;
mod counters;
mod engine;
mod error;
mod host;
mod keys;
pub mod log;
mod protocol;
mod reject;
mod time;
mod types;
pub mod unstable;
mod wire;

mod ffi;
mod livesync;
mod metrics;
#[cfg(not(shuttle))]
mod net;
mod selftest;

pub use config::{Auth, Config, LIVESYNC_PORT};
pub use engine::{NodeStats, Stats};
pub use error::{AnnounceError, NotRunning, SetupError};
pub use host::{Event, Events, Host, Memory, Usage, log_to_stderr};
pub use keys::{BadKeys, KEY_LEN, Keys};
pub use livesync::Livesync;
pub use selftest::{Findings, selftest};
pub use types::{Announce, Cursor, InfoHash, Merged, Peer, PeerFlags, Torrent, TrackerId};
pub use wire::PlausibleTorrents;
#[cfg(feature = "want_sync_scrape")]
pub use {host::Torrents, protocol::Task};

/// What a [`Memory`] may hold, and what it holds of a torrent.
pub mod memory {
    pub use crate::host::memory::{Counts, Limits};
}

/// What is in [`Stats`].
pub mod stats {
    pub use crate::protocol::{Counters, RepairCounters};
    #[cfg(feature = "want_sync_scrape")]
    pub use crate::protocol::{ScrapeCounters, ScrapeState};
    pub use crate::reject::{Drops, Reject};
}

#[cfg(shuttle)]
#[path = "../tests/model/mod.rs"]
mod model;
#[cfg(shuttle)]
use model::net;
