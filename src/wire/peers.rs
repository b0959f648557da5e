//! SYNC_LIVE: announces, 28 bytes each.
//!
//! ```text
//! [ 0x0008 0x14 info_hash
//!   0x001c 0x04 peer's ipv4 address
//!   0x0020 0x02 peer's port
//!   0x0022 0x01 peer flags v1 ( SEEDING = 0x80, COMPLETE = 0x40, STOPPED = 0x20 )
//!   0x0023 0x01 unused
//! ]*
//! ```
//!
//! The header file prints the flags at 0x0024 and gives them two bytes; no
//! speaker ever sent them so.

use std::net::Ipv4Addr;

use super::records::{Record, Records, field};
use crate::types::{InfoHash, Peer, PeerFlags};

const INFO_HASH: usize = 0;
const IP: usize = 20;
const PORT: usize = 24;
const FLAGS: usize = 26;
const LEN: usize = 28;

/// One announce on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    /// The torrent.
    pub info_hash: InfoHash,
    /// The peer. FROM_SYNC is neither sent nor heard: it means something
    /// inside of one tracker only.
    pub peer: Peer,
}

/// The announces of a SYNC_LIVE packet.
pub type PeerList<'a> = Records<'a, PeerRecord>;

impl Record for PeerRecord {
    type Bytes = [u8; LEN];

    fn parse(bytes: &[u8; LEN]) -> Self {
        Self {
            info_hash: InfoHash(field(bytes, INFO_HASH)),
            peer: Peer {
                ip: Ipv4Addr::from(field(bytes, IP)),
                port: u16::from_be_bytes(field(bytes, PORT)),
                flags: PeerFlags(bytes[FLAGS]).without(PeerFlags::FROM_SYNC),
            },
        }
    }

    fn emit(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[INFO_HASH..IP].copy_from_slice(&self.info_hash.0);
        bytes[IP..PORT].copy_from_slice(&self.peer.ip.octets());
        bytes[PORT..FLAGS].copy_from_slice(&self.peer.port.to_be_bytes());
        bytes[FLAGS] = self.peer.flags.without(PeerFlags::FROM_SYNC).0;
        bytes
    }

    fn split(payload: &[u8]) -> (&[[u8; LEN]], &[u8]) {
        payload.as_chunks()
    }
}
