//! The receiver of a stream, the origin of its packets, and how each of them arrives.

use std::net::SocketAddr;
use std::time::Duration;

use crate::time::Time;

/// Upper bound for the earlier packets that count as missing when a sender is heard first.
const MAX_MISSED_BEFORE: u32 = 64;

/// Time after its start in which a receiver misses no earlier packets: no other node knew it.
const UNKNOWN_FOR: Duration = Duration::from_secs(1);

/// The way in which a numbered packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Arrival {
    /// It is the next one, or beyond a gap.
    New,
    /// It was missing. It would have arrived at this time.
    Late(Time),
    /// It was heard already, or is lost.
    Known,
    /// Another packet was heard under its number.
    Disputed,
}

/// The receiver, at the moment at which a packet arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    pub(super) now: Time,
    /// The time for which it has listened.
    pub(super) listened: Duration,
}

impl Listener {
    /// Returns whether it has listened since an epoch of this age began, in milliseconds.
    pub(super) fn has_listened(&self, epoch_age: u32) -> bool {
        self.listened >= Duration::from_millis(epoch_age.into())
    }

    /// Returns the number after which packets count as missing, of a sender that is heard first and
    /// has sent packets up to `last`.
    pub(super) fn may_miss_from(&self, last: u32) -> u32 {
        if self.listened < UNKNOWN_FOR {
            return last;
        }
        last.saturating_sub(MAX_MISSED_BEFORE)
    }
}

/// The origin of the packets of a stream: another origin has another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketOrigin {
    /// From any address: a tag proves that a holder of the key sent them.
    Authenticated,
    /// From this address.
    Address(SocketAddr),
}

impl PacketOrigin {
    pub(super) fn is_authenticated(self) -> bool {
        self == Self::Authenticated
    }
}
