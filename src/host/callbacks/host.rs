//! A host that calls the callbacks of a C program.

use std::ffi::{CString, c_int, c_void};
use std::net::IpAddr;
use std::sync::Arc;

use super::types::*;
use crate::address::in_16_bytes;
#[cfg(feature = "want_sync_scrape")]
use crate::host::Torrents;
use crate::host::{Host, Usage, log_to_stderr};
use crate::log::Level;
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, Merged, Torrent};
use crate::types::{InfoHash, Peer, TrackerId};
#[cfg(feature = "want_sync_scrape")]
use crate::wire::PlausibleTorrents;

/// The callbacks of a configuration, and the user pointer that each takes as its last argument.
#[derive(Clone, Copy)]
pub(crate) struct Callbacks {
    pub(crate) user: *mut c_void,
    pub(crate) is_running: livesync_is_running_fn,
    pub(crate) is_allowed: livesync_is_allowed_fn,
    pub(crate) add_peer: livesync_peer_fn,
    pub(crate) remove_peer: livesync_peer_fn,
    pub(crate) packet_applied: livesync_packet_applied_fn,
    pub(crate) new_tracker_id: livesync_new_tracker_id_fn,
    pub(crate) log: livesync_log_fn,
    pub(crate) count_torrents: livesync_count_torrents_fn,
    pub(crate) walk_torrents: livesync_walk_torrents_fn,
    pub(crate) look_up_torrent: livesync_look_up_torrent_fn,
    pub(crate) merge_torrent: livesync_merge_torrent_fn,
}

impl Callbacks {
    /// Returns whether all four callbacks for scrape sync are set.
    #[cfg(feature = "want_sync_scrape")]
    pub(crate) fn has_torrents(&self) -> bool {
        self.for_torrents() == [true; 4]
    }

    pub(crate) fn has_all_or_none_for_torrents(&self) -> bool {
        [[true; 4], [false; 4]].contains(&self.for_torrents())
    }

    /// Returns whether any callback for peers or torrents is set.
    pub(crate) fn has_any_of_a_table(&self) -> bool {
        let for_peers = [self.add_peer.is_some(), self.remove_peer.is_some()];
        for_peers.contains(&true) || self.for_torrents().contains(&true)
    }

    fn for_torrents(&self) -> [bool; 4] {
        [
            self.count_torrents.is_some(),
            self.walk_torrents.is_some(),
            self.look_up_torrent.is_some(),
            self.merge_torrent.is_some(),
        ]
    }

    /// Logs a line for the operator.
    pub(crate) fn log(&self, level: Level, message: &str) {
        match (self.log, CString::new(message)) {
            // SAFETY: the callback takes a C string, valid during the call, and the user pointer.
            (Some(call), Ok(message)) => unsafe {
                call(level as c_int, message.as_ptr(), self.user);
            },
            _ => log_to_stderr(level, message),
        }
    }
}

/// A host that calls the callbacks that are set. For peers and torrents without callbacks it calls
/// the other host `rest`, which is a queue of events or a table.
pub(crate) struct CallbackHost {
    callbacks: Callbacks,
    rest: Arc<dyn Host>,
}

// SAFETY: the program that opens a handle promises that its callbacks may be called from any
// thread with the user pointer.
unsafe impl Send for CallbackHost {}
// SAFETY: as above.
unsafe impl Sync for CallbackHost {}

impl CallbackHost {
    pub(crate) fn new(callbacks: Callbacks, rest: Arc<dyn Host>) -> Self {
        Self { callbacks, rest }
    }
}

impl Host for CallbackHost {
    fn is_running(&self) -> bool {
        let Callbacks {
            is_running, user, ..
        } = self.callbacks;
        // SAFETY: the callback takes the user pointer.
        is_running.is_none_or(|ask| unsafe { ask(user) != 0 })
    }

    fn is_allowed(&self, source: IpAddr) -> bool {
        let Callbacks {
            is_allowed, user, ..
        } = self.callbacks;
        let ip = in_16_bytes(source);
        // SAFETY: the callback takes 16 bytes, valid during the call, and the user pointer.
        is_allowed.is_some_and(|ask| unsafe { ask(ip.as_ptr(), user) != 0 })
    }

