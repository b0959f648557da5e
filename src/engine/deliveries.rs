//! The order between what the engine hands to the host and what the host announces.

use super::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Counts deliveries to the host, one for each packet, from 1 on.
///
/// An announce carries the number of the current delivery: the host made it before the next
/// delivery and after all earlier ones.
pub(super) struct Deliveries(AtomicUsize);

impl Deliveries {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(1))
    }

    /// Returns the number of the delivery that is going on or comes next.
    pub(super) fn current(&self) -> u32 {
        self.0.load(SeqCst) as u32
    }

    /// Ends the current delivery.
    pub(super) fn advance(&self) {
        let next = |last| Some(Self::after(last as u32) as usize);
        let _ = self.0.fetch_update(SeqCst, SeqCst, next);
    }

    /// Returns the number after `delivery`, which is never 0.
    pub(super) fn after(delivery: u32) -> u32 {
        delivery.wrapping_add(1).max(1)
    }
}
