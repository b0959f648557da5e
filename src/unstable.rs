//! The protocol itself, for tests, fuzzing, simulations and other implementations of it.
//!
//! **Semantic versioning does not cover what is in here**: any version may change it or take it away.
//! A program that takes part in a cluster needs none of it.
//!
//! Its enums may be matched exhaustively: whoever builds on the protocol is to hear of a new packet
//! or a new outcome from the compiler.

#[cfg(lock_times)]
pub use crate::engine::take_holds;
pub use crate::time::Time;
pub use crate::types::ByFamily;

/// The protocol without I/O: no socket, no clock, no lock, no host in it.
///
/// [`Node`](protocol::Node) ties the parts together. What happens goes in through `tell` and
/// `handle_…`; what is to be done comes out of `poll_…` and of their results.
pub mod protocol {
    pub use crate::protocol::{
        Class, Destination, LinkInfo, MAX_NODES, Made, NewId, Node, Progress, Received,
        RemoteStats, Rest, Source, Transmit, Waited,
    };
}

/// Bytes become types, and types become bytes: one type for each packet of the specification.
pub mod wire {
    pub use crate::wire::{
        Beacon, Frame, Header, Heartbeat, Inquire, MAX_RECEIVED, Nak, Packet, PacketType, PeerList,
        Record, Records, TorrentList, Trailer,
    };
}
