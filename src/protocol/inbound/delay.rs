//! The delay of the packets of a stream, by two clocks that need not agree.

use std::time::Duration;

use crate::time::Time;
use crate::wire::Trailer;

/// The shortest delay grows by the time that passes divided by this, so that clocks may drift.
const DRIFT_DIVISOR: i64 = 1000;

/// Upper bound for how much later, by its sender's clock, a packet may have left than the first
/// packet of its stream allows. That clock runs evenly within an epoch, but the first packet may
/// have been held up.
const MAX_AHEAD: Duration = Duration::from_secs(5);

/// The shortest time between departure and arrival; it includes the difference of the two clocks.
#[derive(Debug)]
pub(super) struct Delay {
    /// In nanoseconds.
    shortest: i64,
    /// The time at which the shortest delay was measured.
    found: Time,
    /// True once a numbered packet was measured: only those say exactly when they left.
    measured: bool,
    /// The delay of the first packet, and when that arrived.
    first: (i64, Time),
    /// The time by which the last packet was slower than the fastest.
    lag: Duration,
}

impl Delay {
    /// Creates the delay of a stream from its first packet.
    pub(super) fn new(now: Time, trailer: &Trailer) -> Self {
        let shortest = took(now, trailer);
        Self {
            shortest,
            found: now,
            measured: false,
            first: (shortest, now),
            lag: Duration::ZERO,
        }
    }

    /// Measures a packet that is used. Only a numbered one that is no retransmission says something
    /// about the network.
    pub(super) fn measure(&mut self, now: Time, trailer: &Trailer, retransmitted: bool) {
        let took = took(now, trailer);
        let mut shortest = self.shortest.saturating_add(drift(now, self.found));
        if trailer.seq > 0 && !retransmitted {
            if !std::mem::replace(&mut self.measured, true) || took < shortest {
                shortest = took;
            }
            self.shortest = shortest;
            self.found = now;
        } else if !self.measured && took < shortest {
            shortest = took;
            self.shortest = shortest;
            self.found = now;
        }
        self.lag = Duration::from_nanos((took - shortest).max(0) as u64);
    }

    /// Returns by how much the last packet was slower than the fastest.
    pub(super) fn lag(&self) -> Duration {
        self.lag
    }

    /// Returns by how much a packet was slower than the fastest, which may have arrived since.
    pub(super) fn longer(&self, now: Time, trailer: &Trailer) -> Duration {
        let longer = took(now, trailer).saturating_sub(self.shortest);
        Duration::from_nanos(longer.max(0) as u64)
    }

    /// Returns whether a packet claims to have left in the future: it was that much faster than the
    /// first.
    pub(super) fn is_too_early(&self, now: Time, trailer: &Trailer) -> bool {
        let (first, at) = self.first;
        let first = first.saturating_sub(drift(now, at));
        let ahead = first.saturating_sub(took(now, trailer));
        Duration::from_nanos(ahead.max(0) as u64) > MAX_AHEAD
    }

    /// Returns whether the first packet claimed to have left in the future: this one was that much
    /// slower.
    pub(super) fn began_too_early(&self, now: Time, trailer: &Trailer) -> bool {
        let (first, at) = self.first;
        let behind = took(now, trailer).saturating_sub(first);
        let behind = behind.saturating_sub(drift(now, at));
        Duration::from_nanos(behind.max(0) as u64) > MAX_AHEAD
    }
}

/// Returns by how much two clocks may have drifted apart since then.
fn drift(now: Time, since: Time) -> i64 {
    nanos(now.since(since)) / DRIFT_DIVISOR
}

fn took(now: Time, trailer: &Trailer) -> i64 {
    nanos(now.since(Time::START)) - i64::from(trailer.sent) * 1_000_000
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
