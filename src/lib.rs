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
//! | 0 | [`types`], [`time`], [`reject`], [`config`], [`log`], [`error`]: the words |
//! | 1 | [`wire`]: bytes become types and types become bytes |
//! | 2 | [`protocol`]: the protocol without I/O |
//! | 3 | `net`: sockets; [`host`]: what we need from a tracker |
//! | 4 | [`engine`]: lock, take, unlock, act; the receive thread |
//! | 5 | `host::opentracker`: a tracker found by link-time symbols |
//! | 6 | `ffi`: the C border |

pub mod config;
pub mod engine;
pub mod error;
pub mod host;
pub mod log;
pub mod protocol;
pub mod reject;
pub mod time;
pub mod types;
pub mod wire;

mod ffi;
#[cfg(not(shuttle))]
mod net;

#[cfg(shuttle)]
#[path = "../tests/model/mod.rs"]
mod model;
#[cfg(shuttle)]
use model::net;
