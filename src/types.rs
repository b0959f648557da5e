//! The words of the protocol: what a tracker knows, before it becomes bytes.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::BitOr;

/// The SHA-1 hash that names a torrent, 20 raw bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InfoHash(pub [u8; 20]);

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The id of a tracker instance: four bytes, drawn at random by the tracker at
/// its start, sent as they lie in its memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackerId(pub [u8; 4]);

impl TrackerId {
    /// The id of a host that keeps it as a `uint32_t`.
    pub const fn from_host(id: u32) -> Self {
        Self(id.to_ne_bytes())
    }

    /// The id as a host keeps it.
    pub const fn to_host(self) -> u32 {
        u32::from_ne_bytes(self.0)
    }
}

impl TrackerId {
    /// An id drawn at random, that nobody else has as far as anybody can know.
    pub fn random() -> Self {
        Self((random() as u32).to_ne_bytes())
    }
}

/// The operating system's randomness, by way of what the standard library seeds its
/// hash tables with.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// As a host prints the number that it keeps.
impl fmt::Display for TrackerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.to_host())
    }
}

impl fmt::Debug for TrackerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// "Peer flags v1" of the specification, one byte.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerFlags(pub u8);

impl PeerFlags {
    /// The peer has everything.
    pub const SEEDING: Self = Self(0x80);
    /// The peer has just finished its download.
    pub const COMPLETED: Self = Self(0x40);
    /// The peer has left the swarm.
    pub const STOPPED: Self = Self(0x20);
    /// A tracker's own mark for peers it knows by sync; never on the wire.
    pub const FROM_SYNC: Self = Self(0x10);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags without those of `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for PeerFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for PeerFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}

/// A peer of a swarm, as one announce describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer<Ip = IpAddr> {
    /// The peer's address.
    pub ip: Ip,
    /// The port the peer listens on, as a number.
    pub port: u16,
    /// What the peer said of itself.
    pub flags: PeerFlags,
}

impl<Ip> Peer<Ip> {
    /// Whether this announce takes the peer out of the swarm.
    pub const fn is_stopped(&self) -> bool {
        self.flags.contains(PeerFlags::STOPPED)
    }

    /// The same peer, with another type of address.
    fn with_ip<Other>(self, change: impl FnOnce(Ip) -> Other) -> Peer<Other> {
        Peer {
            ip: change(self.ip),
            port: self.port,
            flags: self.flags,
        }
    }
}

impl Peer {
    /// Whether another client can connect to the peer: its address is not 0.0.0.0 or ::, and
    /// its port is not 0.
    pub const fn is_reachable(&self) -> bool {
        let unspecified = self.ip.to_canonical().is_unspecified();
        !unspecified && self.port != 0
    }
}

/// A peer announces itself to the swarm of a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Announce<Ip = IpAddr> {
    /// The torrent.
    pub info_hash: InfoHash,
    /// The peer.
    pub peer: Peer<Ip>,
}

impl Announce {
    /// The same peer with other flags.
    pub(crate) const fn with_flags(mut self, flags: PeerFlags) -> Self {
        self.peer.flags = flags;
        self
    }
}

impl From<Announce<Ipv4Addr>> for Announce {
    fn from(announce: Announce<Ipv4Addr>) -> Self {
        Self {
            info_hash: announce.info_hash,
            peer: announce.peer.with_ip(IpAddr::V4),
        }
    }
}

impl From<Announce<Ipv6Addr>> for Announce {
    fn from(announce: Announce<Ipv6Addr>) -> Self {
        Self {
            info_hash: announce.info_hash,
            peer: announce.peer.with_ip(IpAddr::V6),
        }
    }
}

/// An announce by the kind of address it has: the two go into different packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByFamily {
    /// An IPv4 peer.
    V4(Announce<Ipv4Addr>),
    /// An IPv6 peer.
    V6(Announce<Ipv6Addr>),
}

impl From<Announce> for ByFamily {
    fn from(Announce { info_hash, peer }: Announce) -> Self {
        match peer.ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(Announce {
                info_hash,
                peer: peer.with_ip(|_| ip),
            }),
            IpAddr::V6(ip) => Self::V6(Announce {
                info_hash,
                peer: peer.with_ip(|_| ip),
            }),
        }
    }
}

/// What a tracker tells others of one of its torrents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Torrent {
    /// The torrent.
    pub info_hash: InfoHash,
    /// "Base offset": how many minutes ago it was last announced.
    pub base_offset: u32,
    /// How often it was downloaded.
    pub downloaded: u64,
}

impl Torrent {
    /// More downloads than that no torrent can have. Some trackers keep the count as a signed
    /// number, and print one that is too large as a negative one.
    pub const MAX_DOWNLOADED: u64 = 1 << 48;

    /// A hundred years: no torrent can have been announced longer ago.
    pub const MAX_BASE_OFFSET: u32 = 100 * 365 * 24 * 60;

    /// Whether a torrent can have these numbers. Records of others are neither used nor told.
    pub const fn is_plausible(&self) -> bool {
        self.downloaded <= Self::MAX_DOWNLOADED && self.base_offset <= Self::MAX_BASE_OFFSET
    }
}

/// A place in a walk over all torrents: behind `after` in a bucket, or at its
/// beginning. It stays valid while torrents appear and vanish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The bucket, from 0.
    pub bucket: u32,
    /// The torrent of this bucket that was the last one.
    pub after: Option<InfoHash>,
}

/// What became of a torrent that another tracker told us of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merged {
    /// Our count is now the one we heard.
    AsHeard,
    /// Our count is larger, and stays.
    KnownBetter,
    /// It was not stored: an access list refuses it, or there is no memory. It counts as
    /// known for a day when the tracker decides whether to ask others.
    Failed,
}
