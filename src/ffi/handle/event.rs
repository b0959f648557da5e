//! Events, for programs that poll instead of being called back.
#![allow(non_camel_case_types)]
#![allow(dead_code, reason = "constants that only C programs use")]

use crate::host::Event;
use crate::host::callbacks::{livesync_cursor_t, livesync_peer_t, livesync_torrent_t};
use crate::types::Announce;

/// A peer announced itself to another tracker: `info_hash`, `peer`. Do not announce it
/// again. With LIVESYNC_PEER_COMPLETED it has just finished: count a download, as for a
/// client of your own.
pub const LIVESYNC_EVENT_ADD_PEER: u32 = 1;
/// A peer said goodbye to another tracker: `info_hash`, `peer`.
pub const LIVESYNC_EVENT_REMOVE_PEER: u32 = 2;
/// Another tracker spoke under our id; the library goes on under `tracker_id`.
pub const LIVESYNC_EVENT_NEW_TRACKER_ID: u32 = 3;
/// How many torrents are there? Answer by livesync_answer_count().
pub const LIVESYNC_EVENT_COUNT_TORRENTS: u32 = 4;
/// Which torrents are there, from `cursor` on, at most `limit` of them? Answer by
/// livesync_answer_walk().
pub const LIVESYNC_EVENT_WALK_TORRENTS: u32 = 5;
/// What is known of the torrent `info_hash`? Answer by livesync_answer_look_up().
pub const LIVESYNC_EVENT_LOOK_UP_TORRENT: u32 = 6;
/// Another tracker tells of `torrent`, whose `info_hash` is set, too. If you know it, raise
/// your downloaded count to the one heard, if that is larger, and keep your own age of
/// it; else create it as it was heard. Answer by livesync_answer_merge().
pub const LIVESYNC_EVENT_MERGE_TORRENT: u32 = 7;

/// Something that happened, or that the library asks. Which fields are set depends on
/// the type; the others are 0.
///
/// A question may be answered at once or later, by any thread: scrape sync waits. One that
/// is never answered is not asked again, and that part rests: without a count there are no
/// beacons and no inquiries, without a walk no telling. A start forgets questions that are
/// open; what happened before
/// can be fetched until livesync_close().
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_event_t {
    /// LIVESYNC_EVENT_...; pass over types that you do not know.
    pub event_type: u32,
    /// An id in host byte order.
    pub tracker_id: u32,
    /// A torrent: 20 raw bytes.
    pub info_hash: [u8; 20],
    /// A peer of this torrent.
    pub peer: livesync_peer_t,
    /// What another tracker told of this torrent.
    pub torrent: livesync_torrent_t,
    /// Where to begin a walk.
    pub cursor: livesync_cursor_t,
    /// How many torrents to read at most.
    pub limit: u32,
}

impl livesync_event_t {
    /// An event of which only the type is set.
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
