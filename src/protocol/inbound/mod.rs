//! The receiving side: it checks packets, keeps track of their senders, and finds what is missing.
//!
//! | question | file |
//! | --- | --- |
//! | May this packet be used? | [`admit`], in the order of its checks |
//! | Does a key authenticate it? | [`auth`]; packets from the future: [`ahead`] |
//! | What is known of its sender? | [`remote`], one per id; all of them: [`nodes`] |
//! | Which stream of its sender does it belong to, and was it heard before? | [`streams`], [`stream`] |
//! | Which packets are missing, since when, and when is a NAK due? | [`gaps`], [`highest`] |
//! | How late is it? | [`delay`] |
//! | How many missing packets were recovered, and how many are lost? | [`tally`] |
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

/// Upper bound for the time that senders and receivers keep packets, and so for NAKs for them.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(10);
