//! When to say how many packets we have sent, so that the loss of the last one shows.

use std::time::Duration;

use crate::time::Time;

/// How long after the last packet, and then twice as long each time,
const FIRST: Duration = Duration::from_secs(1);

/// up to this.
const LONGEST: Duration = Duration::from_secs(30);

/// How often while packets get lost: somebody has asked us for some
const WHEN_ASKED: Duration = Duration::from_millis(100);

/// within this time.
const ASKED_WITHIN: Duration = Duration::from_secs(3);

/// The rhythm of our heartbeats.
#[derive(Debug)]
pub(super) struct Rhythm {
    wait: Duration,
    asked: Option<Time>,
}

impl Rhythm {
    pub(super) fn new() -> Self {
        Self {
            wait: FIRST,
            asked: None,
        }
    }

    /// Somebody misses a packet of ours.
    pub(super) fn asked(&mut self, now: Time) -> Duration {
        self.asked = Some(now);
        WHEN_ASKED
    }

    /// How long to wait for the first heartbeat, after a packet.
    pub(super) fn after_packet(&mut self, now: Time) -> Duration {
        self.wait = FIRST;
        if self.is_asked(now) {
            WHEN_ASKED
        } else {
            FIRST
        }
    }

    /// How long to wait for the next one, after a heartbeat.
    pub(super) fn after_heartbeat(&mut self, now: Time) -> Duration {
        if self.is_asked(now) {
            return WHEN_ASKED;
        }
        self.wait = (self.wait * 2).min(LONGEST);
        self.wait
    }

    fn is_asked(&self, now: Time) -> bool {
        self.asked
            .is_some_and(|asked| now.since(asked) < ASKED_WITHIN)
    }
}
