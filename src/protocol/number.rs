//! Which packet of which sender.

use crate::types::TrackerId;

/// Identifies a numbered packet: its sender, the epoch of the sender, and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) id: TrackerId,
    pub(super) epoch: u32,
    /// 0 for a packet without a number.
    pub(super) seq: u32,
}

/// Whether an epoch is before another one, by the arithmetic of serial numbers.
pub(super) fn is_before(epoch: u32, other: u32) -> bool {
    (epoch.wrapping_sub(other) as i32) < 0
}
