//! What arrives: whether a packet may be used, who has sent it, and which packets are missing.
//!
//! | question | file |
//! | --- | --- |
//! | May this packet be used? | [`admit`], in the order of its checks |
//! | Does a key prove where it comes from? | [`auth`]; from the future: [`ahead`] |
//! | What is known of its sender? | [`remote`], one per id; all of them: [`nodes`] |
//! | To which stream of its sender does it belong, and was it heard before? | [`streams`], [`stream`] |
//! | What is missing, since when, and when to ask for it? | [`gaps`], [`highest`] |
//! | How late is it? | [`delay`] |
//! | What became of what was missing? | [`tally`] |
//! | Does another node use the id of its sender? | [`objections`], [`fingerprints`] |

mod admit;
mod ahead;
mod arrived;
mod auth;
mod delay;
mod fingerprints;
mod gaps;
mod highest;
mod listener;
mod nodes;
mod objections;
mod remote;
mod stream;
mod streams;
mod tally;

use std::time::Duration;

pub(super) use self::arrived::Arrived;
pub(super) use self::auth::Authentication;
pub(super) use self::listener::Arrival;
pub use self::nodes::MAX_NODES;
pub(super) use self::nodes::Nodes;
pub use self::remote::RemoteStats;
pub(super) use self::stream::Stream;

/// How long packets are kept at most, by their senders and by those that heard them; so
/// long it makes sense to ask for one.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(10);
