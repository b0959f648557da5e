//! The number of a packet.

use crate::types::TrackerId;

/// Identifies a numbered packet by its sender, the sender's epoch and its number in that epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) id: TrackerId,
    pub(super) epoch: u32,
    /// 0 if the packet has no number.
    pub(super) seq: u32,
}

/// Returns whether one epoch comes before another, in serial number arithmetic.
pub(super) fn is_before(epoch: u32, other: u32) -> bool {
    (epoch.wrapping_sub(other) as i32) < 0
}
