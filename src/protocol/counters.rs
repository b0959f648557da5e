//! What a node has done so far.

use crate::reject::Drops;

/// Everything a node counts. Counters only grow; a node starts with zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Announces told by the host.
    pub records_told: u64,
    /// Announces heard from others and handed to the host.
    pub records_heard: u64,
    /// Packets completed for sending.
    pub packets_out: u64,
    /// Datagrams that arrived, used or not.
    pub packets_in: u64,
    /// Packets lost because the network did not take them for too long.
    pub packets_overflowed: u64,
    /// Packets that could not be sent at all.
    pub send_errors: u64,
    /// Datagrams, or tails of some, that were dropped.
    pub drops: Drops,
}
