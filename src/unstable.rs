//! The protocol itself, for tests, fuzzing, simulations and other implementations of it.
//!
//! **Semantic versioning does not cover this module**: any version may change or remove its items.
//! A program that takes part in a cluster needs none of them.
//!
//! Its enums may be matched exhaustively, so that the compiler reports a new packet or a new
//! outcome to a program that builds on the protocol.

#[cfg(lock_times)]
pub use crate::engine::take_holds;
pub use crate::time::Time;
pub use crate::types::ByFamily;

/// The protocol without I/O: it has no socket, no clock, no lock and no host.
///
/// [`Node`](protocol::Node) ties the parts together. A program hands it what happens by `announce`
/// and `handle_…`, and learns from their results and from `poll_…` what it has to do.
pub mod protocol {
    pub use crate::protocol::{
        Class, Destination, LinkInfo, MAX_NODES, Made, NewId, Node, Progress, Received,
        RemoteStats, Rest, Source, Transmit, Waited,
    };
}

/// Parsing and writing packets, with one type for each packet of the specification.
pub mod wire {
    pub use crate::wire::{
        Beacon, Frame, Header, Heartbeat, Inquire, MAX_RECEIVED, Nak, Packet, PacketType, PeerList,
        Record, Records, TorrentList, Trailer,
    };
}
