//! The input and output of the order of announces.

use crate::protocol::number::Number;
use crate::time::Time;
use crate::types::{Announce, PeerFlags};

/// A packet of announces that was heard.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct ListOrigin {
    /// When it left, or else when it arrived, in milliseconds by the clock of this node.
    pub(in crate::protocol) at: i64,
    /// Its number. `seq` is 0 if it has none.
    pub(in crate::protocol) number: Number,
    /// The stream of its sender to which it belongs. Only the packets of one stream are in the
    /// order of their numbers.
    pub(in crate::protocol) stream: u16,
    /// True if its announces are restated.
    pub(in crate::protocol) restated: bool,
    /// True if the packet was missing. Then it may repeat what its sender has announced under
    /// another id.
    pub(in crate::protocol) late: bool,
}

/// The action of the host for a received announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Holds {
    /// Apply it: it is the newest.
    This,
    /// Do nothing.
    Nothing,
    /// Apply the newest one instead, which has these flags.
    Another(PeerFlags),
    /// Apply it, since it counts a download, and then the newest one, which has these flags.
    Both(PeerFlags),
}

impl Holds {
    /// Returns the announces to apply, in this order.
    pub(in crate::protocol) fn of(self, announce: Announce) -> impl Iterator<Item = Announce> {
        let (this, latest) = match self {
            Self::This => (true, None),
            Self::Nothing => (false, None),
            Self::Another(flags) => (false, Some(counted(flags))),
            Self::Both(flags) => (true, Some(flags)),
        };
        let latest = latest.map(|flags| announce.with_flags(flags));
        this.then_some(announce).into_iter().chain(latest)
    }
}

/// An announce of this node, sent once more so that the other nodes know when it was made.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Restatement {
    pub(in crate::protocol) made: Time,
    pub(in crate::protocol) announce: Announce,
}

impl Restatement {
    /// The usual length of a packet with one, in bytes.
    pub(super) const LEN: usize = 63;
}

/// Returns the flags for an announce that was applied before, so that the download that it
/// completes is not counted twice.
pub(super) fn counted(flags: PeerFlags) -> PeerFlags {
    flags.without(PeerFlags::COMPLETED)
}

pub(super) fn completes(flags: PeerFlags) -> bool {
    flags.contains(PeerFlags::COMPLETED) && !flags.contains(PeerFlags::STOPPED)
}
