//! The words of the protocol: what a tracker knows, before it becomes bytes.

use std::fmt;
use std::net::Ipv4Addr;
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
}

impl fmt::Display for TrackerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TrackerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// "Peer flags v1" of the specification, one byte.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
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
pub struct Peer {
    /// The peer's IPv4 address.
    pub ip: Ipv4Addr,
    /// The port the peer listens on, as a number.
    pub port: u16,
    /// What the peer said of itself.
    pub flags: PeerFlags,
}

impl Peer {
    /// Whether this announce takes the peer out of the swarm.
    pub const fn is_stopped(&self) -> bool {
        self.flags.contains(PeerFlags::STOPPED)
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
pub enum Merged {
    /// Our count is now the one we heard.
    AsHeard,
    /// Our count is larger, and stays.
    KnownBetter,
    /// It could not be stored.
    Failed,
}
