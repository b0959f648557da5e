//! The facts about a packet that has passed all checks.

use super::listener::Arrival;
use super::nodes::NodeIndex;
use crate::protocol::number::Number;
use crate::types::TrackerId;
use crate::wire::Trailer;

/// A packet that has passed all checks.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Arrived {
    pub(in crate::protocol) from: TrackerId,
    pub(in crate::protocol) trailer: Option<Trailer>,
    /// The number of the packet, and how it arrives, if it is numbered.
    pub(in crate::protocol) order: Option<(Number, Arrival)>,
    /// The sender.
    pub(in crate::protocol) node: NodeIndex,
    /// The stream of its sender to which it belongs, if there is one.
    pub(in crate::protocol) stream: Option<usize>,
}
