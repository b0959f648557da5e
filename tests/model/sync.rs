//! Replaces `engine::sync`, with the interfaces of parking_lot and of the standard library.

use std::time::Duration;

use super::world::WORLD;
use crate::time::Time;

pub(crate) use shuttle::sync::MutexGuard;

pub(crate) mod thread {
    pub(crate) use shuttle::thread::Builder;
}

#[derive(Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("nobody panics with the lock")
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

#[derive(Debug)]
pub(crate) struct Instant(Time);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(WORLD.clock())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        WORLD.clock().since(self.0)
    }
}

/// Takes no time, but lets other threads run.
pub(crate) fn pause() {
    shuttle::thread::yield_now();
}

pub(crate) fn thread_index() -> usize {
    shuttle::current::me().into()
}
