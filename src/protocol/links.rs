//! The links of a node, as far as the protocol needs to know them.

use std::net::SocketAddr;

/// A link by which a node reaches others.
///
/// All links carry the same packets, so the link that allows the shortest ones limits their length.
///
/// # Examples
///
/// ```
/// use livesync::unstable::protocol::LinkInfo;
/// let address = std::net::SocketAddr::from(([10, 0, 0, 1], 9696));
/// let link = LinkInfo::multicast_ipv4(address).with_max_packet(1200);
/// assert_eq!(link.address(), address);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    address: SocketAddr,
    max_packet: usize,
}

impl LinkInfo {
    /// Length of the longest multicast packet over IPv4, in bytes of payload: with the headers of
    /// IPv4 and UDP it fills one Ethernet frame.
    pub const MULTICAST_IPV4: usize = 1472;

    /// Returns a link to a multicast group over IPv4, on which the node sends from `address`.
    pub const fn multicast_ipv4(address: SocketAddr) -> Self {
        Self {
            address,
            max_packet: Self::MULTICAST_IPV4,
        }
    }

    /// Returns the address from which the node sends on this link. Its family is that of the link.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Limits the packets on this link to `max_packet` bytes of payload.
    pub const fn with_max_packet(self, max_packet: usize) -> Self {
        Self { max_packet, ..self }
    }
}

/// Returns the length of the longest packet that all links carry, in bytes of payload.
pub(super) fn max_packet(links: &[LinkInfo]) -> usize {
    let longest = links.iter().map(|link| link.max_packet).min();
    longest.unwrap_or(LinkInfo::MULTICAST_IPV4)
}
