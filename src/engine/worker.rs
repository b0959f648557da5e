//! The receive thread: applies what arrives, and does on time what is due.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::live::Driver;
use super::sync::thread;
use super::turn::{NO_ROOM, at_most};
use crate::error::SetupError;
use crate::net::{Inbox, NoSignals, wait};
use crate::types::TrackerId;
use crate::wire::MAX_RECEIVED;

impl Engine {
    /// Speaks as `id` from now on, and starts the receive thread.
    pub fn start(self: &Arc<Self>, id: TrackerId) -> Result<(), SetupError> {
        self.begin(id, |_| spawn(self))
    }
}

/// Starts the receive thread. It takes none of the host's signals.
fn spawn(engine: &Arc<Engine>) -> io::Result<()> {
    let worker = engine.clone();
    let _no_signals = NoSignals::new();
    engine.run.worker_starts();
    thread::Builder::new()
        .name("livesync".to_owned())
        .spawn(move || {
            worker.run.worker_began();
            if catch_unwind(AssertUnwindSafe(|| work(&worker))).is_err() {
                trip(&worker);
            }
            if catch_unwind(AssertUnwindSafe(|| worker.wind_up())).is_err() {
                trip(&worker);
            }
            worker.run.worker_ended();
        })
        .map(drop)
        .inspect_err(|_| engine.run.worker_ended())
}

/// The host's log may panic, too.
fn trip(engine: &Engine) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        engine.trip("the receive thread panicked");
    }));
}

fn work(engine: &Engine) {
    let mut inbox = Inbox::new(MAX_RECEIVED);
    while let Some(sleep) = engine.fall_asleep(Driver::Thread) {
        let room = engine.room() > 0;
        let receiver = sleep.receiver().filter(|_| room);
        let readable = [receiver, Some(engine.waker.waiting_side())];
        let writable = sleep.group.sender().filter(|_| sleep.blocked);
        let timeout = match (room, inbox.is_empty()) {
            (true, true) => sleep.timeout,
            (true, false) => Some(Duration::ZERO),
            (false, _) => at_most(sleep.timeout, NO_ROOM),
        };
        let Ok(writable) = wait(readable, writable, timeout) else {
            return engine.trip("the tracker has closed our sockets");
        };
        engine.take_turn(&sleep, writable, &mut inbox);
    }
}