    fn takes_ipv6(&self) -> bool {
        true
    }

    fn new_tracker_id(&self, id: TrackerId) {
        let Callbacks {
            new_tracker_id,
            user,
            ..
        } = self.callbacks;
        match new_tracker_id {
            // SAFETY: the callback takes the user pointer.
            Some(call) => unsafe { call(id.to_host(), user) },
            None => self.rest.new_tracker_id(id),
        }
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let Callbacks { add_peer, user, .. } = self.callbacks;
        match add_peer {
            // SAFETY: the 20 bytes and the peer are valid during the call.
            Some(call) => unsafe { call(info_hash.0.as_ptr(), &peer.into(), user) },
            None => self.rest.add_peer(info_hash, peer),
        }
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let Callbacks {
            remove_peer, user, ..
        } = self.callbacks;
        match remove_peer {
            // SAFETY: the 20 bytes and the peer are valid during the call.
            Some(call) => unsafe { call(info_hash.0.as_ptr(), &peer.into(), user) },
            None => self.rest.remove_peer(info_hash, peer),
        }
    }

    fn packet_applied(&self, records: usize) {
        let Callbacks {
            packet_applied,
            user,
            ..
        } = self.callbacks;
        if let Some(call) = packet_applied {
            // SAFETY: the callback takes the user pointer.
            unsafe { call(records, user) };
        }
    }

    fn room(&self) -> usize {
        self.rest.room()
    }

    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn Torrents> {
        if self.callbacks.has_torrents() {
            Some(self)
        } else {
            self.rest.torrents()
        }
    }

    #[cfg(feature = "want_sync_scrape")]
    fn answers_later(&self) -> bool {
        !self.callbacks.has_torrents() && self.rest.answers_later()
    }

    #[cfg(feature = "want_sync_scrape")]
    fn torrents_heard(&self, torrents: PlausibleTorrents<'_>) {
        self.rest.torrents_heard(torrents);
    }

    fn usage(&self) -> Option<Usage> {
        self.rest.usage()
    }

    fn log(&self, level: Level, message: &str) {
        self.callbacks.log(level, message);
    }
}

#[cfg(feature = "want_sync_scrape")]
impl Torrents for CallbackHost {
    fn count(&self) -> u64 {
        let Callbacks {
            count_torrents,
            user,
            ..
        } = self.callbacks;
        // SAFETY: the callback takes the user pointer.
        count_torrents.map_or(0, |call| unsafe { call(user) })
    }

    fn walk(&self, cursor: Cursor, limit: usize, found: &mut Vec<Torrent>) -> Option<Cursor> {
        let Callbacks {
            walk_torrents,
            user,
            ..
        } = self.callbacks;
        let call = walk_torrents?;
        let mut place = livesync_cursor_t::from(cursor);
        let mut torrents = vec![livesync_torrent_t::NONE; limit];
        // SAFETY: the cursor and the room for `limit` torrents are valid during the call.
        let count = unsafe { call(&mut place, torrents.as_mut_ptr(), limit, user) };
        found.extend(torrents.iter().take(count).map(Torrent::from));
        place.into()
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        let Callbacks {
            look_up_torrent,
            user,
            ..
        } = self.callbacks;
        let mut torrent = livesync_torrent_t {
            info_hash: info_hash.0,
            ..livesync_torrent_t::NONE
        };
        // SAFETY: the torrent is valid during the call.
        let found = unsafe { look_up_torrent?(&mut torrent, user) } != 0;
        found.then(|| Torrent::from(&torrent))
    }

    fn merge(&self, heard: &Torrent) -> Merged {
        let Callbacks {
            merge_torrent,
            user,
            ..
        } = self.callbacks;
        let torrent = livesync_torrent_t::from(heard);
        merge_torrent
            // SAFETY: the torrent is valid during the call; the callback takes the user pointer.
            .and_then(|call| merged(unsafe { call(&torrent, user) }))
            .unwrap_or(Merged::Failed)
    }
}
