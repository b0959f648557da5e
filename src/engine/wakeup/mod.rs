//! Waking the event loop: a thread that announces wakes it only if it would not look in time, and
//! does its work if it is held up.

mod announce_queue;
mod deadline;
mod lanes;
mod pace;
#[expect(clippy::module_inception, reason = "the room is named after it")]
mod wakeup;

pub(super) use self::announce_queue::{AnnounceQueue, Next};
pub(super) use self::lanes::LaneError;
pub(super) use self::pace::LOOP_LATE_GRACE;
pub(super) use self::wakeup::{HOST_FULL_BACKOFF, Wakeup};
