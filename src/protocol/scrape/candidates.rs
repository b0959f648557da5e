//! The trackers whose beacons were heard, and those that were asked lately.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use fastrand::Rng;

use crate::time::Time;
use crate::types::TrackerId;

/// The largest number of candidates for an inquiry.
const MAX_CANDIDATES: usize = 32;

/// The largest number of trackers whose inquiries are remembered.
const MAX_ASKED: usize = 64;

/// For how many beacon intervals other trackers are preferred to one that was asked in vain.
const ASKED_INTERVALS: u32 = 60;

/// A tracker that may be asked for its torrents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Candidate {
    pub(in super::super) id: TrackerId,
    /// The source address of its first beacon.
    pub(in super::super) address: IpAddr,
    pub(in super::super) torrents: u64,
    /// True if the tracker does more than send beacons: it has announced a peer, or it is
    /// authenticated by a key.
    pub(in super::super) known: bool,
}

/// The candidates for an inquiry. Anybody can send beacons, under any number of ids.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<Candidate>);

impl Candidates {
    /// Adds the sender of a beacon. If there is no room, a candidate leaves: a random one of the
    /// address that has the most, so that no number of them keeps another address out for ever.
    /// Candidates that do more than send beacons stay longest.
    pub(super) fn add(&mut self, heard: Candidate, rng: &mut Rng) {
        let known = self.0.iter_mut().find(|other| other.id == heard.id);
        if let Some(known) = known {
            known.torrents = known.torrents.max(heard.torrents);
            known.known |= heard.known;
            return;
        }
        self.0.push(heard);
        if self.0.len() > MAX_CANDIDATES {
            let same_address = |one: &Candidate| {
                let same = self.0.iter().filter(|other| other.address == one.address);
                same.count()
            };
            let worth = |(_, one): &(usize, &Candidate)| (one.known, Reverse(same_address(one)));
            let all = self.0.iter().enumerate();
            let least = all.clone().map(|one| worth(&one)).min();
            let leaving = all.filter(|one| Some(worth(one)) == least);
            if let Some((at, _)) = rng.choice(leaving.collect::<Vec<_>>()) {
                self.0.swap_remove(at);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.0.iter()
    }
}

/// The inquiries that were sent to an id.
#[derive(Debug)]
struct Asking {
    id: TrackerId,
    address: IpAddr,
    inquiries: u32,
    last: Time,
}

/// The trackers that were asked lately and afterwards still had more torrents than this node, or
/// claimed so.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<Asking>);

impl Asked {
    /// Notes that a tracker is asked.
    pub(super) fn add(&mut self, now: Time, asked: &Candidate) {
        if let Some(asking) = self.0.iter_mut().find(|asking| asking.id == asked.id) {
            asking.inquiries = asking.inquiries.saturating_add(1);
            asking.last = now;
            return;
        }
        if self.0.len() == MAX_ASKED {
            let oldest = (0..MAX_ASKED).min_by_key(|at| self.0[*at].last);
            oldest.map(|at| self.0.swap_remove(at));
        }
        self.0.push(Asking {
            id: asked.id,
            address: asked.address,
            inquiries: 1,
            last: now,
        });
    }

    /// Forgets the trackers that were last asked long ago.
    pub(super) fn expire(&mut self, now: Time, interval: Duration) {
        let lifetime = interval.saturating_mul(ASKED_INTERVALS);
        self.0.retain(|asking| now.since(asking.last) < lifetime);
    }

    /// Forgets a tracker that has no more torrents than this node.
    pub(super) fn forgive(&mut self, id: TrackerId) {
        self.0.retain(|asking| asking.id != id);
    }

    /// Returns how often any tracker at the address of this one was asked, and how often this one
    /// itself.
    pub(super) fn inquiries(&self, candidate: &Candidate) -> (u32, u32) {
        let of = |is_it: &dyn Fn(&Asking) -> bool| {
            let asked = self.0.iter().filter(|asking| is_it(asking));
            asked.fold(0u32, |sum, asking| sum.saturating_add(asking.inquiries))
        };
        (
            of(&|asking| asking.address == candidate.address),
            of(&|asking| asking.id == candidate.id),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u32, address: u32) -> Candidate {
        Candidate {
            id: TrackerId(number.to_be_bytes()),
            address: address.to_be_bytes().into(),
            torrents: u64::from(number),
            known: false,
        }
    }

    #[test]
    fn no_flood_of_ids_keeps_another_address_out() {
        let mut rng = Rng::with_seed(1);
        let mut candidates = Candidates::default();
        candidates.add(candidate(1, 1), &mut rng);
        for number in 2..10_000 {
            candidates.add(candidate(number, 9), &mut rng);
            assert!(candidates.iter().count() <= MAX_CANDIDATES);
        }
        assert!(candidates.iter().any(|one| *one == candidate(1, 1)));
        assert_eq!(candidates.iter().count(), MAX_CANDIDATES);
    }

    #[test]
    fn no_flood_of_addresses_keeps_a_known_one_out() {
        let mut rng = Rng::with_seed(1);
        let mut candidates = Candidates::default();
        let known = true;
        for number in 1..=3 {
            candidates.add(
                Candidate {
                    known,
                    ..candidate(number, 1)
                },
                &mut rng,
            );
        }
        for number in 4..10_000 {
            candidates.add(candidate(number, number), &mut rng);
        }
        assert_eq!(candidates.iter().filter(|one| one.known).count(), 3);
    }

    #[test]
    fn a_smaller_beacon_under_its_id_takes_nobody_away() {
        let mut rng = Rng::with_seed(1);
        let mut candidates = Candidates::default();
        for torrents in [5, 9, 0] {
            candidates.add(
                Candidate {
                    torrents,
                    ..candidate(1, 1)
                },
                &mut rng,
            );
        }
        assert_eq!(
            candidates
                .iter()
                .map(|one| one.torrents)
                .collect::<Vec<_>>(),
            [9]
        );
    }

    #[test]
    fn who_was_asked_is_remembered_for_a_while_and_boundedly() {
        let interval = Duration::from_secs(60);
        let at = |intervals: u32| Time::START + interval * intervals;
        let mut asked = Asked::default();
        for number in [1, 1, 2] {
            asked.add(at(0), &candidate(number, 9));
        }
        assert_eq!(asked.inquiries(&candidate(1, 9)), (3, 2));
        assert_eq!(asked.inquiries(&candidate(3, 9)), (3, 0));
        assert_eq!(asked.inquiries(&candidate(3, 8)), (0, 0));
        asked.forgive(candidate(1, 9).id);
        assert_eq!(asked.inquiries(&candidate(1, 9)), (1, 0));
        for number in 3..1000 {
            asked.add(at(1), &candidate(number, 100 + number));
            assert!(asked.0.len() <= MAX_ASKED);
        }
        assert_eq!(asked.inquiries(&candidate(2, 9)), (0, 0));
        asked.expire(at(ASKED_INTERVALS), interval);
        assert_eq!(asked.0.len(), MAX_ASKED);
        asked.expire(at(ASKED_INTERVALS + 1), interval);
        assert!(asked.0.is_empty());
    }
}
