//! Whether to inquire, and whom.
//!
//! "If a tracker instance receives a beacon from another instance that has more
//! than its torrent count plus a threshold, it inquires for a scrape. It must
//! wait for at least 2 * LIVESYNC_BEACON_INTERVAL seconds in order to inspect
//! beacons from all tracker instances and inquire only the one with most
//! torrents."

use std::time::Duration;

use super::super::timers::{Timer, Timers};
use crate::config::Config;
use crate::types::TrackerId;

/// How often a tracker that stays silent is asked.
const INQUIRIES: u32 = 3;

/// A tracker that might be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) id: TrackerId,
    pub(super) torrents: u64,
}

impl Candidate {
    /// "The sender with the most torrents (ties: the lower id)."
    pub(super) fn is_fuller_than(&self, other: &Self) -> bool {
        (other.torrents, self.id) < (self.torrents, other.id)
    }
}

#[derive(Debug)]
enum State {
    /// "Needs no inquiry."
    Idle,
    /// We saw a beacon worth asking, and inspect those of all others.
    Waiting { fullest: Candidate },
    /// We have inquired so many times, and nobody tells yet.
    Asked {
        candidate: Candidate,
        inquiries: u32,
    },
}

/// The state of our own inquiry.
#[derive(Debug)]
pub(super) struct Inquiry {
    state: State,
    interval: Duration,
    threshold: f64,
}

impl Inquiry {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            state: State::Idle,
            interval: config.beacon_interval,
            threshold: config.inquire_threshold,
        }
    }

    /// "Needs no inquiry."
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Weighs a beacon against our own number of torrents.
    pub(super) fn weigh(&mut self, heard: Candidate, torrents: u64, timers: &mut Timers) {
        match self.state {
            State::Idle if self.is_worth_asking(&heard, torrents) => {
                self.state = State::Waiting { fullest: heard };
                timers.set_after(Timer::Inquire, self.interval.saturating_mul(2));
            }
            State::Waiting { fullest }
                if heard.id == fullest.id || heard.is_fuller_than(&fullest) =>
            {
                self.state = State::Waiting { fullest: heard };
            }
            State::Idle | State::Waiting { .. } | State::Asked { .. } => {}
        }
    }

    /// At the decision time: whom to inquire now, if anybody.
    pub(super) fn decide(&mut self, torrents: u64, timers: &mut Timers) -> Option<TrackerId> {
        let (candidate, inquiries) = match self.state {
            State::Idle => return None,
            State::Waiting { fullest } => (fullest, 0),
            State::Asked {
                candidate,
                inquiries,
            } => (candidate, inquiries),
        };
        if inquiries == INQUIRIES || !self.is_worth_asking(&candidate, torrents) {
            self.state = State::Idle;
            return None;
        }
        self.state = State::Asked {
            candidate,
            inquiries: inquiries + 1,
        };
        timers.set_after(Timer::Inquire, self.interval);
        Some(candidate.id)
    }

    /// Somebody tells: "reset its state to needs no inquiry. It should be
    /// reenabled on the next beacon, if still needed."
    pub(super) fn reset(&mut self, timers: &mut Timers) {
        self.state = State::Idle;
        timers.stop(Timer::Inquire);
    }

    fn is_worth_asking(&self, candidate: &Candidate, torrents: u64) -> bool {
        (torrents as f64) < self.threshold * candidate.torrents as f64
    }
}
