//! The receive thread, which applies what arrives and does on time what is due.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::live::EventLoop;
use super::sync::thread;
use super::turn::{Ready, at_most};
use super::wakeup::HOST_FULL_BACKOFF;
use crate::error::SetupError;
use crate::net::{Awaited, Inbox, NoCancel, NoSignals, wait};
use crate::types::TrackerId;
use crate::wire::MAX_RECEIVED;

impl Engine {
    /// Starts the node under the tracker id `id`, with a receive thread.
    ///
    /// # Errors
    /// [`SetupError::NotBound`], [`SetupError::AlreadyRunning`], [`SetupError::Thread`] if no
    /// thread can be made, and after a stop [`SetupError::StillStopping`] and those of
    /// [`bind`](Self::bind).
    pub fn start(self: &Arc<Self>, id: TrackerId) -> Result<(), SetupError> {
        self.begin(id, |_| spawn(self))
    }
}

/// The stack size of the receive thread, in bytes. The host's functions run on that stack, too, so
/// its size must not depend on the environment variable `RUST_MIN_STACK`.
const STACK_SIZE: usize = 2 << 20;

/// Starts the receive thread. It receives none of the application's signals, and a callback that
/// knows the thread cannot cancel it.
fn spawn(engine: &Arc<Engine>) -> io::Result<()> {
    let worker = engine.clone();
    let _no_signals = NoSignals::new();
    engine.run.worker_starts();
    thread::Builder::new()
        .name("livesync".to_owned())
        .stack_size(STACK_SIZE)
        .spawn(move || {
            let _no_cancel = NoCancel::new();
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

/// Switches the engine off after a panic. The host's log function may panic as well.
fn trip(engine: &Engine) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        engine.trip("the receive thread panicked");
    }));
}

fn work(engine: &Engine) {
    let mut inboxes = Vec::new();
    while let Some(sleep) = engine.fall_asleep(EventLoop::Worker) {
        let room = engine.room() > 0;
        inboxes.resize_with(sleep.links.len(), || Inbox::new(MAX_RECEIVED));
        let timeout = match (room, inboxes.iter().all(Inbox::is_empty)) {
            (true, true) => sleep.timeout,
            (true, false) => Some(Duration::ZERO),
            (false, _) => at_most(sleep.timeout, HOST_FULL_BACKOFF),
        };
        let mut awaited = vec![Awaited::to_read(Some(engine.waker.waiting_side()))];
        for at in &sleep.links {
            awaited.push(Awaited::to_read(at.receiver().filter(|_| room)));
            awaited.push(Awaited::to_write(at.blocked_sender()));
        }
        if wait(&mut awaited, timeout).is_err() {
            return engine.trip("the tracker has closed our sockets");
        }
        let ready = Ready::of(&awaited);
        engine.take_turn(&sleep, &ready, &mut inboxes);
    }
}
