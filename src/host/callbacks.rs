//! A table of callbacks as a host, and the types of C that they take.
#![allow(non_camel_case_types)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Host, log_to_stderr};
use crate::log::Level;
use crate::types::{InfoHash, Peer, PeerFlags, TrackerId};
#[cfg(feature = "want_sync_scrape")]
use crate::{
    host::Torrents,
    types::{Cursor, Merged, Torrent},
};

/// A peer of a swarm.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_peer_t {
    /// Its address in network byte order: IPv6, or IPv4 as ::ffff:a.b.c.d.
    pub ip: [u8; 16],
    /// Its port in host byte order.
    pub port: u16,
    /// LIVESYNC_PEER_... bits.
    pub flags: u8,
    /// 0.
    pub reserved: u8,
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
        let ip = match peer.ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Self {
            ip: ip.octets(),
            port: peer.port,
            flags: peer.flags.0,
            reserved: 0,
        }
    }
}

/// What trackers tell each other of a torrent.
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

/// A place in a walk over all torrents. It begins with zeros.
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

/// What the library calls. All but is_blessed may be NULL. `user` is passed last.
///
/// They are called from the library's own thread, and from threads that call
/// livesync_tick() or livesync_receive(), perhaps several at once; never while the
/// library holds a lock of its own, so they may block and may call the library, but
/// for livesync_close(). What their arguments point at is valid during the call.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_callbacks_t {
    /// Yours.
    pub user: *mut c_void,
    /// Whether the tracker is up. Once it returns 0, nothing but `log` is called.
    pub is_running: Option<unsafe extern "C" fn(user: *mut c_void) -> c_int>,
    /// Whether packets from this source, IPv4 as 16 bytes ::ffff:a.b.c.d, may be
    /// used. Without this callback none may.
    pub is_blessed: Option<unsafe extern "C" fn(ip: *const u8, user: *mut c_void) -> c_int>,
    /// A peer announced itself to another tracker. Do not announce it again.
    pub add_peer: Option<
        unsafe extern "C" fn(info_hash: *const u8, peer: *const livesync_peer_t, user: *mut c_void),
    >,
    /// A peer said goodbye to another tracker.
    pub remove_peer: Option<
        unsafe extern "C" fn(info_hash: *const u8, peer: *const livesync_peer_t, user: *mut c_void),
    >,
    /// All peers of one packet were added or removed: so many.
    pub packet_applied: Option<unsafe extern "C" fn(peers: usize, user: *mut c_void)>,
    /// Another tracker spoke under our id; the library goes on under this one.
    pub new_tracker_id: Option<unsafe extern "C" fn(tracker_id: u32, user: *mut c_void)>,
    /// A line for the operator, without line feed. Without this callback it goes to
    /// standard error.
    pub log: Option<unsafe extern "C" fn(level: c_int, message: *const c_char, user: *mut c_void)>,
    /// How many torrents there are. This and the three below are for scrape sync,
    /// which takes place only with all four.
    pub count_torrents: Option<unsafe extern "C" fn(user: *mut c_void) -> u64>,
    /// Reads at most `limit` torrents of one bucket, from `cursor` on, to `torrents`,
    /// and sets `cursor` to where to go on. Returns how many. It is called again and
    /// again, so it need not hold a lock for longer than that.
    pub walk_torrents: Option<
        unsafe extern "C" fn(
            cursor: *mut livesync_cursor_t,
            torrents: *mut livesync_torrent_t,
            limit: usize,
            user: *mut c_void,
        ) -> usize,
    >,
    /// Fills in what is known of the torrent `torrent->info_hash`. Returns 0 if it is
    /// not known.
    pub look_up_torrent:
        Option<unsafe extern "C" fn(torrent: *mut livesync_torrent_t, user: *mut c_void) -> c_int>,
    /// Another tracker tells of a torrent. Raise its downloaded count to the one heard
    /// if that is larger, or create it as it was heard, and return 0; return 1 if the
    /// own count is larger, and -1 if it cannot be stored.
    pub merge_torrent: Option<
        unsafe extern "C" fn(torrent: *const livesync_torrent_t, user: *mut c_void) -> c_int,
    >,
}

impl livesync_callbacks_t {
    pub(crate) const NONE: Self = Self {
        user: std::ptr::null_mut(),
        is_running: None,
        is_blessed: None,
        add_peer: None,
        remove_peer: None,
        packet_applied: None,
        new_tracker_id: None,
        log: None,
        count_torrents: None,
        walk_torrents: None,
        look_up_torrent: None,
        merge_torrent: None,
    };
}

/// A host that is a table of callbacks.
pub(crate) struct CallbackHost {
    callbacks: livesync_callbacks_t,
    ipv6: bool,
}

// SAFETY: whoever opens a handle promises that his callbacks may be called from any
// thread, with the user pointer.
unsafe impl Send for CallbackHost {}
// SAFETY: as above.
unsafe impl Sync for CallbackHost {}

impl CallbackHost {
    pub(crate) fn new(callbacks: livesync_callbacks_t, ipv6: bool) -> Self {
        Self { callbacks, ipv6 }
    }
}

