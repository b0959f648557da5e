//! A tracker of 2009: a model of the C module's treatment of a datagram.

use std::net::{IpAddr, Ipv4Addr};

use livesync::{Announce, InfoHash, Peer, PeerFlags, TrackerId};

use super::peers::Peers;

/// It knows no trailer, no retransmission, and no IPv6.
#[derive(Debug)]
pub struct Old {
    pub id: TrackerId,
    /// The announces that it has understood.
    pub understood: Vec<Announce>,
    pub peers: Peers,
}

impl Old {
    pub fn new(id: TrackerId) -> Self {
        Self {
            id,
            understood: Vec::new(),
            peers: Peers::default(),
        }
    }

    /// Receives a datagram. It reads records as long as there is a whole one.
    pub fn hear(&mut self, datagram: &[u8]) {
        if datagram.len() < 8 || datagram[..4] == self.id.0 || datagram[4..8] != [0; 4] {
            return;
        }
        let begin = self.understood.len();
        let mut off = 8;
        while off + 28 <= datagram.len() {
            self.understood.push(record(&datagram[off..off + 28]));
            off += 28;
        }
        self.peers.apply(self.understood[begin..].iter().copied());
    }

    /// Makes a datagram of its own, with at most 52 records.
    pub fn say(&mut self, announces: &[Announce]) -> Vec<u8> {
        assert!(announces.len() <= 52);
        self.peers.apply(announces.iter().copied());
        let mut datagram = self.id.0.to_vec();
        datagram.extend([0; 4]);
        for announce in announces {
            let IpAddr::V4(ip) = announce.peer.ip else {
                panic!("it knows no IPv6");
            };
            datagram.extend(announce.info_hash.0);
            datagram.extend(ip.octets());
            datagram.extend(announce.peer.port.to_be_bytes());
            datagram.extend([announce.peer.flags.0, 0]);
        }
        datagram
    }
}

fn record(bytes: &[u8]) -> Announce {
    let mut info_hash = [0; 20];
    info_hash.copy_from_slice(&bytes[..20]);
    Announce {
        info_hash: InfoHash(info_hash),
        peer: Peer {
            ip: Ipv4Addr::new(bytes[20], bytes[21], bytes[22], bytes[23]).into(),
            port: u16::from_be_bytes([bytes[24], bytes[25]]),
            flags: PeerFlags(bytes[26]),
        },
    }
}
