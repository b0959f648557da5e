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
//! | 0 | [`types`], `address`, [`time`], [`reject`], `counters`, [`keys`], [`config`], [`log`], [`error`]: the words |
//! | 1 | [`wire`]: bytes become types and types become bytes |
//! | 2 | [`protocol`]: the protocol without I/O |
//! | 3 | `net`: sockets, standard error; [`host`]: what we need from a tracker |
//! | 4 | `engine`: lock, take, unlock, act; the receive thread; [`selftest`] |
//! | 5 | [`Livesync`]: the handle; its metrics; [`host`]: trackers found by link-time symbols, called back, polled, or kept in memory |
//! | 6 | `ffi`: the C border |

mod address;
pub mod config;
mod counters;
mod engine;
pub mod error;
pub mod host;
pub mod keys;
pub mod log;
pub mod protocol;
pub mod reject;
pub mod time;
pub mod types;
pub mod wire;

mod ffi;
mod livesync;
mod metrics;
#[cfg(not(shuttle))]
mod net;
mod selftest;

pub use config::Config;
pub use engine::{HeardNode, Stats};
pub use error::{AnnounceError, NotRunning, SetupError};
pub use host::{Event, Events, Host, Memory};
pub use keys::Keys;
pub use livesync::Livesync;
pub use selftest::{Findings, selftest};
pub use types::{Announce, InfoHash, Peer, PeerFlags, TrackerId};

#[cfg(shuttle)]
#[path = "../tests/model/mod.rs"]
mod model;
#[cfg(shuttle)]
use model::net;
