//! The destination and the class of a packet.

use crate::types::TrackerId;

/// The destination of a packet. A link that reaches all nodes at once sends every packet to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// All nodes of the cluster.
    Everyone,
    /// The node with this id.
    Node(TrackerId),
}

/// The class of a packet, most urgent first. No class waits for one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Heartbeats, NAKs, beacons and inquiries.
    Control,
    /// Announces.
    Live,
    /// Packets that other nodes miss.
    Repair,
    /// Torrents of scrape sync.
    Bulk,
}

impl Class {
    /// All classes, in their order.
    pub const ALL: [Self; 4] = [Self::Control, Self::Live, Self::Repair, Self::Bulk];

    /// Returns the name of the class in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Live => "live",
            Self::Repair => "repair",
            Self::Bulk => "bulk",
        }
    }
}
