//! Whether anybody is there: who speaks and hears nobody is warned, once, since a
//! sync that is on proves nothing.

use std::time::Duration;

use super::timers::{Timer, Timers};
use crate::config::Config;

/// Whether we hear others while we speak.
#[derive(Debug)]
pub(super) struct IsolationMonitor {
    /// Nothing for who does not want to know, or cannot.
    isolated_after: Option<Duration>,
    /// How many packets we had sent when somebody was last heard.
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

    /// Somebody else spoke, when we had sent so many packets.
    pub(super) fn heard(&mut self, packets_out: u64, timers: &mut Timers) {
        self.spoken = packets_out;
        self.isolated = false;
        self.wait(timers);
    }

    /// Whether it shows now that nobody is there.
    pub(super) fn becomes_isolated(&mut self, packets_out: u64, timers: &mut Timers) -> bool {
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
