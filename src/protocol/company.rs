//! Whether anybody is there: who speaks and hears nobody is warned, once, since a
//! sync that is on proves nothing.

use std::time::Duration;

use super::timers::{Timer, Timers};
use crate::config::Config;

/// Whether we hear others while we speak.
#[derive(Debug)]
pub(super) struct Company {
    /// Nothing for who does not want to know, or cannot.
    lonely_after: Option<Duration>,
    /// How many packets we had sent when somebody was last heard.
    spoken: u64,
    lonely: bool,
}

impl Company {
    pub(super) fn new(config: &Config, timers: &mut Timers) -> Self {
        let sociable = config.listen && config.speak && !config.lonely_after.is_zero();
        let lonely_after = sociable.then_some(config.lonely_after);
        let company = Self {
            lonely_after,
            spoken: 0,
            lonely: false,
        };
        company.wait(timers);
        company
    }

    /// Somebody else spoke, when we had sent so many packets.
    pub(super) fn heard(&mut self, packets_out: u64, timers: &mut Timers) {
        self.spoken = packets_out;
        self.lonely = false;
        self.wait(timers);
    }

    /// Whether it shows now that nobody is there.
    pub(super) fn begins_to_be_lonely(&mut self, packets_out: u64, timers: &mut Timers) -> bool {
        if self.lonely || !timers.take_due(Timer::Lonely) {
            return false;
        }
        self.lonely = packets_out > self.spoken;
        if !self.lonely {
            self.wait(timers);
        }
        self.lonely
    }

    fn wait(&self, timers: &mut Timers) {
        if let Some(lonely_after) = self.lonely_after {
            timers.set_after(Timer::Lonely, lonely_after);
        }
    }
}
