//! The protocol without I/O: it has no socket, no clock, no lock and no host.
//!
//! [`Node`] ties the parts together. Events go in through `announce` and `handle_…`; what to do
//! next comes out of `poll_…` and of their results. A whole cluster can therefore run inside one
//! test, on a clock that the test controls.

mod announces;
mod counters;
mod echoes;
mod identity;
mod inbound;
mod isolation;
mod links;
mod naming;
mod node;
mod number;
mod outbound;
mod received;
mod repair;
mod rest;
#[cfg_attr(not(feature = "want_sync_scrape"), path = "no_scrape.rs")]
mod scrape;
mod timers;
#[cfg_attr(not(feature = "want_sync_scrape"), path = "no_torrents.rs")]
mod torrents;

#[cfg(feature = "want_sync_scrape")]
pub use counters::ScrapeCounters;
pub use counters::{Counters, RepairCounters};
pub use identity::NewId;
pub use inbound::{MAX_NODES, RemoteStats};
pub use links::LinkInfo;
pub use node::Node;
pub use outbound::{Class, Destination, Transmit};
pub use received::{Made, Received, Source, Waited};
pub use rest::{Progress, Rest};
#[cfg(feature = "want_sync_scrape")]
pub use scrape::{ScrapeState, Task};
