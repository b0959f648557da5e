//! When to send a heartbeat, which says how many packets have left, so that receivers notice the
//! loss of the last one.

use std::time::Duration;

use crate::protocol::inbound::KEPT_FOR;
use crate::time::Time;

/// The interval of heartbeats while the last packet is kept and can still be recovered.
const KEPT_INTERVAL: Duration = Duration::from_secs(1);

/// The interval of heartbeats once the last packet is not kept any more.
const IDLE_INTERVAL: Duration = Duration::from_secs(30);

/// The interval of heartbeats while packets of this node get lost.
const LOSS_INTERVAL: Duration = Duration::from_millis(100);

/// For how long after a NAK packets of this node are taken to get lost.
const LOSS_PERIOD: Duration = Duration::from_secs(3);

/// The rhythm of a node's heartbeats.
#[derive(Debug)]
pub(super) struct Rhythm {
    /// When the last packet of this node left, or when the node started.
    last_sent: Time,
    last_nak: Option<Time>,
}

impl Rhythm {
    pub(super) fn new(now: Time) -> Self {
        Self {
            last_sent: now,
            last_nak: None,
        }
    }

    /// Notes that a packet of this node leaves.
    pub(super) fn note_sent(&mut self, now: Time) {
        self.last_sent = now;
    }

    /// Notes a NAK for packets of this node.
    pub(super) fn on_nak(&mut self, now: Time) {
        self.last_nak = Some(now);
    }

    /// Returns whether packets of this node get lost: whether there was a NAK lately.
    pub(super) fn has_loss(&self, now: Time) -> bool {
        let is_recent = |nak| now.since(nak) < LOSS_PERIOD;
        self.last_nak.is_some_and(is_recent)
    }

    /// Returns the wait until the next heartbeat.
    pub(super) fn wait(&self, now: Time) -> Duration {
        if self.has_loss(now) {
            LOSS_INTERVAL
        } else if now.since(self.last_sent) < KEPT_FOR {
            KEPT_INTERVAL
        } else {
            IDLE_INTERVAL
        }
    }
}
