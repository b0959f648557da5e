//! Replaces scrape sync in a build without it.

use fastrand::Rng;

use super::counters::Counters;
use super::timers::Timers;
use crate::config::Config;
use crate::types::TrackerId;

/// The part of a node in scrape sync: none.
#[derive(Debug)]
pub(super) struct ScrapeSync;

impl ScrapeSync {
    pub(super) fn new(_: TrackerId, _: usize, _: &mut Rng, _: &Config, _: &mut Timers) -> Self {
        Self
    }

    pub(super) fn rename(&mut self, _: TrackerId) {}

    pub(super) fn handle_timeout(&mut self, _: &mut Timers) {}

    pub(super) fn count(&self, _: &mut Counters) {}
}
