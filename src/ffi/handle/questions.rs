//! What the library asks a program that polls, as events; and the program's answers.

use std::collections::VecDeque;
use std::ffi::c_int;

use parking_lot::Mutex;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::event::{
    LIVESYNC_EVENT_COUNT_TORRENTS, LIVESYNC_EVENT_LOOK_UP_TORRENT, LIVESYNC_EVENT_WALK_TORRENTS,
    livesync_event_t,
};
use crate::host::callbacks::{livesync_cursor_t, livesync_torrent_t, merged};
use crate::livesync::Livesync;
use crate::protocol::Task;
use crate::types::{InfoHash, Torrent};

/// The questions that are not answered yet.
pub(super) struct Questions {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    count: bool,
    /// How many torrents may be walked.
    walk: Option<usize>,
    /// Torrents to look up that were not asked for yet.
    look_ups: VecDeque<InfoHash>,
    /// How many look-ups are not answered yet, and what was found by the others.
    unanswered: usize,
    found: Vec<Torrent>,
}

impl Questions {
    pub(super) fn new() -> Self {
        let open = Mutex::new(Open::default());
        Self { open }
    }

    /// Forgets them: those of a run that is over.
    pub(super) fn clear(&self) {
        *self.open.lock() = Open::default();
    }

    /// The next question.
    pub(super) fn next(&self, livesync: &Livesync) -> Option<livesync_event_t> {
        let mut open = self.open.lock();
        if open.look_ups.is_empty() {
            match livesync.poll_task()? {
                Task::CountTorrents => {
                    open.count = true;
                    return Some(livesync_event_t::of(LIVESYNC_EVENT_COUNT_TORRENTS));
                }
                Task::Walk { cursor, limit } => {
                    open.walk = Some(limit);
                    return Some(livesync_event_t {
                        cursor: cursor.into(),
                        limit: u32::try_from(limit).unwrap_or(u32::MAX),
                        ..livesync_event_t::of(LIVESYNC_EVENT_WALK_TORRENTS)
                    });
                }
                Task::LookUp(hashes) => {
                    open.unanswered = hashes.len();
                    open.look_ups.extend(hashes);
                }
            }
        }
        let info_hash = open.look_ups.pop_front()?;
        Some(livesync_event_t {
            info_hash: info_hash.0,
            ..livesync_event_t::of(LIVESYNC_EVENT_LOOK_UP_TORRENT)
        })
    }

    pub(super) fn count(&self, livesync: &Livesync, torrents: u64) -> c_int {
        if !std::mem::take(&mut self.open.lock().count) {
            return LIVESYNC_E_STATE;
        }
        livesync.torrents_counted(torrents);
        LIVESYNC_OK
    }

    pub(super) fn walk(
        &self,
        livesync: &Livesync,
        torrents: &[livesync_torrent_t],
        next: Option<&livesync_cursor_t>,
    ) -> c_int {
        let mut open = self.open.lock();
        match open.walk {
            None => return LIVESYNC_E_STATE,
            Some(limit) if torrents.len() > limit => return LIVESYNC_E_ARGUMENT,
            Some(_) => open.walk = None,
        }
        drop(open);
        let torrents: Vec<Torrent> = torrents.iter().map(Torrent::from).collect();
        livesync.torrents_walked(&torrents, next.and_then(|next| (*next).into()));
        LIVESYNC_OK
    }

    pub(super) fn look_up(
        &self,
        livesync: &Livesync,
        torrent: Option<&livesync_torrent_t>,
    ) -> c_int {
        let mut open = self.open.lock();
        if open.unanswered == open.look_ups.len() {
            return LIVESYNC_E_STATE;
        }
        open.unanswered -= 1;
        open.found.extend(torrent.map(Torrent::from));
        if open.unanswered == 0 {
            let found = std::mem::take(&mut open.found);
            drop(open);
            livesync.torrents_looked_up(&found);
        }
        LIVESYNC_OK
    }

    pub(super) fn merge(&self, livesync: &Livesync, info_hash: InfoHash, result: c_int) -> c_int {
        livesync.torrents_merged(&[(info_hash, merged(result))]);
        LIVESYNC_OK
    }
}
