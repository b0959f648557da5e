//! The state of receiving on one link.

use std::time::Duration;

use super::clock::unix_time;
use crate::protocol::Waited;
use crate::time::Time;

/// How long the event loop does not receive from a socket after an error. The socket may look
/// readable all the time, so the loop would spin.
const RECV_ERROR_BACKOFF: Duration = Duration::from_millis(100);

/// The receiving of one link.
#[derive(Debug)]
pub(super) struct Receiving {
    /// The end of the pause after an error.
    paused_until: Option<Time>,
    /// The last time at which the socket is known to have been empty.
    drained: Time,
}

impl Receiving {
    /// Makes the state of a new socket, which is empty.
    pub(super) fn new(now: Time) -> Self {
        Self {
            paused_until: None,
            drained: now,
        }
    }

    /// Notes an error: receiving pauses.
    pub(super) fn note_error(&mut self, now: Time) {
        self.paused_until = Some(now + RECV_ERROR_BACKOFF);
    }

    /// Returns whether receiving pauses after an error.
    pub(super) fn is_paused(&self) -> bool {
        self.paused_until.is_some()
    }

    /// Returns when the pause ends.
    pub(super) fn due(&self) -> Time {
        self.paused_until.unwrap_or(Time::NEVER)
    }

    /// Ends the pause if its time is over, and returns whether it did.
    pub(super) fn resume(&mut self, now: Time) -> bool {
        self.paused_until.take_if(|until| *until <= now).is_some()
    }

    /// Returns how long a datagram has waited in the socket. `stamp` is the wall clock's time at
    /// its arrival, if the kernel reports it. The wall clock may have been set since, so the result
    /// is never longer than the time since the socket was empty.
    pub(super) fn waited(&self, now: Time, stamp: Option<Duration>) -> Waited {
        let most = now.since(self.drained);
        stamp.map_or(Waited::at_most(most), |stamp| {
            Waited::exactly(unix_time().saturating_sub(stamp).min(most))
        })
    }

    /// Notes that the socket is empty.
    pub(super) fn note_drained(&mut self, now: Time) {
        self.drained = now;
    }
}
