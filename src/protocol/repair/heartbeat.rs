//! When to say how many packets we have sent, so that the loss of the last one shows.

use std::time::Duration;

use crate::protocol::inbound::KEPT_FOR;
use crate::time::Time;

/// How often as long as the last packet is kept, and so can still be recovered,
const WHILE_KEPT: Duration = Duration::from_secs(1);

/// and afterwards.
const SILENT: Duration = Duration::from_secs(30);

/// How often while packets get lost: somebody has asked us for some
const WHEN_ASKED: Duration = Duration::from_millis(100);

/// within this time.
const NAK_WITHIN: Duration = Duration::from_secs(3);

/// The rhythm of our heartbeats.
#[derive(Debug)]
pub(super) struct Rhythm {
    /// When our last packet left, or we came up.
    spoke: Time,
    last_nak: Option<Time>,
}

impl Rhythm {
    pub(super) fn new(now: Time) -> Self {
        Self {
            spoke: now,
            last_nak: None,
        }
    }

    /// A packet of ours leaves.
    pub(super) fn speaks(&mut self, now: Time) {
        self.spoke = now;
    }

    /// Somebody misses a packet of ours.
    pub(super) fn on_nak(&mut self, now: Time) {
        self.last_nak = Some(now);
    }

    /// Whether packets of ours get lost these days.
    pub(super) fn is_asked(&self, now: Time) -> bool {
        let is_asked = |asked| now.since(asked) < NAK_WITHIN;
        self.last_nak.is_some_and(is_asked)
    }

    /// How long to wait for the next heartbeat.
    pub(super) fn wait(&self, now: Time) -> Duration {
        if self.is_asked(now) {
            WHEN_ASKED
        } else if now.since(self.spoke) < KEPT_FOR {
            WHILE_KEPT
        } else {
            SILENT
        }
    }
}
