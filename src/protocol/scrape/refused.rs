//! What others tell and our host does not store.

use std::time::Duration;

use crate::time::Time;
use crate::types::TrackerId;

/// After so long all may be asked for once more: an access list may have changed, and there
/// may be memory again. Trackers forget a torrent that nobody announces for so long, too.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Of how many trackers it is remembered at most.
const MAX_TELLERS: usize = 32;

/// How many torrents our host has refused, or failed to store, of those that a tracker told.
#[derive(Debug)]
struct Teller {
    id: TrackerId,
    /// Of the telling that goes on, or was the last one.
    telling: u64,
    /// Of the telling of which it refused most.
    most: u64,
    /// Since when that counts.
    since: Time,
}

/// What it would not help to ask trackers for again. It counts as known when we decide whether
/// to ask them; but what one tells says nothing of what another one has.
#[derive(Debug, Default)]
pub(super) struct Refused {
    tellers: Vec<Teller>,
    /// The tracker that has told last.
    telling: Option<TrackerId>,
}

impl Refused {
    /// A tracker tells, after a silence or not.
    pub(super) fn heard_tell(&mut self, from: TrackerId, begins: bool) {
        self.telling = Some(from);
        if begins {
            for teller in &mut self.tellers {
                teller.telling = 0;
            }
        }
    }

    /// So many of the torrents that were told last are refused.
    pub(super) fn add(&mut self, now: Time, torrents: u64) {
        let Some(id) = self.telling.filter(|_| torrents > 0) else {
            return;
        };
        let at = self.place_of(id, now);
        let teller = &mut self.tellers[at];
        teller.telling += torrents;
        teller.most = teller.most.max(teller.telling);
    }

    /// We ask a tracker. What it has told before, or another one in its name, counts no more.
    pub(super) fn asks(&mut self, id: TrackerId, now: Time) {
        if let Some(teller) = self.tellers.iter_mut().find(|teller| teller.id == id) {
            teller.most = 0;
            teller.since = now;
        }
    }

    /// How many torrents it is no use to ask a tracker for, `now`.
    pub(super) fn torrents(&self, id: TrackerId, now: Time) -> u64 {
        let teller = self.tellers.iter().find(|teller| teller.id == id);
        teller
            .filter(|teller| now.since(teller.since) < REMEMBERED_FOR)
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
        let mut refused = Refused::default();
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

    /// Whoever tells in its name once a minute.
    #[test]
    fn it_is_asked_once_a_day_whatever_is_told_in_its_name() {
        let id = TrackerId([1; 4]);
        let mut refused = Refused::default();
        for minute in 0..10_000 {
            let now = Time::START + Duration::from_secs(60 * minute);
            refused.heard_tell(id, true);
            refused.add(now, 1000);
            assert_eq!(refused.torrents(id, now) == 0, minute >= 24 * 60);
        }
        let now = Time::START + Duration::from_secs(600_000);
        refused.asks(id, now);
        assert_eq!(refused.torrents(id, now), 0);
        refused.add(now, 7);
        assert_eq!(refused.torrents(id, now), 1007);
    }
}
