//! How many of the torrents that other trackers tell the host does not store.

use std::time::Duration;

use crate::time::Time;
use crate::types::TrackerId;

/// After this time a tracker may be asked for all its torrents once more: an access list may have
/// changed, and there may be memory again. Trackers also forget a torrent that was not announced
/// for as long.
const REFUSED_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The largest number of trackers that are remembered.
const MAX_TELLERS: usize = 32;

/// How many torrents of a tracker the host has refused, or failed to store.
#[derive(Debug)]
struct Teller {
    id: TrackerId,
    /// The number in the present telling, or in the last one.
    telling: u64,
    /// The number in the telling of which it was largest.
    most: u64,
    /// When `most` began to count.
    since: Time,
}

/// How many torrents of each tracker it would not help to ask for again. They count as known when
/// this node decides whether to ask that tracker. For another tracker they mean nothing.
#[derive(Debug, Default)]
pub(super) struct RefusedTorrents {
    tellers: Vec<Teller>,
    /// The tracker that sent the last scrape tell.
    telling: Option<TrackerId>,
}

impl RefusedTorrents {
    /// Notes a scrape tell. `begins` is true if there was a silence before.
    pub(super) fn heard_tell(&mut self, from: TrackerId, begins: bool) {
        self.telling = Some(from);
        if begins {
            for teller in &mut self.tellers {
                teller.telling = 0;
            }
        }
    }

    /// Notes how many torrents of the last scrape tell were refused.
    pub(super) fn add(&mut self, now: Time, torrents: u64) {
        let Some(id) = self.telling.filter(|_| torrents > 0) else {
            return;
        };
        let at = self.place_of(id, now);
        let teller = &mut self.tellers[at];
        teller.telling += torrents;
        teller.most = teller.most.max(teller.telling);
    }

    /// Notes that a tracker is asked. The torrents that were told under its id before, perhaps by
    /// another sender, count no more.
    pub(super) fn note_inquiry(&mut self, id: TrackerId, now: Time) {
        if let Some(teller) = self.tellers.iter_mut().find(|teller| teller.id == id) {
            teller.most = 0;
            teller.since = now;
        }
    }

    /// Returns how many torrents of a tracker it is of no use to ask for.
    pub(super) fn torrents(&self, id: TrackerId, now: Time) -> u64 {
        let teller = self.tellers.iter().find(|teller| teller.id == id);
        teller
            .filter(|teller| now.since(teller.since) < REFUSED_LIFETIME)
            .map_or(0, |teller| teller.most)
    }

    fn place_of(&mut self, id: TrackerId, now: Time) -> usize {
        if let Some(at) = self.tellers.iter().position(|teller| teller.id == id) {
            return at;
        }
        if self.tellers.len() == MAX_TELLERS {
            let least = (0..MAX_TELLERS).min_by_key(|at| self.tellers[*at].most);
            least.map(|at| self.tellers.swap_remove(at));
        }
        self.tellers.push(Teller {
            id,
            telling: 0,
            most: 0,
            since: now,
        });
        self.tellers.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_tellers_is_bounded_and_pushes_out_no_large_one() {
        let id = |number: u32| TrackerId(number.to_be_bytes());
        let mut refused = RefusedTorrents::default();
        refused.heard_tell(id(0), true);
        refused.add(Time::START, 500);
        for number in 1..1000 {
            refused.heard_tell(id(number), number % 2 == 0);
            refused.add(Time::START, 45);
            assert!(refused.tellers.len() <= MAX_TELLERS);
        }
        assert_eq!(refused.torrents(id(0), Time::START), 500);
        assert_eq!(refused.torrents(id(1001), Time::START), 0);
    }

    /// A sender tells under its id once a minute.
    #[test]
    fn it_is_asked_once_a_day_whatever_is_told_in_its_name() {
        let id = TrackerId([1; 4]);
        let mut refused = RefusedTorrents::default();
        for minute in 0..10_000 {
            let now = Time::START + Duration::from_secs(60 * minute);
            refused.heard_tell(id, true);
            refused.add(now, 1000);
            assert_eq!(refused.torrents(id, now) == 0, minute >= 24 * 60);
        }
        let now = Time::START + Duration::from_secs(600_000);
        refused.note_inquiry(id, now);
        assert_eq!(refused.torrents(id, now), 0);
        refused.add(now, 7);
        assert_eq!(refused.torrents(id, now), 1007);
    }
}
