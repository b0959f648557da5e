//! Announces of few peers, so that many are of the same one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use livesync::{Announce, InfoHash, Peer, PeerFlags};

/// Describes an announce: a peer, and its flags.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AnnounceSeed {
    pub number: u8,
    pub flags: u8,
}

impl AnnounceSeed {
    /// Returns the announce. Every fourth peer has an IPv6 address, and some of those are
    /// mapped IPv4 addresses. A `shift` makes it another peer.
    pub fn announce(self, shift: u32) -> Announce {
        let number = u32::from(self.number) + (shift << 8);
        let ipv4 = Ipv4Addr::from(0x0b00_0000 + number);
        let ip = match number % 16 {
            0 => IpAddr::V6(ipv4.to_ipv6_mapped()),
            4 | 8 | 12 => IpAddr::V6(Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(number))),
            _ => IpAddr::V4(ipv4),
        };
        Announce {
            info_hash: InfoHash([(number % 7) as u8; 20]),
            peer: Peer {
                ip,
                port: 6881,
                flags: PeerFlags(self.flags),
            },
        }
    }
}
