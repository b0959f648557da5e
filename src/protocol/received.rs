//! What goes into a node with a datagram, and what comes out.

use std::net::SocketAddr;
use std::time::Duration;

use crate::time::Time;
use crate::types::Announce;
use crate::wire::{PeerList, PlausibleTorrents};

/// Where a datagram came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address it was sent from.
    pub address: SocketAddr,
    /// Whether the host lets this address speak. Those that the configuration
    /// [allows](crate::config::Config::allow) may in any case.
    pub allowed: bool,
}

/// For how long a datagram has waited since it arrived, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    pub(super) least: Duration,
    pub(super) most: Duration,
}

impl Waited {
    /// Nothing is known of that.
    pub const UNKNOWN: Self = Self::at_most(Duration::MAX);

    /// For so long.
    pub const fn exactly(waited: Duration) -> Self {
        Self {
            least: waited,
            most: waited,
        }
    }

    /// Not longer than that.
    pub const fn at_most(most: Duration) -> Self {
        Self {
            least: Duration::ZERO,
            most,
        }
    }
}

/// When the host has made an announce.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// By the clock.
    pub at: Time,
    /// Before the host was handed what was heard for the time with this
    /// [number](super::Node::set_delivery), or meanwhile.
    pub delivery: u32,
}

impl Made {
    /// It makes one now: after all that it was handed.
    pub fn now(at: Time) -> Self {
        Self {
            at,
            delivery: u32::MAX / 2,
        }
    }
}

/// What a datagram has for the host.
#[derive(Clone, Debug)]
pub enum Received<'a> {
    /// Announces, to be applied in their order.
    Peers(PeerList<'a>),
    /// Announces, to be applied in their order: of a packet that came late, or another way than
    /// it left, those that are the latest of their peers.
    Late(Vec<Announce>),
    /// Torrents, to be merged into the host's, and the results to be handed to
    /// `Node::handle_merged`. Only with scrape sync there are some.
    Torrents(PlausibleTorrents<'a>),
    /// Nothing; the node has dealt with it.
    Nothing,
}

impl Received<'_> {
    /// How many announces there are.
    pub(super) fn records(&self) -> usize {
        match self {
            Self::Peers(peers) => peers.len(),
            Self::Late(announces) => announces.len(),
            Self::Torrents(_) | Self::Nothing => 0,
        }
    }
}
