//! Addresses of others, each in one form: an IPv4 address is one also where it comes mapped into
//! IPv6, as at an IPv6 socket of the host.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

/// Bits that an IPv4 address has before it where it is mapped into IPv6.
const MAPPED: u8 = 96;

/// Who may speak.
#[derive(Clone, Debug)]
pub(crate) struct Allowed(Vec<IpNet>);

impl Allowed {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.iter().copied().map(canonical_network).collect())
    }

    /// Whether one of the networks has this address. None has the unspecified one, which stands
    /// for what is no address.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        !ip.is_unspecified() && self.0.iter().any(|network| network.contains(&ip))
    }
}

/// The one form of a source: without what only says how its packets came. The scope of a
/// link-local address is a part of it.
pub(crate) fn canonical(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(address) = &mut address {
        address.set_flowinfo(0);
    }
    address.set_ip(address.ip().to_canonical());
    address
}

/// A network of mapped addresses only is one of IPv4. One that has others, too, as ::/0, has none
/// of IPv4.
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

/// An address of either kind in 16 bytes: IPv4 as ::ffff:a.b.c.d.
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
