//! What we know of the socket of a link that is received from.

use std::time::Duration;

use super::clock::unix_time;
use crate::protocol::Waited;
use crate::time::Time;

/// How long the socket is left alone from which nothing can be received: it may look
/// readable all the time.
const DEAF: Duration = Duration::from_millis(100);

/// The receiving of one link.
#[derive(Debug)]
pub(super) struct Receiving {
    /// Until then nothing is received, after an error.
    deaf_until: Option<Time>,
    /// When nothing waited in the socket, as far as we know.
    drained: Time,
}

impl Receiving {
    /// Nothing waits yet.
    pub(super) fn new(now: Time) -> Self {
        Self {
            deaf_until: None,
            drained: now,
        }
    }

    /// Nothing can be received now.
    pub(super) fn failed(&mut self, now: Time) {
        self.deaf_until = Some(now + DEAF);
    }

    /// Whether to leave the socket alone for now.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf_until.is_some()
    }

    /// When to try again.
    pub(super) fn due(&self) -> Time {
        self.deaf_until.unwrap_or(Time::NEVER)
    }

    /// Whether it is time to try again.
    pub(super) fn hears_again(&mut self, now: Time) -> bool {
        self.deaf_until.take_if(|until| *until <= now).is_some()
    }

    /// For how long a datagram has waited that arrived when the clock on the wall showed this, if
    /// the kernel says so. Even if that was set meanwhile, it is not longer than since nothing
    /// waited.
    pub(super) fn waited(&self, now: Time, stamp: Option<Duration>) -> Waited {
        let most = now.since(self.drained);
        stamp.map_or(Waited::at_most(most), |stamp| {
            Waited::exactly(unix_time().saturating_sub(stamp).min(most))
        })
    }

    /// All datagrams that had arrived are heard.
    pub(super) fn note_drained(&mut self, now: Time) {
        self.drained = now;
    }
}
