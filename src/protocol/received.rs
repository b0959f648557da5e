//! The effects of a datagram on a node, and its results for the host.

use std::net::SocketAddr;
use std::time::Duration;

use crate::time::Time;
use crate::types::Announce;
use crate::wire::{PeerList, PlausibleTorrents};

/// Where a datagram came from.
///
/// # Examples
///
/// ```
/// use livesync::unstable::protocol::Source;
/// let address = std::net::SocketAddr::from(([10, 0, 0, 2], 9696));
/// let source = Source { address, allowed: true };
/// assert!(source.allowed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address from which it was sent.
    pub address: SocketAddr,
    /// True if the host allows this address to send. Addresses that the configuration
    /// [allows](crate::config::Config::allow) may send in any case.
    pub allowed: bool,
}

/// The time that a datagram has waited since it arrived, as far as the caller knows.
///
/// # Examples
///
/// ```
/// use livesync::unstable::protocol::Waited;
/// use std::time::Duration;
/// let none = Waited::exactly(Duration::ZERO);
/// assert_eq!(none, Waited::at_most(Duration::ZERO));
/// assert_eq!(Waited::UNKNOWN, Waited::at_most(Duration::MAX));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    pub(super) least: Duration,
    pub(super) most: Duration,
}

impl Waited {
    /// The caller does not know how long the datagram has waited.
    pub const UNKNOWN: Self = Self::at_most(Duration::MAX);

    /// The datagram has waited exactly for `waited`.
    pub const fn exactly(waited: Duration) -> Self {
        Self {
            least: waited,
            most: waited,
        }
    }

    /// The datagram has waited for `most` at most.
    pub const fn at_most(most: Duration) -> Self {
        Self {
            least: Duration::ZERO,
            most,
        }
    }
}

/// The moment at which the host made an announce.
///
/// # Examples
///
/// ```
/// use livesync::unstable::Time;
/// use livesync::unstable::protocol::Made;
/// let made = Made::now(Time::START);
/// assert_eq!(made.at, Time::START);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// The time, by the clock that the caller passes to the node.
    pub at: Time,
    /// The [number](super::Node::set_delivery) of the delivery before which, or during which, the
    /// host made it.
    pub delivery: u32,
}

impl Made {
    /// Creates the moment of an announce that the host makes now: after all deliveries so far.
    pub fn now(at: Time) -> Self {
        Self {
            at,
            delivery: u32::MAX / 2,
        }
    }
}

/// The contents of a datagram for the host.
#[derive(Clone, Debug)]
pub enum Received<'a> {
    /// Announces, which the host applies in their order.
    Peers(PeerList<'a>),
    /// Announces, which the host applies in their order: what is left of a packet that came late,
    /// or of which newer announces supersede a part.
    Late(Vec<Announce>),
    /// Torrents, which the host merges into its own; the results go to `Node::handle_merged`. Only
    /// a node with scrape sync returns them.
    Torrents(PlausibleTorrents<'a>),
    /// Nothing for the host; the node has handled the packet.
    Nothing,
}

impl Received<'_> {
    /// Returns how many announces there are.
    pub(super) fn records(&self) -> usize {
        match self {
            Self::Peers(peers) => peers.len(),
            Self::Late(announces) => announces.len(),
            Self::Torrents(_) | Self::Nothing => 0,
        }
    }
}
