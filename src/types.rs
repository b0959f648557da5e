//! The values that the protocol is about: ids, peers, announces and torrents, as Rust types.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::BitOr;

/// The SHA-1 hash that identifies a torrent: 20 raw bytes.
///
/// It displays as 40 lower-case hexadecimal digits.
///
/// # Examples
/// ```
/// use livesync::InfoHash;
///
/// assert_eq!(InfoHash([0xab; 20]).to_string(), "ab".repeat(20));
/// ```
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

/// The id of a running tracker: four bytes that it draws at random when it starts.
///
/// Packets carry the bytes in the order in which they lie in the tracker's memory, so the same
/// id is another number on a machine of the other byte order.
///
/// # Examples
/// ```
/// use livesync::TrackerId;
///
/// let id = TrackerId::from_host(0x0102_0304);
/// assert_eq!(id.to_string(), "01020304");
/// assert_eq!(id.to_host(), 0x0102_0304);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackerId(pub [u8; 4]);

impl TrackerId {
    /// Returns the id of a host that keeps it as a `uint32_t` in its own byte order.
    pub const fn from_host(id: u32) -> Self {
        Self(id.to_ne_bytes())
    }

    /// Returns the id as a `uint32_t` in the byte order of this machine.
    pub const fn to_host(self) -> u32 {
        u32::from_ne_bytes(self.0)
    }
}

impl TrackerId {
    /// Draws an id at random. Two nodes of a cluster draw the same one with a probability of
    /// one in four billion.
    pub fn random() -> Self {
        Self((random() as u32).to_ne_bytes())
    }
}

/// Returns a random number. It comes from the operating system by way of the seed that the
/// standard library draws for its hash tables, so no crate for random numbers is needed.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Displays the number that the host keeps, as eight hexadecimal digits.
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

/// The flags with which a peer describes itself: the byte "peer flags v1" of the specification.
///
/// # Examples
/// ```
/// use livesync::PeerFlags;
///
/// let flags = PeerFlags::SEEDING | PeerFlags::COMPLETED;
/// assert!(flags.contains(PeerFlags::SEEDING));
/// assert_eq!(flags.without(PeerFlags::COMPLETED), PeerFlags::SEEDING);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerFlags(pub u8);

impl PeerFlags {
    /// The peer has the whole torrent.
    pub const SEEDING: Self = Self(0x80);
    /// The peer has just finished its download.
    pub const COMPLETED: Self = Self(0x40);
    /// The peer has left the swarm.
    pub const STOPPED: Self = Self(0x20);
    /// The tracker's own mark for a peer that it knows by sync. No packet carries it.
    pub const FROM_SYNC: Self = Self(0x10);

    /// Returns whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns these flags without those of `other`.
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
///
/// # Examples
/// ```
/// use livesync::{Peer, PeerFlags};
///
/// let peer = Peer {
///     ip: [192, 0, 2, 1].into(),
///     port: 6881,
///     flags: PeerFlags::SEEDING,
/// };
/// assert!(peer.is_reachable() && !peer.is_stopped());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer<Ip = IpAddr> {
    /// The peer's address.
    pub ip: Ip,
    /// The port on which the peer listens, as a number in the byte order of this machine.
    pub port: u16,
    /// The flags with which the peer describes itself: it seeds, has completed or has stopped.
    pub flags: PeerFlags,
}

impl<Ip> Peer<Ip> {
    /// Returns whether this announce takes the peer out of the swarm.
    pub const fn is_stopped(&self) -> bool {
        self.flags.contains(PeerFlags::STOPPED)
    }

    /// Returns the same peer with another type of address.
    fn with_ip<Other>(self, change: impl FnOnce(Ip) -> Other) -> Peer<Other> {
        Peer {
            ip: change(self.ip),
            port: self.port,
            flags: self.flags,
        }
    }
}

impl Peer {
    /// Returns whether other clients can connect to the peer: its address is neither 0.0.0.0 nor
    /// ::, and its port is not 0.
    pub const fn is_reachable(&self) -> bool {
        let unspecified = self.ip.to_canonical().is_unspecified();
        !unspecified && self.port != 0
    }
}

/// An announce: a peer joins the swarm of a torrent, renews its place there, or leaves it.
///
/// # Examples
/// ```
/// use livesync::{Announce, InfoHash, Peer, PeerFlags};
///
/// let announce: Announce = Announce {
///     info_hash: InfoHash([0xab; 20]),
///     peer: Peer {
///         ip: [192, 0, 2, 1].into(),
///         port: 6881,
///         flags: PeerFlags::STOPPED,
///     },
/// };
/// assert!(announce.peer.is_stopped());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Announce<Ip = IpAddr> {
    /// The torrent to whose swarm the peer belongs.
    pub info_hash: InfoHash,
    /// The peer that announces itself.
    pub peer: Peer<Ip>,
}

impl Announce {
    /// Returns the same announce with other flags.
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

/// An announce, sorted by its address family, because each family has packets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByFamily {
    /// An announce of an IPv4 peer. An address mapped into IPv6 counts as IPv4.
    V4(Announce<Ipv4Addr>),
    /// An announce of an IPv6 peer.
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

/// A torrent with its age and its count of downloads, as a scrape tell contains it.
///
/// # Examples
/// ```
/// use livesync::{InfoHash, Torrent};
///
/// let torrent = Torrent {
///     info_hash: InfoHash([0xab; 20]),
///     base_offset: 90,
///     downloaded: 17,
/// };
/// assert!(torrent.is_plausible());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Torrent {
    /// The hash that identifies the torrent.
    pub info_hash: InfoHash,
    /// The number of minutes since a peer last announced the torrent: the "base offset" of the
    /// specification.
    pub base_offset: u32,
    /// The number of times that the torrent was downloaded completely.
    pub downloaded: u64,
}

impl Torrent {
    /// The largest plausible number of downloads. Some trackers keep the count as a signed
    /// number and print a larger one as a negative number.
    pub const MAX_DOWNLOADED: u64 = 1 << 48;

    /// The largest plausible age of the last announce: a hundred years, in minutes.
    pub const MAX_BASE_OFFSET: u32 = 100 * 365 * 24 * 60;

    /// Returns whether a real torrent can have these numbers. Implausible records are neither
    /// used nor sent.
    pub const fn is_plausible(&self) -> bool {
        self.downloaded <= Self::MAX_DOWNLOADED && self.base_offset <= Self::MAX_BASE_OFFSET
    }
}

/// A place in a walk over all torrents: behind the torrent `after` of a bucket, or at the
/// beginning of the bucket.
///
/// It stays valid while torrents appear and vanish. The default is the beginning of bucket 0,
/// where a walk begins.
///
/// # Examples
/// ```
/// use livesync::Cursor;
///
/// let start = Cursor::default();
/// assert_eq!((start.bucket, start.after), (0, None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the bucket, from 0.
    pub bucket: u32,
    /// The last torrent of this bucket that the walk has read; none at its beginning.
    pub after: Option<InfoHash>,
}

/// The outcome of merging a torrent of a scrape tell into the torrents of a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merged {
    /// The tracker's count of downloads now equals the one in the scrape tell.
    AsHeard,
    /// The tracker's count of downloads is larger, and stays.
    KnownBetter,
    /// The tracker did not store the torrent: an access list refuses it, or memory is full. For
    /// a day the node counts it as known when it decides whether to send an inquiry, so that it
    /// does not inquire for the same torrents in vain.
    Failed,
}
