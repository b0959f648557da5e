//! The types of C that callbacks, events and functions take, and what they are for us.

use std::ffi::{c_char, c_int, c_void};
use std::net::Ipv6Addr;

use crate::address::in_16_bytes;
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, InfoHash, Merged, Torrent};
use crate::types::{Peer, PeerFlags};

/// A peer of a swarm. This struct never grows.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_peer_t {
    /// Its address in network byte order: IPv6, or IPv4 as ::ffff:a.b.c.d.
    pub ip: [u8; 16],
    /// Its port in host byte order.
    pub port: u16,
    /// LIVESYNC_PEER_... bits; others may be set, and mean nothing.
    pub flags: u8,
    /// 0.
    pub reserved: u8,
}

impl livesync_peer_t {
    pub(crate) const NONE: Self = Self {
        ip: [0; 16],
        port: 0,
        flags: 0,
        reserved: 0,
    };
}

impl From<livesync_peer_t> for Peer {
    fn from(peer: livesync_peer_t) -> Self {
        Self {
            ip: Ipv6Addr::from(peer.ip).to_canonical(),
            port: peer.port,
            flags: PeerFlags(peer.flags),
        }
    }
}

impl From<&Peer> for livesync_peer_t {
    fn from(peer: &Peer) -> Self {
        Self {
            ip: in_16_bytes(peer.ip),
            port: peer.port,
            flags: peer.flags.0,
            reserved: 0,
        }
    }
}

/// What trackers tell each other of a torrent. This struct never grows.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_torrent_t {
    /// The torrent: 20 raw bytes.
    pub info_hash: [u8; 20],
    /// How many minutes ago it was last announced.
    pub base_offset: u32,
    /// How often it was downloaded.
    pub downloaded: u64,
}

impl livesync_torrent_t {
    pub(crate) const NONE: Self = Self {
        info_hash: [0; 20],
        base_offset: 0,
        downloaded: 0,
    };
}

/// A place in a walk over all torrents. It begins with zeros. This struct never grows.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_cursor_t {
    /// The bucket in which to go on.
    pub bucket: u32,
    /// 0: at its beginning; 1: behind the torrent `after`; 2, to be set by the
    /// host: nowhere, this was the end of the last bucket.
    pub place: u32,
    /// The torrent that was the last one.
    pub after: [u8; 20],
}

impl livesync_cursor_t {
    pub(crate) const START: Self = Self {
        bucket: 0,
        place: 0,
        after: [0; 20],
    };
}

/// Whether the tracker is up. Once it returns 0, nothing but the log is called, and what
/// arrives is dropped; what is announced is still sent.
pub type livesync_is_running_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> c_int>;

/// Whether packets from this source may be used: 0 for no. `ip` are 16 bytes: IPv4 as
/// ::ffff:a.b.c.d, or IPv6 if it came to a socket that livesync_receive() was told of.
pub type livesync_is_allowed_fn =
    Option<unsafe extern "C" fn(ip: *const u8, user: *mut c_void) -> c_int>;

/// A peer announced itself to another tracker, or said goodbye there. `info_hash` are
/// 20 bytes.
pub type livesync_peer_fn = Option<
    unsafe extern "C" fn(info_hash: *const u8, peer: *const livesync_peer_t, user: *mut c_void),
>;

/// All peers of one packet were added or removed: so many.
pub type livesync_packet_applied_fn = Option<unsafe extern "C" fn(peers: usize, user: *mut c_void)>;

/// Another tracker spoke under our id; the library goes on under this one.
pub type livesync_new_tracker_id_fn =
    Option<unsafe extern "C" fn(tracker_id: u32, user: *mut c_void)>;

/// A line for the operator, without line feed.
pub type livesync_log_fn =
    Option<unsafe extern "C" fn(level: c_int, message: *const c_char, user: *mut c_void)>;

/// How many torrents there are.
pub type livesync_count_torrents_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> u64>;

/// Reads at most `limit` torrents of one bucket, from `cursor` on, to `torrents`, and
/// sets `cursor` to where to go on. Returns how many. It is called again and again, so
/// it need not hold a lock for longer than that.
pub type livesync_walk_torrents_fn = Option<
    unsafe extern "C" fn(
        cursor: *mut livesync_cursor_t,
        torrents: *mut livesync_torrent_t,
        limit: usize,
        user: *mut c_void,
    ) -> usize,
>;

/// Fills in what is known of the torrent `torrent->info_hash`. Returns 0 if it is not
/// known.
pub type livesync_look_up_torrent_fn =
    Option<unsafe extern "C" fn(torrent: *mut livesync_torrent_t, user: *mut c_void) -> c_int>;

/// Another tracker tells of a torrent. If you know it, raise your downloaded count to the
/// one heard, if that is larger, and keep your own age of it; else create it as it was
/// heard. Returns LIVESYNC_MERGED, LIVESYNC_KNOWN_BETTER if the own count is larger, or
/// LIVESYNC_NOT_STORED.
pub type livesync_merge_torrent_fn =
    Option<unsafe extern "C" fn(torrent: *const livesync_torrent_t, user: *mut c_void) -> c_int>;

/// Our count is now the one heard, or was the same before.
#[cfg_attr(not(feature = "want_sync_scrape"), expect(dead_code))]
pub const LIVESYNC_MERGED: c_int = 0;
/// Our count is larger, and stays.
#[cfg_attr(not(feature = "want_sync_scrape"), expect(dead_code))]
pub const LIVESYNC_KNOWN_BETTER: c_int = 1;
/// The torrent was not stored: an access list refuses it, or there is no memory. It counts as
/// known for a day when the handle decides whether to ask others for theirs.
#[cfg_attr(not(feature = "want_sync_scrape"), expect(dead_code))]
pub const LIVESYNC_NOT_STORED: c_int = -1;

#[cfg(feature = "want_sync_scrape")]
impl From<&livesync_torrent_t> for Torrent {
    fn from(torrent: &livesync_torrent_t) -> Self {
        Self {
            info_hash: InfoHash(torrent.info_hash),
            base_offset: torrent.base_offset,
            downloaded: torrent.downloaded,
        }
    }
}

#[cfg(feature = "want_sync_scrape")]
impl From<&Torrent> for livesync_torrent_t {
    fn from(torrent: &Torrent) -> Self {
        Self {
            info_hash: torrent.info_hash.0,
            base_offset: torrent.base_offset,
            downloaded: torrent.downloaded,
        }
    }
}

#[cfg(feature = "want_sync_scrape")]
impl From<Cursor> for livesync_cursor_t {
    fn from(cursor: Cursor) -> Self {
        Self {
            bucket: cursor.bucket,
            place: cursor.after.is_some().into(),
            after: cursor.after.map_or([0; 20], |after| after.0),
        }
    }
}

/// Where to go on; nowhere at the end.
#[cfg(feature = "want_sync_scrape")]
impl From<livesync_cursor_t> for Option<Cursor> {
    fn from(cursor: livesync_cursor_t) -> Self {
        let after = match cursor.place {
            0 => None,
            1 => Some(InfoHash(cursor.after)),
            _ => return None,
        };
        Some(Cursor {
            bucket: cursor.bucket,
            after,
        })
    }
}

/// What became of a torrent, as C has it.
#[cfg(feature = "want_sync_scrape")]
pub(crate) fn merged(number: c_int) -> Option<Merged> {
    Some(match number {
        LIVESYNC_MERGED => Merged::AsHeard,
        LIVESYNC_KNOWN_BETTER => Merged::KnownBetter,
        LIVESYNC_NOT_STORED => Merged::Failed,
        _ => return None,
    })
}
