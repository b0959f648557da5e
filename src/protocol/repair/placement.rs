//! What "latest wins" is told of an announce, and what it says of it.

use crate::protocol::number::Number;
use crate::time::Time;
use crate::types::{Announce, PeerFlags};

/// A packet of announces that was heard.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct ListOrigin {
    /// When it left, or arrived, in milliseconds by our clock.
    pub(in crate::protocol) at: i64,
    /// Its `seq` is 0 if it has no number.
    pub(in crate::protocol) number: Number,
    /// To which of the streams of its sender it belongs: only those of one stream are in the
    /// order of their numbers.
    pub(in crate::protocol) stream: u16,
    /// Its announces are restated.
    pub(in crate::protocol) restated: bool,
    /// It was missing: it may be what its sender has told under another id.
    pub(in crate::protocol) late: bool,
}

/// What is to be done with an announce that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Holds {
    /// To apply it: it is the latest.
    This,
    /// Nothing.
    Nothing,
    /// To apply the latest one, which has these flags.
    Another(PeerFlags),
    /// To apply it, since it counts a download, and then the latest one.
    Both(PeerFlags),
}

impl Holds {
    /// The announces to be applied, in this order.
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

/// An announce of ours, which the others are to know the time of.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Restatement {
    pub(in crate::protocol) made: Time,
    pub(in crate::protocol) announce: Announce,
}

impl Restatement {
    /// How long a packet of it is, as a rule.
    pub(super) const LEN: usize = 63;
}

/// The flags of an announce that was applied before: the download that it completes is counted.
pub(super) fn counted(flags: PeerFlags) -> PeerFlags {
    flags.without(PeerFlags::COMPLETED)
}

pub(super) fn completes(flags: PeerFlags) -> bool {
    flags.contains(PeerFlags::COMPLETED) && !flags.contains(PeerFlags::STOPPED)
}
