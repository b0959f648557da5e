//! How long the packets of a stream take, by two clocks that need not agree.

use std::time::Duration;

use crate::time::Time;
use crate::wire::Trailer;

/// The shortest delay grows by this part of the time, so that clocks may run so much apart.
const DRIFT: i64 = 1000;

/// How much later, by the clock of its sender, a packet may have left than the first packet of its
/// stream allows. That clock runs evenly within an epoch; but the first packet may have been held up.
const MAX_AHEAD: Duration = Duration::from_secs(5);

/// The shortest time between sent and arrival: it contains the difference of the two clocks.
#[derive(Debug)]
pub(super) struct Delay {
    /// In nanoseconds.
    shortest: i64,
    /// When it was found.
    found: Time,
    /// Whether a numbered packet has shown it, as only those say exactly when they were
    /// sent.
    measured: bool,
    /// The delay of the first packet, and when it came.
    first: (i64, Time),
    /// How long the last packet took longer than the fastest.
    lag: Duration,
}

impl Delay {
    /// That of the first packet.
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

    /// A packet is used. Only one with a number that was not sent again says something of the
    /// network.
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

    /// How long the last packet took longer than the fastest.
    pub(super) fn lag(&self) -> Duration {
        self.lag
    }

    /// How long a packet took longer than the fastest, which may be one that has come since.
    pub(super) fn longer(&self, now: Time, trailer: &Trailer) -> Duration {
        let longer = took(now, trailer).saturating_sub(self.shortest);
        Duration::from_nanos(longer.max(0) as u64)
    }

    /// Whether a packet says that it left in the future: it was so much faster than the first one.
    pub(super) fn is_too_early(&self, now: Time, trailer: &Trailer) -> bool {
        let (first, at) = self.first;
        let first = first.saturating_sub(drift(now, at));
        let ahead = first.saturating_sub(took(now, trailer));
        Duration::from_nanos(ahead.max(0) as u64) > MAX_AHEAD
    }

    /// Whether it was the first packet that said that it left in the future: this one was so much
    /// slower.
    pub(super) fn began_too_early(&self, now: Time, trailer: &Trailer) -> bool {
        let (first, at) = self.first;
        let behind = took(now, trailer).saturating_sub(first);
        let behind = behind.saturating_sub(drift(now, at));
        Duration::from_nanos(behind.max(0) as u64) > MAX_AHEAD
    }
}

/// By how much two clocks may have run apart since then.
fn drift(now: Time, since: Time) -> i64 {
    nanos(now.since(since)) / DRIFT
}

fn took(now: Time, trailer: &Trailer) -> i64 {
    nanos(now.since(Time::START)) - i64::from(trailer.sent) * 1_000_000
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
