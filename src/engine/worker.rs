//! The receive thread: applies what arrives, and does on time what is due.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::engine::Engine;
use super::live::Live;
use crate::net::{Group, NoSignals, wait};
use crate::time::Time;
use crate::wire::MAX_RECEIVED;

/// How many datagrams are applied before we look at the time again.
const TURN: usize = 64;

/// How long the end of the thread waits for a lock or a packet that somebody
/// else has. It may be for ever: a signal handler has interrupted him.
const LAST_PATIENCE: Duration = Duration::from_millis(50);

/// Starts the receive thread, which is woken by signals never.
pub(super) fn spawn(engine: &Arc<Engine>) -> io::Result<()> {
    let worker = engine.clone();
    let _no_signals = NoSignals::new();
    engine.run.worker_starts();
    thread::Builder::new()
        .name("livesync".to_owned())
        .spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| work(&worker))).is_err() {
                worker.trip("the receive thread panicked");
            }
            worker.run.worker_ended();
        })
        .map(drop)
        .inspect_err(|_| engine.run.worker_ended())
}

fn work(engine: &Engine) {
    let mut buffer = vec![0; MAX_RECEIVED];
    while let Some((group, timeout, blocked)) = engine.fall_asleep() {
        let waiting = [group.receiver(), engine.waker.waiting_side()];
        wait(waiting, blocked.then(|| group.sender()), timeout);
        engine.wake_up();
        for _ in 0..TURN {
            if engine.run.is_stopping() || !engine.receive_one(group.receiver(), &mut buffer) {
                break;
            }
        }
        engine.tick();
    }
    engine.wind_up();
}

impl Engine {
    /// What the receive thread waits for, and how long; nothing when it ends.
    fn fall_asleep(&self) -> Option<(Arc<Group>, Option<Duration>, bool)> {
        if self.run.is_stopping() {
            return None;
        }
        let mut state = self.state.lock();
        let live = state.live.as_mut()?;
        let until = live.worker_sleeps();
        let timeout = (until != Time::NEVER).then(|| until.since(self.clock.now()));
        Some((live.group.clone(), timeout, live.is_blocked()))
    }

    fn wake_up(&self) {
        self.waker.drain();
        if let Some(live) = &mut self.state.lock().live {
            live.worker_wakes();
        }
    }

    /// Sends what is left, leaves the group, and gives the memory back.
    fn wind_up(&self) {
        let Some(mut live) = self.take_live() else {
            return;
        };
        live.node.flush();
        while let Some(datagram) = live.node.poll_transmit() {
            if live.group.send(datagram.as_ref()).is_err() {
                return;
            }
        }
    }

    /// Takes the node out of the engine, once nobody is sending.
    fn take_live(&self) -> Option<Live> {
        let deadline = self.clock.now() + LAST_PATIENCE;
        loop {
            let late = self.clock.now() >= deadline;
            if let Some(mut state) = self.state.try_lock()
                && (late || state.live.as_ref().is_none_or(|live| !live.is_sending()))
            {
                return state.live.take();
            }
            if late {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
