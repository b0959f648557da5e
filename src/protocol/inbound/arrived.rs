//! What is known of a packet that is to be used.

use super::listener::Arrival;
use super::nodes::NodeIndex;
use crate::protocol::number::Number;
use crate::types::TrackerId;
use crate::wire::Trailer;

/// What is known of a packet that is to be used.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Arrived {
    pub(in crate::protocol) from: TrackerId,
    pub(in crate::protocol) trailer: Option<Trailer>,
    /// Which packet it is, and how it comes, if it is numbered.
    pub(in crate::protocol) order: Option<(Number, Arrival)>,
    /// Its sender.
    pub(in crate::protocol) node: NodeIndex,
    /// To which of the streams of its sender it belongs, if to any.
    pub(in crate::protocol) stream: Option<usize>,
}
