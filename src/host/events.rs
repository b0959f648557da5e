//! A host for programs that poll: it keeps what happens until they ask.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::Host;
#[cfg(feature = "want_sync_scrape")]
use crate::types::Torrent;
use crate::types::{Announce, InfoHash, Peer, TrackerId};
#[cfg(feature = "want_sync_scrape")]
use crate::wire::PlausibleTorrents;

/// From how many events on no more packets are taken from the kernel. One packet
/// may bring a few thousand.
const ENOUGH: usize = 4096;

/// How many of them a packet makes, if it is not longer than those that we send.
const MOST_RECORDS: usize = 52;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A peer announced itself to another tracker. It must not be announced again.
    AddPeer(Announce),
    /// A peer said goodbye to another tracker.
    RemovePeer(Announce),
    /// Another tracker speaks under our id; this is the new one that we have drawn.
    NewTrackerId(TrackerId),
    /// Another tracker told of a torrent, to be merged into ours; what became of it is
    /// the argument of [`Livesync::torrents_merged`](crate::Livesync::torrents_merged).
    #[cfg(feature = "want_sync_scrape")]
    MergeTorrent(Torrent),
}

/// A queue of events, for a program that runs
/// [`Livesync`](crate::Livesync::start_polling) in its own loop and has no [`Host`].
///
/// While much waits in it, packets wait in the kernel: no event is lost in here, but for a new
/// id that a newer one follows at once.
#[derive(Debug, Default)]
pub struct Events {
    waiting: Mutex<VecDeque<Event>>,
    #[cfg(feature = "want_sync_scrape")]
    scrape: bool,
    off: AtomicBool,
}

impl Events {
    /// A queue for a program that takes part in scrape sync, which it is asked for by
    /// [`Livesync::poll_task`](crate::Livesync::poll_task).
    #[cfg(feature = "want_sync_scrape")]
    pub fn with_scrape() -> Self {
        Self {
            scrape: true,
            ..Self::default()
        }
    }

    /// The oldest event that waits.
    pub fn next(&self) -> Option<Event> {
        self.waiting.lock().pop_front()
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether to keep what happens from now on, for somebody who polls.
    #[cfg(feature = "handles")]
    pub(crate) fn keep(&self, keep: bool) {
        self.off.store(!keep, Ordering::Relaxed);
    }

    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    fn push(&self, event: Event) {
        if !self.is_off() {
            self.waiting.lock().push_back(event);
        }
    }
}

impl Host for Events {
    fn takes_ipv6(&self) -> bool {
        true
    }

    /// No packet need bring one, so that room does not bound how many there are.
    fn new_tracker_id(&self, id: TrackerId) {
        let mut waiting = self.waiting.lock();
        if let Some(Event::NewTrackerId(last)) = waiting.back_mut() {
            *last = id;
            return;
        }
        drop(waiting);
        self.push(Event::NewTrackerId(id));
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        self.push(Event::AddPeer(announce(info_hash, peer)));
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        self.push(Event::RemovePeer(announce(info_hash, peer)));
    }

    fn room(&self) -> usize {
        if self.is_off() {
            usize::MAX
        } else {
            ENOUGH.saturating_sub(self.len()).div_ceil(MOST_RECORDS)
        }
    }

    #[cfg(feature = "want_sync_scrape")]
    fn answers_later(&self) -> bool {
        self.scrape && !self.is_off()
    }

    #[cfg(feature = "want_sync_scrape")]
    fn torrents_heard(&self, torrents: PlausibleTorrents<'_>) {
        if !self.is_off() {
            let mut waiting = self.waiting.lock();
            waiting.extend(torrents.map(Event::MergeTorrent));
        }
    }
}

fn announce(info_hash: &InfoHash, peer: &Peer) -> Announce {
    Announce {
        info_hash: *info_hash,
        peer: *peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::PeerFlags;

    #[test]
    fn when_many_events_wait_there_is_no_room_for_packets() {
        let events = Events::default();
        let peer = Peer {
            ip: [192, 0, 2, 1].into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        };
        for waiting in 0..ENOUGH {
            assert_eq!(events.len(), waiting);
            assert!(events.room() * MOST_RECORDS >= ENOUGH - waiting);
            events.add_peer(&InfoHash([1; 20]), &peer);
        }
        assert_eq!(events.room(), 0);
        for _ in 0..10 {
            events.new_tracker_id(TrackerId::random());
        }
        let last = TrackerId([7; 4]);
        events.new_tracker_id(last);
        assert_eq!(events.len(), ENOUGH + 1);
        let all = std::iter::from_fn(|| events.next());
        assert_eq!(all.last(), Some(Event::NewTrackerId(last)));
    }
}
