//! Who listens to a stream, where its packets come from, and what they are.

use std::net::SocketAddr;
use std::time::Duration;

use crate::time::Time;

/// How many earlier packets may be missing when a sender is heard first,
const MAX_BEFORE: u32 = 64;

/// after we have listened for so long: before, nobody knew us yet.
const UNKNOWN: Duration = Duration::from_secs(1);

/// What a packet is to us, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Arrival {
    /// The next one, or beyond a gap.
    New,
    /// One that was missing. It would have arrived then.
    Late(Time),
    /// One that was heard already, or lost.
    Known,
    /// Another one than was heard under this number.
    Disputed,
}

/// The receiver, at the moment at which a packet arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    pub(super) now: Time,
    /// How long it has listened.
    pub(super) listened: Duration,
}

impl Listener {
    /// Whether it has listened since an epoch began that is so old, in milliseconds.
    pub(super) fn has_listened(&self, epoch_age: u32) -> bool {
        self.listened >= Duration::from_millis(epoch_age.into())
    }

    /// The number before which nothing is missing of a sender that is heard first, and has sent
    /// packets up to this one.
    pub(super) fn may_miss_from(&self, last: u32) -> u32 {
        if self.listened < UNKNOWN {
            return last;
        }
        last.saturating_sub(MAX_BEFORE)
    }
}

/// Where the packets of a stream come from: another source has another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From wherever: a tag proves that a member has sent them.
    Authenticated,
    /// From this address.
    Address(SocketAddr),
}
