//! The `SYNC_LIVE` packet: announces of IPv4 peers, 28 bytes each.
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
//! The original header file places the flags at 0x0024 and gives them two bytes, but no sender ever
//! sent them there. Later senders put IPv6 peers into packets of another type, in records of 40
//! bytes that differ in the length of the address only.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::records::{Record, Records, field};
use crate::types::{Announce, InfoHash, Peer, PeerFlags};

const INFO_HASH: usize = 0;
const IP: usize = 20;
/// Offsets from the end of the address, whose length varies.
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

/// Parses a record. `FROM_SYNC` is neither sent nor received, since it has a meaning inside of one
/// tracker only.
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
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use livesync::{Announce, InfoHash, Peer, PeerFlags};
/// use livesync::unstable::wire::{PeerList, Record, Records};
///
/// let peer = Peer { ip: Ipv4Addr::new(192, 0, 2, 1), port: 6881, flags: PeerFlags::SEEDING };
/// let announce = Announce { info_hash: InfoHash([0xab; 20]), peer };
/// let payload = announce.emit();
///
/// let mut peers = PeerList::V4(Records::new(&payload));
/// assert_eq!(peers.next(), Some(Announce::from(announce)));
/// assert_eq!(peers.next(), None);
/// ```
#[derive(Clone, Debug)]
pub enum PeerList<'a> {
    /// The announces of a `SYNC_LIVE` packet.
    V4(Records<'a, Announce<Ipv4Addr>>),
    /// The announces of a list of IPv6 peers, as later senders have it.
    V6(Records<'a, Announce<Ipv6Addr>>),
}

impl<'a> PeerList<'a> {
    /// Returns the announce at an index, counted from the next one that the iterator yields.
    pub(crate) fn get(&self, number: usize) -> Option<Announce> {
        match self {
            Self::V4(records) => records.get(number).map(Announce::from),
            Self::V6(records) => records.get(number).map(Announce::from),
        }
    }

    /// Returns the records as they are in the packet. Each begins with the info hash, the address
    /// and the port of the peer; its flags follow.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let (ipv4, ipv6) = match self {
            Self::V4(records) => (Some(records.bytes()), None),
            Self::V6(records) => (None, Some(records.bytes())),
        };
        let ipv4 = ipv4.into_iter().flatten().map(|record| &record[..]);
        ipv4.chain(ipv6.into_iter().flatten().map(|record| &record[..]))
    }

    /// Returns the bytes behind the last whole record.
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
