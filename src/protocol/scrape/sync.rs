//! Decides whether a node takes part in scrape sync.

use fastrand::Rng;

use super::super::counters::Counters;
use super::super::timers::Timers;
use super::Scrape;
use crate::config::Config;
use crate::types::TrackerId;

/// The scrape sync of a node, if it takes part.
#[derive(Debug)]
pub(in crate::protocol) struct ScrapeSync(Option<Scrape>);

impl ScrapeSync {
    /// Creates the scrape sync of a node that listens and has it enabled. Without their trailers
    /// its packets are at most `longest` bytes long.
    pub(in crate::protocol) fn new(
        id: TrackerId,
        longest: usize,
        rng: &mut Rng,
        config: &Config,
        timers: &mut Timers,
    ) -> Self {
        let takes_part = config.scrape && config.listen;
        Self(takes_part.then(|| Scrape::new(id, longest, rng.fork(), config, timers)))
    }

    /// Sends under another id from now on.
    pub(in crate::protocol) fn rename(&mut self, id: TrackerId) {
        if let Some(scrape) = &mut self.0 {
            scrape.rename(id);
        }
    }

    /// Does what is due.
    pub(in crate::protocol) fn handle_timeout(&mut self, timers: &mut Timers) {
        if let Some(scrape) = &mut self.0 {
            scrape.handle_timeout(timers);
        }
    }

    /// Adds the counters of scrape sync to those of the node.
    pub(in crate::protocol) fn count(&self, counters: &mut Counters) {
        if let Some(scrape) = &self.0 {
            counters.scrape = scrape.counters.clone();
        }
    }

    pub(in crate::protocol) fn part(&self) -> Option<&Scrape> {
        self.0.as_ref()
    }

    pub(in crate::protocol) fn part_mut(&mut self) -> Option<&mut Scrape> {
        self.0.as_mut()
    }
}
