//! SYNC_LIVE: announces of IPv4 peers, 28 bytes each.
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
//! speaker ever sent them so. Later speakers send IPv6 peers in packets of another
//! type, in records of 40 bytes that differ in the length of the address only.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::records::{Record, Records, field};
use crate::types::{Announce, InfoHash, Peer, PeerFlags};

const INFO_HASH: usize = 0;
const IP: usize = 20;
/// Behind the address.
const PORT: usize = 0;
const FLAGS: usize = 2;

const IPV4_LEN: usize = 28;
const IPV6_LEN: usize = 40;

impl Record for Announce<Ipv4Addr> {
    type Bytes = [u8; IPV4_LEN];

    fn parse(bytes: &[u8; IPV4_LEN]) -> Self {
        parse::<4, _>(bytes)
    }

    fn emit(&self) -> [u8; IPV4_LEN] {
        emit(self, self.peer.ip.octets())
    }

    fn split(payload: &[u8]) -> (&[[u8; IPV4_LEN]], &[u8]) {
        payload.as_chunks()
    }
}

impl Record for Announce<Ipv6Addr> {
    type Bytes = [u8; IPV6_LEN];

    fn parse(bytes: &[u8; IPV6_LEN]) -> Self {
        parse::<16, _>(bytes)
    }

    fn emit(&self) -> [u8; IPV6_LEN] {
        emit(self, self.peer.ip.octets())
    }

    fn split(payload: &[u8]) -> (&[[u8; IPV6_LEN]], &[u8]) {
        payload.as_chunks()
    }
}

/// FROM_SYNC is neither sent nor heard: it means something inside of one tracker
/// only.
fn parse<const IP_LEN: usize, Ip: From<[u8; IP_LEN]>>(bytes: &[u8]) -> Announce<Ip> {
    let rest = IP + IP_LEN;
    Announce {
        info_hash: InfoHash(field(bytes, INFO_HASH)),
        peer: Peer {
            ip: Ip::from(field(bytes, IP)),
            port: u16::from_be_bytes(field(bytes, rest + PORT)),
            flags: PeerFlags(bytes[rest + FLAGS]).without(PeerFlags::FROM_SYNC),
        },
    }
}

fn emit<const IP_LEN: usize, const LEN: usize, Ip>(
    announce: &Announce<Ip>,
    ip: [u8; IP_LEN],
) -> [u8; LEN] {
    let rest = IP + IP_LEN;
    let mut bytes = [0; LEN];
    bytes[INFO_HASH..IP].copy_from_slice(&announce.info_hash.0);
    bytes[IP..rest].copy_from_slice(&ip);
    bytes[rest + PORT..rest + FLAGS].copy_from_slice(&announce.peer.port.to_be_bytes());
    bytes[rest + FLAGS] = announce.peer.flags.without(PeerFlags::FROM_SYNC).0;
    bytes
}

/// The announces of one packet, all of IPv4 peers or all of IPv6 peers.
#[derive(Clone, Debug)]
pub enum PeerList<'a> {
    /// Of a SYNC_LIVE packet.
    V4(Records<'a, Announce<Ipv4Addr>>),
    /// Of the IPv6 list of later speakers.
    V6(Records<'a, Announce<Ipv6Addr>>),
}

impl<'a> PeerList<'a> {
    /// One of them.
    pub(crate) fn get(&self, number: usize) -> Option<Announce> {
        match self {
            Self::V4(records) => records.get(number).map(Announce::from),
            Self::V6(records) => records.get(number).map(Announce::from),
        }
    }

    /// The records as they lie in the packet: each begins with info_hash, address and port of the
    /// peer, and goes on with its flags.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let (ipv4, ipv6) = match self {
            Self::V4(records) => (Some(records.bytes()), None),
            Self::V6(records) => (None, Some(records.bytes())),
        };
        let ipv4 = ipv4.into_iter().flatten().map(|record| &record[..]);
        ipv4.chain(ipv6.into_iter().flatten().map(|record| &record[..]))
    }

    /// What is left over behind the last whole record.
    pub fn tail(&self) -> &'a [u8] {
        match self {
            Self::V4(records) => records.tail(),
            Self::V6(records) => records.tail(),
        }
    }
}

impl Iterator for PeerList<'_> {
    type Item = Announce;

    fn next(&mut self) -> Option<Announce> {
        match self {
            Self::V4(records) => records.next().map(Announce::from),
            Self::V6(records) => records.next().map(Announce::from),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::V4(records) => records.size_hint(),
            Self::V6(records) => records.size_hint(),
        }
    }
}

impl ExactSizeIterator for PeerList<'_> {}
