//! The decision whether to inquire, and which tracker.
//!
//! "If a tracker instance receives a beacon from another instance that has more than its torrent
//! count plus a threshold, it inquires for a scrape. It must wait for at least 2 *
//! `LIVESYNC_BEACON_INTERVAL` seconds in order to inspect beacons from all tracker instances and
//! inquire only the one with most torrents."
//!
//! A beacon costs 16 bytes, and its sender may put any number into it. So a tracker that was asked
//! in vain is asked again only after the others.

use std::cmp::Reverse;
use std::time::Duration;

use fastrand::Rng;

use super::super::timers::{Timer, Timers};
use super::candidates::{Asked, Candidate, Candidates};
use crate::config::Config;
use crate::types::TrackerId;

/// The largest number of inquiries in a row. The last one goes to a random tracker, so that no
/// sender of beacons, under whatever ids and addresses, can keep this node from asking others.
const MAX_INQUIRIES: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum InquiryState {
    /// "Needs no inquiry."
    Idle,
    /// A beacon was worth asking, and those of all other trackers are awaited.
    Waiting,
    /// This many inquiries have left, and no tracker tells yet.
    Asked(u32),
}

/// The state of a node's own inquiry.
#[derive(Debug)]
pub(super) struct Inquiry {
    state: InquiryState,
    candidates: Candidates,
    asked: Asked,
    interval: Duration,
    threshold: f64,
    rng: Rng,
}

impl Inquiry {
    pub(super) fn new(config: &Config, rng: Rng) -> Self {
        Self {
            state: InquiryState::Idle,
            candidates: Candidates::default(),
            asked: Asked::default(),
            interval: config.beacon_interval,
            threshold: config.inquire_threshold,
            rng,
        }
    }

    /// Returns whether this node "needs no inquiry".
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, InquiryState::Idle)
    }

    /// Adds the sender of a beacon to the candidates.
    pub(super) fn heard(&mut self, candidate: Candidate) {
        self.candidates.add(candidate, &mut self.rng);
    }

    /// Returns whether the host's torrents must be counted, since a candidate may be worth asking.
    pub(super) fn must_weigh(&self) -> bool {
        self.is_idle() && !self.candidates.is_empty()
    }

    /// Compares the beacons with `known`: the number of torrents that this node knows, or that a
    /// tracker need not be asked for.
    pub(super) fn weigh(&mut self, known: impl Fn(TrackerId) -> u64, timers: &mut Timers) {
        if !self.must_weigh() {
            return;
        }
        let is_worth_asking = |one| self.is_worth_asking(one, &known);
        if self.candidates.iter().any(is_worth_asking) {
            self.state = InquiryState::Waiting;
            return timers.set_after(Timer::Inquire, self.interval.saturating_mul(2));
        }
        for candidate in self.candidates.iter() {
            self.asked.forgive(candidate.id);
        }
        self.candidates.clear();
    }

    /// Returns the tracker to inquire now, if there is one, when the time for the decision has
    /// come.
    pub(super) fn decide(
        &mut self,
        known: impl Fn(TrackerId) -> u64,
        timers: &mut Timers,
    ) -> Option<TrackerId> {
        let inquiries = match self.state {
            InquiryState::Idle => return None,
            InquiryState::Waiting => 0,
            InquiryState::Asked(inquiries) => inquiries,
        };
        self.asked.expire(timers.elapsed(), self.interval);
        let is_worth_asking = |one: &&Candidate| self.is_worth_asking(one, &known);
        let worth: Vec<Candidate> = self
            .candidates
            .iter()
            .filter(is_worth_asking)
            .copied()
            .collect();
        let chosen = match inquiries {
            MAX_INQUIRIES.. => None,
            _ if inquiries + 1 == MAX_INQUIRIES => self.at_random(&worth),
            _ => worth.iter().min_by_key(|one| self.order(one)).copied(),
        };
        let Some(chosen) = chosen else {
            self.state = InquiryState::Idle;
            self.candidates.clear();
            return None;
        };
        self.asked.add(timers.elapsed(), &chosen);
        self.state = InquiryState::Asked(inquiries + 1);
        timers.set_after(Timer::Inquire, self.interval);
        Some(chosen.id)
    }

    /// Gives up the inquiry since another tracker tells: "reset its state to needs no inquiry. It
    /// should be reenabled on the next beacon, if still needed."
    pub(super) fn reset(&mut self, timers: &mut Timers) {
        self.state = InquiryState::Idle;
        self.candidates.clear();
        timers.stop(Timer::Inquire);
    }

    /// Returns a key by which the candidate to ask sorts first: the one whose address, and then
    /// whose id, was asked least lately; of several, "the one with most torrents"; of several, the
    /// lower id.
    fn order(&self, candidate: &Candidate) -> impl Ord + use<> {
        let asked = self.asked.inquiries(candidate);
        (asked, Reverse(candidate.torrents), candidate.id)
    }

    /// Returns a random candidate, preferably of those that do more than send beacons.
    fn at_random(&mut self, worth: &[Candidate]) -> Option<Candidate> {
        let known: Vec<_> = worth.iter().filter(|one| one.known).collect();
        match known.is_empty() {
            true => self.rng.choice(worth).copied(),
            false => self.rng.choice(known).copied(),
        }
    }

    fn is_worth_asking(&self, candidate: &Candidate, known: impl Fn(TrackerId) -> u64) -> bool {
        (known(candidate.id) as f64) < self.threshold * candidate.torrents as f64
    }
}
