//! Without scrape sync nobody takes part in it.

use fastrand::Rng;

use super::counters::Counters;
use super::node::Node;
use super::nodes::Sender;
use super::received::Received;
use super::timers::Timers;
use crate::config::Config;
use crate::reject::Reject;
use crate::types::TrackerId;
use crate::wire::Packet;

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

impl Node {
    pub(super) fn handle_torrents<'a>(
        &mut self,
        _: Sender,
        _: TrackerId,
        _: Packet<'a>,
    ) -> Result<Received<'a>, Reject> {
        Err(Reject::ScrapeUnsupported)
    }
}