impl Host for CallbackHost {
    fn is_running(&self) -> bool {
        let livesync_callbacks_t {
            is_running, user, ..
        } = self.callbacks;
        // SAFETY: the callback takes the user pointer.
        is_running.is_none_or(|ask| unsafe { ask(user) != 0 })
    }

    fn is_blessed(&self, source: Ipv4Addr) -> bool {
        let livesync_callbacks_t {
            is_blessed, user, ..
        } = self.callbacks;
        let ip = source.to_ipv6_mapped().octets();
        // SAFETY: 16 bytes, and the user pointer.
        is_blessed.is_some_and(|ask| unsafe { ask(ip.as_ptr(), user) != 0 })
    }

    fn takes_ipv6(&self) -> bool {
        self.ipv6
    }

    fn new_tracker_id(&self, id: TrackerId) {
        let livesync_callbacks_t {
            new_tracker_id,
            user,
            ..
        } = self.callbacks;
        if let Some(call) = new_tracker_id {
            // SAFETY: the callback takes the user pointer.
            unsafe { call(id.to_host(), user) };
        }
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let livesync_callbacks_t { add_peer, user, .. } = self.callbacks;
        if let Some(call) = add_peer {
            // SAFETY: 20 bytes and a peer, valid during the call.
            unsafe { call(info_hash.0.as_ptr(), &peer.into(), user) };
        }
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let livesync_callbacks_t {
            remove_peer, user, ..
        } = self.callbacks;
        if let Some(call) = remove_peer {
            // SAFETY: 20 bytes and a peer, valid during the call.
            unsafe { call(info_hash.0.as_ptr(), &peer.into(), user) };
        }
    }

    fn packet_applied(&self, records: usize) {
        let livesync_callbacks_t {
            packet_applied,
            user,
            ..
        } = self.callbacks;
        if let Some(call) = packet_applied {
            // SAFETY: the callback takes the user pointer.
            unsafe { call(records, user) };
        }
    }

    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn Torrents> {
        let livesync_callbacks_t {
            count_torrents,
            walk_torrents,
            look_up_torrent,
            merge_torrent,
            ..
        } = self.callbacks;
        let all = count_torrents.is_some()
            && walk_torrents.is_some()
            && look_up_torrent.is_some()
            && merge_torrent.is_some();
        all.then_some(self)
    }

    fn log(&self, level: Level, message: &str) {
        let livesync_callbacks_t { log, user, .. } = self.callbacks;
        match (log, CString::new(message)) {
            // SAFETY: a string of C, valid during the call.
            (Some(call), Ok(message)) => unsafe { call(level as c_int, message.as_ptr(), user) },
            _ => log_to_stderr(level, message),
        }
    }
}

#[cfg(feature = "want_sync_scrape")]
impl Torrents for CallbackHost {
    fn count(&self) -> u64 {
        let livesync_callbacks_t {
            count_torrents,
            user,
            ..
        } = self.callbacks;
        // SAFETY: the callback takes the user pointer.
        count_torrents.map_or(0, |call| unsafe { call(user) })
    }

    fn walk(&self, cursor: Cursor, limit: usize, told: &mut Vec<Torrent>) -> Option<Cursor> {
        let livesync_callbacks_t {
            walk_torrents,
            user,
            ..
        } = self.callbacks;
        let call = walk_torrents?;
        let mut place = livesync_cursor_t {
            bucket: cursor.bucket,
            place: cursor.after.is_some().into(),
            after: cursor.after.map_or([0; 20], |after| after.0),
        };
        let nothing = livesync_torrent_t {
            info_hash: [0; 20],
            base_offset: 0,
            downloaded: 0,
        };
        let mut torrents = vec![nothing; limit];
        // SAFETY: a cursor and room for `limit` torrents, valid during the call.
        let count = unsafe { call(&mut place, torrents.as_mut_ptr(), limit, user) };
        told.extend(torrents.iter().take(count).map(Torrent::from));
        let after = match place.place {
            0 => None,
            1 => Some(InfoHash(place.after)),
            _ => return None,
        };
        Some(Cursor {
            bucket: place.bucket,
            after,
        })
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        let livesync_callbacks_t {
            look_up_torrent,
            user,
            ..
        } = self.callbacks;
        let mut torrent = livesync_torrent_t {
            info_hash: info_hash.0,
            base_offset: 0,
            downloaded: 0,
        };
        // SAFETY: a torrent, valid during the call.
        let found = unsafe { look_up_torrent?(&mut torrent, user) } != 0;
        found.then(|| Torrent::from(&torrent))
    }

    fn merge(&self, heard: &Torrent) -> Merged {
        let livesync_callbacks_t {
            merge_torrent,
            user,
            ..
        } = self.callbacks;
        let torrent = livesync_torrent_t {
            info_hash: heard.info_hash.0,
            base_offset: heard.base_offset,
            downloaded: heard.downloaded,
        };
        // SAFETY: a torrent, valid during the call.
        match merge_torrent.map(|call| unsafe { call(&torrent, user) }) {
            Some(0) => Merged::AsHeard,
            Some(1) => Merged::KnownBetter,
            _ => Merged::Failed,
        }
    }
}

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
