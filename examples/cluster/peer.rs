//! The peers of the demonstration.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::bep15::{Announce, Announced, Client, Event};

/// A peer that announces itself from a loopback address of its own.
#[derive(Clone, Copy)]
pub struct Peer {
    pub address: SocketAddrV4,
    pub info_hash: [u8; 20],
    pub seeding: bool,
    peer_id: [u8; 20],
}

impl Peer {
    /// Makes a peer. Each needs its own number; peers in the same torrent learn of each other.
    pub fn new(number: u8, torrent: u8, seeding: bool) -> Peer {
        let mut peer_id = *b"-LS0100-example peer";
        peer_id[17..].copy_from_slice(format!("{number:03}").as_bytes());
        let address = SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, number), 6880 + u16::from(number));
        Peer {
            address,
            info_hash: info_hash_of(torrent),
            seeding,
            peer_id,
        }
    }

    /// Announces the peer to one tracker.
    pub fn announce(&self, tracker: SocketAddrV4, event: Event) -> Result<Announced, String> {
        let announce = Announce {
            info_hash: self.info_hash,
            peer_id: self.peer_id,
            left: u64::from(!self.seeding),
            event,
            port: self.address.port(),
            num_want: -1,
        };
        Client::connect(*self.address.ip(), tracker)
            .and_then(|mut client| client.announce(&announce))
            .map_err(|e| format!("announce of {} to {tracker}: {e}", self.address))
    }

    /// Returns a name for the screen.
    pub fn name(&self) -> String {
        let role = if self.seeding { "seeder" } else { "leecher" };
        format!("{} {role}", self.address)
    }
}

/// Returns the `info_hash` of the torrent with this number.
pub fn info_hash_of(torrent: u8) -> [u8; 20] {
    let mut info_hash = *b"livesync example ...";
    info_hash[17..].copy_from_slice(format!("{torrent:03}").as_bytes());
    info_hash
}
