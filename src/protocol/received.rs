//! What goes into a node with a datagram, and what comes out.

use std::net::SocketAddrV4;

use crate::types::Announce;
use crate::wire::PeerList;
#[cfg(feature = "want_sync_scrape")]
use crate::wire::TorrentList;

/// Where a datagram came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address it was sent from.
    pub address: SocketAddrV4,
    /// Whether the host lets this address speak. Those that the configuration
    /// [allows](crate::config::Config::allow) may in any case.
    pub blessed: bool,
}

/// What a datagram has for the host.
#[derive(Clone, Debug)]
pub enum Received<'a> {
    /// Announces, to be applied in their order.
    Peers(PeerList<'a>),
    /// Announces of a packet that came late, as far as nothing newer is known, to be
    /// applied in their order.
    Late(Vec<Announce>),
    /// Torrents, to be merged into the host's, and the results to be handed to
    /// [`Node::handle_merged`](super::Node::handle_merged).
    #[cfg(feature = "want_sync_scrape")]
    Torrents(TorrentList<'a>),
    /// Nothing; the node has dealt with it.
    Nothing,
}
