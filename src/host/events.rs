//! A host for programs that poll: a queue of the events that they have not fetched yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::Host;
#[cfg(feature = "want_sync_scrape")]
use crate::types::Torrent;
use crate::types::{Announce, InfoHash, Peer, TrackerId};
#[cfg(feature = "want_sync_scrape")]
use crate::wire::PlausibleTorrents;

/// While so many events wait, no more packets are taken from the kernel. The packets taken last may
/// exceed it: see docs/reliability.md.
const MAX_WAITING: usize = 4096;

/// The most events that a packet makes, if it is not longer than the packets that livesync sends.
const MAX_RECORDS_PER_PACKET: usize = 52;

/// Something that another tracker has sent, or that livesync has done, for a polling program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A peer announced itself to another tracker. The program must not announce it to livesync.
    AddPeer(Announce),
    /// A peer has stopped, as it announced to another tracker.
    RemovePeer(Announce),
    /// Another node sends under the id of this one, which has drawn this new id.
    NewTrackerId(TrackerId),
    /// A scrape tell contains this torrent. The program merges it into its own, and passes the
    /// outcome to [`Livesync::torrents_merged`](crate::Livesync::torrents_merged).
    #[cfg(feature = "want_sync_scrape")]
    MergeTorrent(Torrent),
}

/// A queue of events, for a program that runs livesync in its own loop
/// ([`start_polling`](crate::Livesync::start_polling)) and has no [`Host`].
///
/// The queue loses no event: while more than 4,096 events wait, packets wait in the kernel. Only
/// a new id replaces one that is the last event in the queue.
///
/// # Examples
/// ```
/// use livesync::{Event, Events};
///
/// let events = Events::default();
/// while let Some(event) = events.next() {
///     match event {
///         Event::AddPeer(announce) => println!("{} is new", announce.peer.ip),
///         Event::RemovePeer(announce) => println!("{} has left", announce.peer.ip),
///         _ => {}
///     }
/// }
/// assert!(events.is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Events {
    waiting: Mutex<VecDeque<Event>>,
    #[cfg(feature = "want_sync_scrape")]
    scrape: bool,
    off: AtomicBool,
}

impl Events {
    /// Creates a queue for a program that takes part in scrape sync by answering the questions of
    /// [`Livesync::poll_task`](crate::Livesync::poll_task).
    #[cfg(feature = "want_sync_scrape")]
    pub fn with_scrape() -> Self {
        Self {
            scrape: true,
            ..Self::default()
        }
    }

    /// Removes and returns the oldest waiting event, or nothing if none waits.
    pub fn next(&self) -> Option<Event> {
        self.waiting.lock().pop_front()
    }

    /// Returns how many events wait.
    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Returns whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Switches the queue on or off. A queue that is off discards events, because nobody polls it.
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

    /// Replaces a waiting new id, because [`room`](Host::room) does not bound the number of ids.
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
            MAX_WAITING
                .saturating_sub(self.len())
                .div_ceil(MAX_RECORDS_PER_PACKET)
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
        for waiting in 0..MAX_WAITING {
            assert_eq!(events.len(), waiting);
            assert!(events.room() * MAX_RECORDS_PER_PACKET >= MAX_WAITING - waiting);
            events.add_peer(&InfoHash([1; 20]), &peer);
        }
        assert_eq!(events.room(), 0);
        for _ in 0..10 {
            events.new_tracker_id(TrackerId::random());
        }
        let last = TrackerId([7; 4]);
        events.new_tracker_id(last);
        assert_eq!(events.len(), MAX_WAITING + 1);
        let all = std::iter::from_fn(|| events.next());
        assert_eq!(all.last(), Some(Event::NewTrackerId(last)));
    }
}
