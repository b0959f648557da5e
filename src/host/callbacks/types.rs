//! The C types that callbacks, events and functions take, and their conversions to ours.
// The comments become those of the C header, in the form of Doxygen.
#![allow(clippy::doc_markdown)]

use std::ffi::{c_char, c_int, c_void};
use std::net::Ipv6Addr;

use crate::address::in_16_bytes;
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, InfoHash, Merged, Torrent};
use crate::types::{Peer, PeerFlags};

/// A peer of a swarm.
///
/// This struct never grows.
///
/// @since 0.1.0
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_peer_t {
    /// The address of the peer in network byte order: IPv6, or IPv4-mapped IPv6.
    pub ip: [u8; 16],
    /// The port of the peer in host byte order.
    pub port: u16,
    /// The flags of the peer: LIVESYNC_PEER_... bits. Other bits may be set and mean nothing.
    pub flags: u8,
    /// Always 0.
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

/// A torrent as scrape sync carries it.
///
/// This struct never grows.
///
/// @since 0.1.0
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_torrent_t {
    /// The info_hash of the torrent: 20 raw bytes.
    pub info_hash: [u8; 20],
    /// The time since the last announce of the torrent, in minutes.
    pub base_offset: u32,
    /// The number of completed downloads.
    pub downloaded: u64,
}

impl livesync_torrent_t {
    pub(crate) const NONE: Self = Self {
        info_hash: [0; 20],
        base_offset: 0,
        downloaded: 0,
    };
}

/// A place in a walk over all torrents.
///
/// A walk begins with all fields 0. This struct never grows.
///
/// @since 0.1.0
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_cursor_t {
    /// The bucket in which the walk continues.
    pub bucket: u32,
    /// Where in the bucket the walk continues. 0: the bucket begins. 1: after the torrent `after`.
    /// The application sets 2 when nothing is left: the walk is over.
    pub place: u32,
    /// The info_hash of the torrent that was read last: 20 raw bytes. Used if `place` is 1.
    pub after: [u8; 20],
}

impl livesync_cursor_t {
    pub(crate) const START: Self = Self {
        bucket: 0,
        place: 0,
        after: [0; 20],
    };
}

/// Returns whether the application is up.
///
/// While it returns 0, the library calls no callback but this one and `log`, and drops what
/// arrives. Announces are still sent.
///
/// @param user The pointer from the configuration.
/// @return 0 if the application is shutting down, any other number if it is up.
/// @since 0.1.0
pub type livesync_is_running_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> c_int>;

/// Returns whether the library may use packets from this source.
///
/// @param ip The address of the sender, 16 bytes in network byte order: IPv4-mapped IPv6, or
/// IPv6 if the packet arrived at a socket that was passed to livesync_receive().
/// @param user The pointer from the configuration.
/// @return 0 to drop the packet, any other number to use it.
/// @since 0.1.0
pub type livesync_is_allowed_fn =
    Option<unsafe extern "C" fn(ip: *const u8, user: *mut c_void) -> c_int>;

/// Reports an announce that another tracker has received.
///
/// The field of the configuration says which: one for peers that announced themselves, one for
/// peers that left.
///
/// @param info_hash The torrent, 20 raw bytes.
/// @param peer The peer.
/// @param user The pointer from the configuration.
/// @since 0.1.0
pub type livesync_peer_fn = Option<
    unsafe extern "C" fn(info_hash: *const u8, peer: *const livesync_peer_t, user: *mut c_void),
>;

/// Reports that all peers of one packet have been added or removed.
///
/// @param peers The number of peers in the packet.
/// @param user The pointer from the configuration.
/// @since 0.1.0
pub type livesync_packet_applied_fn = Option<unsafe extern "C" fn(peers: usize, user: *mut c_void)>;

/// Reports that another tracker used the id of this handle, which now has a new one.
///
/// @param tracker_id The new id, in host byte order.
/// @param user The pointer from the configuration.
/// @since 0.1.0
pub type livesync_new_tracker_id_fn =
    Option<unsafe extern "C" fn(tracker_id: u32, user: *mut c_void)>;

/// Takes a line of the log.
///
/// @param level The level of the line: LIVESYNC_LOG_ERROR to LIVESYNC_LOG_DEBUG.
/// @param message The line, without a line feed, ending with a zero byte.
/// @param user The pointer from the configuration.
/// @since 0.1.0
pub type livesync_log_fn =
    Option<unsafe extern "C" fn(level: c_int, message: *const c_char, user: *mut c_void)>;

/// Counts the torrents of the application.
///
/// @param user The pointer from the configuration.
/// @return The number of torrents.
/// @since 0.1.0
pub type livesync_count_torrents_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> u64>;

/// Reads some torrents of one bucket.
///
/// The library calls it until the walk ends, so it need not hold a lock from one call to the next.
///
/// @param cursor Where to begin; the callback sets it to where the walk continues.
/// @param torrents The array to write to.
/// @param limit The number of torrents that fit into `torrents`.
/// @param user The pointer from the configuration.
/// @return The number of torrents written.
/// @since 0.1.0
pub type livesync_walk_torrents_fn = Option<
    unsafe extern "C" fn(
        cursor: *mut livesync_cursor_t,
        torrents: *mut livesync_torrent_t,
        limit: usize,
        user: *mut c_void,
    ) -> usize,
>;

/// Looks up a torrent.
///
/// @param torrent The torrent, of which `info_hash` is set; the callback fills in the other fields.
/// @param user The pointer from the configuration.
/// @return 0 if the application does not know the torrent, any other number if it does.
/// @since 0.1.0
pub type livesync_look_up_torrent_fn =
    Option<unsafe extern "C" fn(torrent: *mut livesync_torrent_t, user: *mut c_void) -> c_int>;

/// Merges a torrent from the scrape tell of another tracker.
///
/// An application that knows the torrent raises its own count of downloads to the one received, if
/// that is larger, and keeps its own time of the last announce. Otherwise it creates the torrent
/// as received.
///
/// @param torrent The torrent as received.
/// @param user The pointer from the configuration.
/// @return LIVESYNC_MERGED; LIVESYNC_KNOWN_BETTER if the application has the larger count; or
/// LIVESYNC_NOT_STORED.
/// @since 0.1.0
pub type livesync_merge_torrent_fn =
    Option<unsafe extern "C" fn(torrent: *const livesync_torrent_t, user: *mut c_void) -> c_int>;

/// The application now has the count of downloads that was received, or had it before.
#[cfg_attr(not(feature = "want_sync_scrape"), expect(dead_code))]
pub const LIVESYNC_MERGED: c_int = 0;
/// The application has a larger count of downloads and keeps it.
#[cfg_attr(not(feature = "want_sync_scrape"), expect(dead_code))]
pub const LIVESYNC_KNOWN_BETTER: c_int = 1;
/// The application did not store the torrent: an access list refuses it, or there is no memory.
///
/// For a day it counts as known when the handle decides whether to inquire other trackers.
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

/// The place where the walk continues; `None` at the end.
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

/// Converts the answer of a C program to a merge; `None` for an unknown number.
#[cfg(feature = "want_sync_scrape")]
pub(crate) fn merged(number: c_int) -> Option<Merged> {
    Some(match number {
        LIVESYNC_MERGED => Merged::AsHeard,
        LIVESYNC_KNOWN_BETTER => Merged::KnownBetter,
        LIVESYNC_NOT_STORED => Merged::Failed,
        _ => return None,
    })
}
