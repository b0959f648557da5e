//! Events, for applications that poll instead of being called back.
#![allow(non_camel_case_types)]
#![allow(dead_code, reason = "constants that only C programs use")]

use crate::host::Event;
use crate::host::callbacks::{livesync_cursor_t, livesync_peer_t, livesync_torrent_t};
use crate::types::Announce;

/// A peer announced itself to another tracker: add it. Set: `info_hash`, `peer`.
///
/// Do not announce it again. If it has the flag LIVESYNC_PEER_COMPLETED, it has just finished its
/// download: count that, as for a client of your own.
pub const LIVESYNC_EVENT_ADD_PEER: u32 = 1;
/// A peer of another tracker has left its swarm: remove it. Set: `info_hash`, `peer`.
pub const LIVESYNC_EVENT_REMOVE_PEER: u32 = 2;
/// The handle has a new id, because another tracker used the old one or the clock was set back.
/// Set: `tracker_id`.
pub const LIVESYNC_EVENT_NEW_TRACKER_ID: u32 = 3;
/// A question: how many torrents are there? Answer by livesync_answer_count().
pub const LIVESYNC_EVENT_COUNT_TORRENTS: u32 = 4;
/// A question: which torrents are there, from `cursor` on, at most `limit` of them? Answer by
/// livesync_answer_walk(). Set: `cursor`, `limit`.
pub const LIVESYNC_EVENT_WALK_TORRENTS: u32 = 5;
/// A question: what does the application know of a torrent? Answer by livesync_answer_look_up().
/// Set: `info_hash`.
pub const LIVESYNC_EVENT_LOOK_UP_TORRENT: u32 = 6;
/// Another tracker has sent a torrent by scrape tell: merge it. Set: `torrent`, `info_hash`.
///
/// If you know the torrent, raise your count of downloads to the one received, if that is larger,
/// and keep your own time of the last announce. Otherwise create it as received. Answer by
/// livesync_answer_merge().
pub const LIVESYNC_EVENT_MERGE_TORRENT: u32 = 7;

/// An event, or a question of the library.
///
/// The type decides which fields are set; the others are 0.
///
/// Any thread may answer a question, at once or later: scrape sync waits for it. The library does
/// not repeat a question, so without an answer that part of scrape sync stops: without a count
/// there are no beacons and no inquiries, without a walk no telling. A start forgets open
/// questions. Events of an earlier run can be fetched until livesync_close().
///
/// @since 0.1.0
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_event_t {
    /// The type: LIVESYNC_EVENT_... Ignore types that you do not know.
    pub event_type: u32,
    /// The new id of this handle, in host byte order.
    pub tracker_id: u32,
    /// The torrent: 20 raw bytes.
    pub info_hash: [u8; 20],
    /// The peer of this torrent.
    pub peer: livesync_peer_t,
    /// The torrent as received from another tracker.
    pub torrent: livesync_torrent_t,
    /// Where the walk continues, or begins if all fields are 0.
    pub cursor: livesync_cursor_t,
    /// The number of torrents that an answer may have at most.
    pub limit: u32,
}

impl livesync_event_t {
    /// An event with only its type set.
    pub(super) fn of(event_type: u32) -> Self {
        Self {
            event_type,
            tracker_id: 0,
            info_hash: [0; 20],
            peer: livesync_peer_t::NONE,
            torrent: livesync_torrent_t::NONE,
            cursor: livesync_cursor_t::START,
            limit: 0,
        }
    }

    fn of_peer(event_type: u32, announce: Announce) -> Self {
        Self {
            info_hash: announce.info_hash.0,
            peer: (&announce.peer).into(),
            ..Self::of(event_type)
        }
    }
}

impl From<Event> for livesync_event_t {
    fn from(event: Event) -> Self {
        match event {
            Event::AddPeer(announce) => Self::of_peer(LIVESYNC_EVENT_ADD_PEER, announce),
            Event::RemovePeer(announce) => Self::of_peer(LIVESYNC_EVENT_REMOVE_PEER, announce),
            Event::NewTrackerId(id) => Self {
                tracker_id: id.to_host(),
                ..Self::of(LIVESYNC_EVENT_NEW_TRACKER_ID)
            },
            #[cfg(feature = "want_sync_scrape")]
            Event::MergeTorrent(torrent) => Self {
                info_hash: torrent.info_hash.0,
                torrent: (&torrent).into(),
                ..Self::of(LIVESYNC_EVENT_MERGE_TORRENT)
            },
        }
    }
}
