//! The receive thread: applies what arrives, and does on time what is due.

use std::io;
use std::net::SocketAddrV4;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::engine::{Binding, Engine};
use super::live::Live;
use super::sync::thread;
use crate::error::SetupError;
use crate::log::Level;
use crate::net::{Group, NoSignals, wait};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::MAX_RECEIVED;

/// How long datagrams are applied before we look at what is due.
const TURN: Duration = Duration::from_millis(10);

/// How long the end of the thread waits for a lock or a packet that somebody
/// else has. It may be for ever: a signal handler has interrupted him.
const LAST_PATIENCE: Duration = Duration::from_millis(50);

impl Engine {
    /// Speaks as `id` from now on, and starts the receive thread. After a stop
    /// it binds again to what was bound before.
    pub fn start(self: &Arc<Self>, id: TrackerId) -> Result<(), SetupError> {
        let scrape = self.can_scrape();
        let ipv6 = self.host.takes_ipv6();
        let mut state = self.settled()?;
        if state.live.is_some() {
            return Err(SetupError::AlreadyRunning);
        }
        let Some(Binding {
            mut config,
            interface,
            port,
        }) = state.binding.clone()
        else {
            return Err(SetupError::NotBound);
        };
        let group = match state.group.take() {
            Some(group) => group,
            None => Group::join(&config, interface, port)?,
        };
        config.scrape &= scrape;
        config.ipv6 &= ipv6;
        state.live = Some(Live::new(self.clock.now(), id, group, &config));
        if let Err(e) = spawn(self) {
            state.live = None;
            return Err(SetupError::Thread(e));
        }
        drop(state);
        let group = SocketAddrV4::new(config.group, port);
        self.log(
            Level::Info,
            format_args!("tracker {id} syncs with group {group} on interface {interface}"),
        );
        Ok(())
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
                worker.trip("the receive thread panicked");
            }
            worker.wind_up();
            worker.run.worker_ended();
        })
        .map(drop)
        .inspect_err(|_| engine.run.worker_ended())
}

fn work(engine: &Engine) {
    let mut buffer = vec![0; MAX_RECEIVED];
    while let Some(sleep) = engine.fall_asleep() {
        let readable = [sleep.group.receiver(), engine.waker.waiting_side()];
        let writable = sleep.blocked.then(|| sleep.group.sender());
        let Ok(writable) = wait(readable, writable, sleep.timeout) else {
            return engine.trip("the tracker has closed our sockets");
        };
        engine.wake_up(writable);
        let turn = engine.clock.now() + TURN;
        while !engine.run.is_stopping()
            && engine.receive_one(sleep.group.receiver(), &mut buffer)
            && engine.clock.now() < turn
        {}
        engine.tick();
    }
}

/// What the receive thread waits for.
struct Sleep {
    group: Arc<Group>,
    timeout: Option<Duration>,
    /// Whether it also waits until the network takes packets.
    blocked: bool,
}

impl Engine {
    /// What the receive thread waits for; nothing when it ends.
    fn fall_asleep(&self) -> Option<Sleep> {
        if self.run.is_stopping() {
            return None;
        }
        let mut state = self.lock();
        let live = state.live.as_mut()?;
        let until = live.worker_sleeps();
        Some(Sleep {
            group: live.group.clone(),
            timeout: (until != Time::NEVER).then(|| until.since(self.clock.now())),
            blocked: live.is_blocked(),
        })
    }

    fn wake_up(&self, writable: bool) {
        self.waker.drain();
        let mut state = self.lock();
        let Some(live) = &mut state.live else { return };
        live.worker_wakes(writable);
        let send_error = live.take_send_error();
        drop(state);
        if let Some(e) = send_error {
            self.log(Level::Warn, format_args!("cannot send: {e}"));
        }
    }

    /// Sends what is left, leaves the group, and gives the memory back.
    fn wind_up(&self) {
        let Some(mut live) = self.take_live() else {
            return;
        };
        if self.is_tripped() {
            return;
        }
        live.node.flush();
        let deadline = self.clock.now() + LAST_PATIENCE;
        while let Some(datagram) = live.node.poll_transmit() {
            match live.group.send(datagram.as_ref()) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && self.clock.now() < deadline => {
                    live.node.put_back(datagram);
                    thread::sleep(Duration::from_millis(1));
                }
                Err(_) => live.node.count_send_error(),
            }
        }
        if !self.run.is_abandoned() {
            let counters = live.node.counters();
            self.log(Level::Info, format_args!("stopped after {counters}"));
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
