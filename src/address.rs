//! The canonical form of addresses: an IPv4 address stays one where it arrives mapped into IPv6,
//! as it does at an IPv6 socket of the program.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

/// The number of bits before an IPv4 address that is mapped into IPv6.
const MAPPED: u8 = 96;

/// The networks whose addresses are allowed to send to this node.
#[derive(Clone, Debug)]
pub(crate) struct Allowed(Vec<IpNet>);

impl Allowed {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.iter().copied().map(canonical_network).collect())
    }

    /// Returns whether one of the networks contains this address. None contains the unspecified
    /// address, which stands for a source that is no IP address.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        !ip.is_unspecified() && self.0.iter().any(|network| network.contains(&ip))
    }
}

/// Returns the canonical form of a source, so that packets of one socket have one source. It
/// drops the flow label, and keeps the scope, which is part of a link-local address.
pub(crate) fn canonical(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(address) = &mut address {
        address.set_flowinfo(0);
    }
    address.set_ip(address.ip().to_canonical());
    address
}

/// Returns the canonical form of a network. A network of mapped addresses alone is an IPv4
/// network. One that also has others, such as `::/0`, is an IPv6 network without IPv4 addresses.
fn canonical_network(network: IpNet) -> IpNet {
    let ipv4 = || {
        let ip = match network.network() {
            IpAddr::V4(_) => return None,
            IpAddr::V6(ip) => ip.to_ipv4_mapped()?,
        };
        Ipv4Net::new(ip, network.prefix_len().checked_sub(MAPPED)?).ok()
    };
    ipv4().map_or(network, IpNet::V4)
}

/// Returns an address as 16 bytes in network byte order: IPv4 as `::ffff:a.b.c.d`.
#[cfg(feature = "handles")]
pub(crate) fn in_16_bytes(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_mapped_address_is_that_of_ipv4() {
        let allows = |networks: &[&str], of: &str| {
            let networks: Vec<_> = networks.iter().map(|n| n.parse().unwrap()).collect();
            Allowed::new(&networks).contains(ip(of))
        };
        for network in [
            "192.0.2.0/24",
            "192.0.2.7/24",
            "0.0.0.0/0",
            "::ffff:192.0.2.0/120",
            "::ffff:192.0.2.7/120",
            "::ffff:0:0/96",
        ] {
            assert!(allows(&[network], "192.0.2.1"), "{network}");
            assert!(allows(&[network], "::ffff:192.0.2.1"), "{network}");
            assert!(!allows(&[network], "2001:db8::1"), "{network}");
        }
        for network in ["198.51.100.0/24", "::ffff:198.51.100.0/120", "::/0"] {
            assert!(!allows(&[network], "192.0.2.1"), "{network}");
            assert!(!allows(&[network], "::ffff:192.0.2.1"), "{network}");
        }
        let both = ["192.0.2.1/32", "2001:db8::/32"];
        assert!(allows(&both, "192.0.2.1") && allows(&both, "2001:db8::1"));
        assert!(!allows(&both, "192.0.2.2") && !allows(&both, "2001:db9::1"));
    }

    #[test]
    fn what_is_no_address_is_in_no_network() {
        let all = Allowed::new(&["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]);
        for none in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
            assert!(!all.contains(ip(none)), "{none}");
        }
    }

    #[test]
    fn a_source_has_one_form() {
        let form = |text: &str| canonical(text.parse().unwrap()).to_string();
        assert_eq!(form("[::ffff:192.0.2.1]:9"), "192.0.2.1:9");
        assert_eq!(form("192.0.2.1:9"), "192.0.2.1:9");
        assert_eq!(form("[fe80::1%3]:9"), "[fe80::1%3]:9");
        let flow = |flow| std::net::SocketAddrV6::new([7; 16].into(), 9, flow, 0).into();
        assert_eq!(canonical(flow(1)), canonical(flow(2)));
    }
}
