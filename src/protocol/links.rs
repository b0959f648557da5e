//! What a node is told of its links.

use std::net::SocketAddr;

/// A link by which a node reaches others. All of them carry the same packets, so the one that takes
/// the shortest says how long those may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    address: SocketAddr,
    max_packet: usize,
}

impl LinkInfo {
    /// The longest packet of multicast over IPv4, in bytes of payload: with the headers of IPv4 and
    /// UDP one Ethernet frame.
    pub const MULTICAST_IPV4: usize = 1472;

    /// A multicast group of IPv4, to which the node sends from this address.
    pub const fn multicast_ipv4(address: SocketAddr) -> Self {
        Self {
            address,
            max_packet: Self::MULTICAST_IPV4,
        }
    }

    /// Where the node's own packets come from. Its family is that of the link.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same, with packets of so many bytes of payload at most.
    pub const fn with_max_packet(self, max_packet: usize) -> Self {
        Self { max_packet, ..self }
    }
}

/// How long a packet may be that all of the links take.
pub(super) fn max_packet(links: &[LinkInfo]) -> usize {
    let longest = links.iter().map(|link| link.max_packet).min();
    longest.unwrap_or(LinkInfo::MULTICAST_IPV4)
}
