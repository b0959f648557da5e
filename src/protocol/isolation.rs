//! Detects a node that sends and hears no other node. The operator gets one warning, since a sync
//! that is switched on may still reach nobody.

use std::time::Duration;

use super::timers::{Timer, Timers};
use crate::config::Config;

/// Watches whether this node hears others while it sends.
#[derive(Debug)]
pub(super) struct IsolationMonitor {
    /// `None` if the check is switched off, or if the node does not both send and listen.
    isolated_after: Option<Duration>,
    /// The number of packets this node had sent when it last heard another one.
    spoken: u64,
    isolated: bool,
}

impl IsolationMonitor {
    pub(super) fn new(config: &Config, timers: &mut Timers) -> Self {
        let watches = config.listen && config.speak && !config.isolated_after.is_zero();
        let isolated_after = watches.then_some(config.isolated_after);
        let isolation = Self {
            isolated_after,
            spoken: 0,
            isolated: false,
        };
        isolation.wait(timers);
        isolation
    }

    /// Notes that another node was heard, by which time this node had sent `packets_out` packets.
    pub(super) fn heard(&mut self, packets_out: u64, timers: &mut Timers) {
        self.spoken = packets_out;
        self.isolated = false;
        self.wait(timers);
    }

    /// Returns true once this node has sent packets, but heard no other node for `isolated_after`.
    pub(super) fn check_isolated(&mut self, packets_out: u64, timers: &mut Timers) -> bool {
        if self.isolated || !timers.take_due(Timer::Isolated) {
            return false;
        }
        self.isolated = packets_out > self.spoken;
        if !self.isolated {
            self.wait(timers);
        }
        self.isolated
    }

    fn wait(&self, timers: &mut Timers) {
        if let Some(isolated_after) = self.isolated_after {
            timers.set_after(Timer::Isolated, isolated_after);
        }
    }
}
