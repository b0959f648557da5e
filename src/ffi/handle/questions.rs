//! The questions that the library asks an application that polls, and the answers.

use std::collections::{HashMap, VecDeque};
use std::ffi::c_int;
use std::{iter, mem};

use parking_lot::Mutex;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::event::{
    LIVESYNC_EVENT_COUNT_TORRENTS, LIVESYNC_EVENT_LOOK_UP_TORRENT, LIVESYNC_EVENT_WALK_TORRENTS,
    livesync_event_t,
};
use crate::host::callbacks::{livesync_cursor_t, livesync_torrent_t, merged};
use crate::livesync::Livesync;
use crate::protocol::Task;
use crate::types::{Cursor, InfoHash, Merged, Torrent};

/// The open questions: those without an answer yet.
pub(super) struct Questions {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    count: bool,
    /// Where the walk begins, and the most torrents that an answer may have.
    walk: Option<(Cursor, usize)>,
    /// Torrents to look up that no event has asked for yet.
    look_ups: VecDeque<InfoHash>,
    /// Torrents that events have asked for and no answer has named.
    not_found: Vec<InfoHash>,
    /// How many of `not_found` the application does not know.
    unknown: usize,
    /// The torrents that answers have named.
    found: Vec<Torrent>,
    /// Torrents to merge without an answer yet.
    merges: Merges,
}

/// The most torrents to merge that wait for an answer. When they are reached, half are forgotten.
const MAX_OPEN_MERGES: usize = 65_536;

/// Torrents to merge that were handed out and have no answer yet. An application may never answer,
/// so the oldest are forgotten, many at a time.
#[derive(Default)]
struct Merges {
    older: HashMap<InfoHash, u32>,
    newer: HashMap<InfoHash, u32>,
    /// The number of events handed out for `newer`, answered or not.
    handed_out: usize,
}

impl Merges {
    /// Notes one more event, and returns the torrents of the events that are forgotten for it.
    fn hand_out(&mut self, info_hash: InfoHash) -> HashMap<InfoHash, u32> {
        let mut forgotten = HashMap::new();
        if self.handed_out == MAX_OPEN_MERGES / 2 {
            self.handed_out = 0;
            forgotten = mem::replace(&mut self.older, mem::take(&mut self.newer));
        }
        self.handed_out += 1;
        *self.newer.entry(info_hash).or_default() += 1;
        forgotten
    }

    /// Notes an answer, and returns whether its question was open.
    fn answer(&mut self, info_hash: &InfoHash) -> bool {
        [&mut self.older, &mut self.newer]
            .into_iter()
            .any(|merges| match merges.get_mut(info_hash) {
                None => false,
                Some(1) => merges.remove(info_hash).is_some(),
                Some(times) => {
                    *times -= 1;
                    true
                }
            })
    }
}

impl Questions {
    pub(super) fn new() -> Self {
        let open = Mutex::new(Open::default());
        Self { open }
    }

    /// Forgets all questions when their run is over.
    pub(super) fn clear(&self) {
        *self.open.lock() = Open::default();
    }

    /// The next question, as an event.
    pub(super) fn next(&self, livesync: &Livesync) -> Option<livesync_event_t> {
        let mut open = self.open.lock();
        if open.look_ups.is_empty() {
            match livesync.poll_task()? {
                Task::CountTorrents => {
                    open.count = true;
                    return Some(livesync_event_t::of(LIVESYNC_EVENT_COUNT_TORRENTS));
                }
                Task::Walk { cursor, limit } => {
                    open.walk = Some((cursor, limit));
                    return Some(livesync_event_t {
                        cursor: cursor.into(),
                        limit: u32::try_from(limit).unwrap_or(u32::MAX),
                        ..livesync_event_t::of(LIVESYNC_EVENT_WALK_TORRENTS)
                    });
                }
                Task::LookUp(hashes) => open.look_ups.extend(hashes),
            }
        }
        let info_hash = open.look_ups.pop_front()?;
        open.not_found.push(info_hash);
        Some(livesync_event_t {
            info_hash: info_hash.0,
            ..livesync_event_t::of(LIVESYNC_EVENT_LOOK_UP_TORRENT)
        })
    }

