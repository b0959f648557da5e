//! Where a packet goes, and why.

use crate::types::TrackerId;

/// To whom a packet goes. A link that reaches everyone at once sends all to everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// All nodes of the cluster.
    Everyone,
    /// The node with this id.
    Node(TrackerId),
}

/// Why a packet is sent, the most urgent first. No class waits for one behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Heartbeats, NAKs, beacons and inquiries.
    Control,
    /// Announces.
    Live,
    /// Packets that others have missed.
    Repair,
    /// Torrents of scrape sync.
    Bulk,
}

impl Class {
    /// All classes, in their order.
    pub const ALL: [Self; 4] = [Self::Control, Self::Live, Self::Repair, Self::Bulk];

    /// The word for it in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Live => "live",
            Self::Repair => "repair",
            Self::Bulk => "bulk",
        }
    }
}
