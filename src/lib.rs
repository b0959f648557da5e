//! livesync makes many BitTorrent trackers behave as one: a peer that is announced to any tracker
//! of a cluster is known to all of them a moment later.
//!
//! The trackers find each other by IP multicast, so there is no server and no state on disk. Lost
//! packets are recovered, and with a key no other host can announce anything. The protocol is that
//! of opentracker's live sync module, `ot_livesync.h`, extended by repair and keys.
//!
//! # Two nodes
//!
//! This program runs two nodes on the loopback interface. It announces a peer to the first one, and
//! the second one hands that peer to its tracker:
//!
//! ```
//! use std::error::Error;
//! use std::sync::{Arc, mpsc};
//! use std::time::Duration;
//!
//! use livesync::{Config, Host, InfoHash, Livesync, Peer, PeerFlags, TrackerId};
//!
//! /// A tracker. This one passes peers on instead of storing them.
//! struct Tracker {
//!     peers: mpsc::Sender<(InfoHash, Peer)>,
//! }
//!
//! impl Host for Tracker {
//!     /// A client has announced this peer to another tracker of the cluster.
//!     fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
//!         let _ = self.peers.send((*info_hash, *peer));
//!     }
//!
//!     /// A client has announced to another tracker of the cluster that this peer stops.
//!     fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}
//! }
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     let config = Config::on([127, 0, 0, 1])     // the interface of this host to sync on
//!         .allow(["127.0.0.1/32".parse()?])       // the addresses of the other trackers
//!         .loopback(true);                        // because both nodes are on this host
//!     # let config = config.port(18_500 + (std::process::id() % 500) as u16);
//!
//!     let (peers, _) = mpsc::channel();
//!     let first = Livesync::open(config.clone(), Arc::new(Tracker { peers }))?;
//!     let (peers, received) = mpsc::channel();
//!     let second = Livesync::open(config, Arc::new(Tracker { peers }))?;
//!     first.start(TrackerId::random())?;
//!     second.start(TrackerId::random())?;
//!
//!     let torrent = InfoHash([0xab; 20]);
//!     let peer = Peer { ip: [192, 0, 2, 1].into(), port: 6881, flags: PeerFlags::SEEDING };
//!     first.announce(torrent, peer)?;
//!     assert_eq!(received.recv_timeout(Duration::from_secs(60))?, (torrent, peer));
//!     Ok(())
//! }
//! ```
//!
//! A tracker does the same with one node: it opens a [`Livesync`] with a [`Config`] and its
//! [`Host`], starts it, and calls [`announce`](Livesync::announce) for each announce of a client.
//! `examples/rust/node.rs` is such a program: `cargo run -p node 127.0.0.1 9696 7001`.
//!
//! # Which type to use
//!
//! | The program | uses |
//! | --- | --- |
//! | has a table of peers, and threads | [`Host`] for that table, and [`Livesync::start`] |
//! | has an event loop | [`Events`] and [`Livesync::start_polling`] (Linux) |
//! | has no table of its own: an indexer, a monitor, a test | [`Memory`] as host |
#![cfg_attr(
    feature = "want_sync_scrape",
    doc = "| shares its torrents and their download counts | [`Torrents`], by [`Host::torrents`]; \
           or [`Events::with_scrape`] and [`Livesync::poll_task`] |"
)]
//! | accepts only packets of its cluster | [`Keys`], by [`Config::keys`] or [`Config::key_file`] |
//! | shows how sync is doing | [`Livesync::metrics`], [`Livesync::stats`], [`Livesync::nodes`] |
//! | checks the network before it starts | [`selftest()`] |
//!
//! # Threads
//!
//! All methods of [`Livesync`] may be called from any thread, though [`process`](Livesync::process)
//! only from one at a time. Any number of handles in one process are independent of each other.
//!
//! [`Livesync::start`] makes one thread, which calls the [`Host`]. [`Livesync::start_polling`]
//! makes none: the host is called from inside [`Livesync::process`]. [`Livesync::tick`] and
//! [`Livesync::receive_from`] call it on their own thread, too. No lock of the library is held
//! meanwhile, so a host may block and may call the handle.
//!
//! [`Livesync::announce`] never calls the host, so it may be called while locks are held that the
//! host takes. [`Livesync::stop`] may be called from a signal handler.
//!
//! # Features
//!
//! | Feature | Default | Effect |
//! | --- | --- | --- |
//! | `want_sync_scrape` | yes | compiles scrape sync: beacons, inquiries and scrape tells |
//! | `want_sync_live` | yes | exports the six C functions of `ot_livesync.h`; enables `handles` |
//! | `handles` | yes | exports the C functions of `livesync.h` |
//!
//! A program in Rust needs no C function, so `default-features = false` with
//! `features = ["want_sync_scrape"]` is enough for it.
//!
//! # Further pages
//!
//! These pages are in the `docs` folder of the source:
//!
//! | Page | Contents |
//! | --- | --- |
//! | `embedding.md` | embedding the library: threads, errors, tables, scrape sync |
//! | `operations.md` | running it: keys, clocks, the receive buffer, what to watch |
//! | `metrics.md` | every metric of [`Livesync::metrics`] |
//! | `reliability.md` | what happens when something fails, and all bounds |
//! | `protocol.md` | the packets and the rules |
//! | `architecture.md` | the modules and how a packet passes through them |
//! | `versioning.md` | which changes break a program |
//!
//! Each item has one path and keeps it, as `versioning.md` says. Only what is in [`unstable`] may
//! change with any version.

#![warn(
    clippy::doc_markdown,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc
)]

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

/// Limits of a [`Memory`], and its counts for a torrent.
pub mod memory {
    pub use crate::host::memory::{Counts, Limits};
}

/// The parts of [`Stats`].
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