    pub(super) fn count(&self, livesync: &Livesync, torrents: u64) -> c_int {
        if !mem::take(&mut self.open.lock().count) {
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
        if next.is_some_and(|next| next.place > 2) {
            return LIVESYNC_E_ARGUMENT;
        }
        let next: Option<Cursor> = next.and_then(|next| (*next).into());
        let mut open = self.open.lock();
        let Some((cursor, limit)) = open.walk else {
            return LIVESYNC_E_STATE;
        };
        let stands_still = next == Some(cursor);
        if torrents.len() > limit || stands_still {
            return LIVESYNC_E_ARGUMENT;
        }
        open.walk = None;
        drop(open);
        let torrents: Vec<Torrent> = torrents.iter().map(Torrent::from).collect();
        livesync.torrents_walked(&torrents, next);
        LIVESYNC_OK
    }

    pub(super) fn look_up(
        &self,
        livesync: &Livesync,
        torrent: Option<&livesync_torrent_t>,
    ) -> c_int {
        let mut open = self.open.lock();
        if open.unknown == open.not_found.len() {
            return LIVESYNC_E_STATE;
        }
        match torrent {
            None => open.unknown += 1,
            Some(torrent) => {
                let is_it = |hash: &InfoHash| hash.0 == torrent.info_hash;
                let Some(at) = open.not_found.iter().position(is_it) else {
                    return LIVESYNC_E_STATE;
                };
                open.not_found.remove(at);
                open.found.push(torrent.into());
            }
        }
        if open.unknown == open.not_found.len() && open.look_ups.is_empty() {
            open.unknown = 0;
            open.not_found.clear();
            let found = mem::take(&mut open.found);
            drop(open);
            livesync.torrents_looked_up(&found);
        }
        LIVESYNC_OK
    }

    /// Notes a torrent to merge that is handed out. One without an answer for long counts as not
    /// stored.
    pub(super) fn note_merge(&self, livesync: &Livesync, info_hash: InfoHash) {
        let forgotten = self.open.lock().merges.hand_out(info_hash);
        if forgotten.is_empty() {
            return;
        }
        let events = forgotten
            .into_iter()
            .flat_map(|(hash, times)| iter::repeat_n((hash, Merged::Failed), times as usize));
        // In portions, since announcing threads may wait for the engine lock.
        for portion in events.collect::<Vec<_>>().chunks(512) {
            livesync.torrents_merged(portion);
        }
    }

    pub(super) fn merge(&self, livesync: &Livesync, info_hash: InfoHash, result: c_int) -> c_int {
        let Some(merged) = merged(result) else {
            return LIVESYNC_E_ARGUMENT;
        };
        if !self.open.lock().merges.answer(&info_hash) {
            return LIVESYNC_E_STATE;
        }
        livesync.torrents_merged(&[(info_hash, merged)]);
        LIVESYNC_OK
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::host::Events;
    use crate::host::callbacks::LIVESYNC_MERGED;
    use crate::types::TrackerId;

    fn torrent(number: u8) -> livesync_torrent_t {
        livesync_torrent_t {
            info_hash: [number; 20],
            ..livesync_torrent_t::NONE
        }
    }

    #[test]
    fn merges_that_nobody_answers_are_bounded_and_count_as_not_stored() {
        let hash = |number: usize| {
            let mut hash = [0; 20];
            hash[..8].copy_from_slice(&(number as u64).to_be_bytes());
            InfoHash(hash)
        };
        let config = Config::on(Ipv4Addr::LOCALHOST).port(19_698u16).speak(false);
        let livesync = Livesync::open(config, Arc::new(Events::with_scrape())).unwrap();
        livesync.start_polling(TrackerId([1; 4])).unwrap();
        let questions = Questions::new();
        let events = 3 * MAX_OPEN_MERGES;
        for number in 0..events {
            questions.note_merge(&livesync, hash(number));
            let open = questions.open.lock();
            let waiting = open.merges.older.len() + open.merges.newer.len();
            assert!(waiting <= MAX_OPEN_MERGES);
            assert_eq!(
                waiting,
                (number + 1)
                    .min(waiting)
                    .max(number.min(MAX_OPEN_MERGES / 2))
            );
        }
        let answer = |number| questions.merge(&livesync, hash(number), LIVESYNC_MERGED);
        assert_eq!(answer(0), LIVESYNC_E_STATE);
        assert_eq!(answer(events - MAX_OPEN_MERGES / 2), LIVESYNC_OK);
        assert_eq!(answer(events - MAX_OPEN_MERGES / 2), LIVESYNC_E_STATE);
        assert_eq!(answer(events - 1), LIVESYNC_OK);
        let scrape = livesync.stats().unwrap().counters.scrape;
        assert_eq!(scrape.torrents_failed, (events - MAX_OPEN_MERGES) as u64);
        assert_eq!(scrape.torrents_heard, scrape.torrents_failed + 2);
    }

    #[test]
    fn a_torrent_that_is_to_be_merged_twice_is_answered_twice() {
        let mut merges = Merges::default();
        let hash = InfoHash([7; 20]);
        let forgotten = (0..MAX_OPEN_MERGES).map(|_| merges.hand_out(hash));
        assert!(forgotten.into_iter().all(|forgotten| forgotten.is_empty()));
        let forgotten = merges.hand_out(hash);
        assert_eq!(forgotten[&hash], (MAX_OPEN_MERGES / 2) as u32);
        for _ in 0..=MAX_OPEN_MERGES / 2 {
            assert!(merges.answer(&hash));
        }
        assert!(!merges.answer(&hash));
    }

    #[test]
    fn look_ups_are_answered_in_any_order_and_each_once() {
        let config = Config::on(Ipv4Addr::LOCALHOST).port(19_697u16);
        let livesync = Livesync::open(config, Arc::new(Events::default())).unwrap();
        let questions = Questions::new();
        let answer = |number: Option<u8>| {
            let torrent = number.map(torrent);
            questions.look_up(&livesync, torrent.as_ref())
        };
        assert_eq!(answer(None), LIVESYNC_E_STATE);
        for round in 0..2 {
            questions.open.lock().not_found = (1..=3).map(|n| InfoHash([n; 20])).collect();
            assert_eq!(answer(None), LIVESYNC_OK, "{round}");
            assert_eq!(answer(Some(9)), LIVESYNC_E_STATE);
            assert_eq!(answer(Some(1)), LIVESYNC_OK);
            assert_eq!(answer(Some(1)), LIVESYNC_E_STATE);
            assert_eq!(answer(Some(3)), LIVESYNC_OK);
            assert_eq!(answer(Some(2)), LIVESYNC_E_STATE);
            let open = questions.open.lock();
            assert!(open.not_found.is_empty() && open.found.is_empty());
        }
    }
}
