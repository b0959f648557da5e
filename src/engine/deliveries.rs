//! The order of what our host is handed and what it announces.

use super::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// How often our host was handed the announces of a packet, from 1 on: what it announces now it
/// makes before the next time, and after those before.
pub(super) struct Deliveries(AtomicUsize);

impl Deliveries {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(1))
    }

    /// The number of the time that our host is handed what is heard, now or next.
    pub(super) fn current(&self) -> u32 {
        self.0.load(SeqCst) as u32
    }

    /// Our host was handed it.
    pub(super) fn advance(&self) {
        let next = |last| Some(Self::after(last as u32) as usize);
        let _ = self.0.fetch_update(SeqCst, SeqCst, next);
    }

    /// The number of the time after that: never 0.
    pub(super) fn after(delivery: u32) -> u32 {
        delivery.wrapping_add(1).max(1)
    }
}
