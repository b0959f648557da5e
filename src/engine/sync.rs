//! What threads share, wait with and ask for the time. With `--cfg shuttle` it comes
//! from tests/model, which tries the engine under many schedules of its threads.

#[cfg(not(shuttle))]
pub(super) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(super) use std::{sync::atomic, thread, thread_local, time::Instant};

#[cfg(shuttle)]
pub(super) use crate::model::sync::{Instant, Mutex, MutexGuard, thread};
#[cfg(shuttle)]
pub(super) use shuttle::{sync::atomic, thread_local};
