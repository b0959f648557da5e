//! The beginning and the end of a run.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use super::engine::{Engine, State};
use super::key_file;
use super::live::Live;
use super::sync::{MutexGuard, thread};
use crate::config::{Auth, Config, is_cluster_name};
use crate::error::SetupError;
use crate::log::Level;
use crate::net::Group;
use crate::time::Time;
use crate::types::TrackerId;

/// How long a stop waits at most.
const STOP_PATIENCE: Duration = Duration::from_millis(150);

/// How long a start waits for the thread of the run before.
const RESTART_PATIENCE: Duration = Duration::from_secs(1);

/// How long the end of a run waits for a lock or a packet that somebody else
/// has. It may be for ever: a signal handler has interrupted him.
const LAST_PATIENCE: Duration = Duration::from_millis(50);

impl Engine {
    /// Joins the group as `config` says. From now on packets wait for us in the
    /// kernel. The key file is read here and never again: a tracker may change its root
    /// directory next, and give up the rights to read it.
    pub fn bind(&self, mut config: Config) -> Result<(), SetupError> {
        let mut state = self.settled()?;
        if state.group.is_some() || state.live.is_some() {
            return Err(SetupError::AlreadyBound);
        }
        state.binding = None;
        if !is_cluster_name(&config.cluster) {
            return Err(SetupError::Field {
                name: "cluster",
                expected: "1 to 255 bytes of UTF-8",
            });
        }
        if let Some(path) = &config.key_file {
            config.keys = Some(key_file::read(path)?);
        }
        state.group = Some(Group::join(&config)?);
        state.log = config.log;
        state.binding = Some(config);
        Ok(())
    }

    /// Speaks as `id` from now on, in the way that `attach` prepares. After a stop
    /// it binds again to what was bound before.
    pub(super) fn begin(
        &self,
        id: TrackerId,
        attach: impl FnOnce(&mut Live) -> io::Result<()>,
    ) -> Result<(), SetupError> {
        let scrape = self.can_scrape();
        let ipv6 = self.host.takes_ipv6();
        let mut state = self.settled()?;
        if state.live.is_some() {
            return Err(SetupError::AlreadyRunning);
        }
        let mut config = state.binding.clone().ok_or(SetupError::NotBound)?;
        let group = match state.group.take() {
            Some(group) => group,
            None => Group::join(&config)?,
        };
        config.scrape &= scrape;
        config.ipv6 &= ipv6;
        let short_buffer = group.short_receive_buffer();
        let mut live = Live::new(self.clock.now(), id, group, &config, state.epoch);
        state.epoch = live.node.epoch().or(state.epoch);
        attach(&mut live).map_err(SetupError::Thread)?;
        if live.speaks() {
            self.told.open();
        } else {
            self.told.close();
        }
        state.live = Some(live);
        drop(state);
        self.say_hello(id, &config, short_buffer);
        Ok(())
    }

    fn say_hello(&self, id: TrackerId, config: &Config, short_buffer: Option<(usize, usize)>) {
        let group = SocketAddrV4::new(config.group, config.port);
        let interface = config.interface;
        let key = match (&config.keys, config.auth) {
            (None, _) => "",
            (Some(_), Auth::Accept) => "; packets without our key are used, and counted",
            (Some(_), Auth::Require) => "; packets without our key are dropped",
        };
        self.log(
            Level::Info,
            format_args!("tracker {id} syncs with group {group} on interface {interface}{key}"),
        );
        // Somebody may have stopped us while the host logged that.
        if let Some((granted, wanted)) = short_buffer
            && let Some(_in_host) = self.run.enter_host()
        {
            self.log(
                Level::Info,
                format_args!(
                    "the kernel grants a receive buffer of {granted} bytes; \
                     net.core.rmem_max={wanted} would make room for longer bursts of packets"
                ),
            );
        }
    }

    /// The state to bind or start on. After a stop it sees that the run before
    /// has ended, and clears it away.
    fn settled(&self) -> Result<MutexGuard<'_, State>, SetupError> {
        loop {
            if self.is_tripped() {
                return Err(SetupError::Tripped);
            }
            if self.run.is_stopping() {
                if !self.run.wait_until_idle(RESTART_PATIENCE) {
                    return Err(SetupError::StillStopping);
                }
                self.clear_away();
            }
            let mut state = self.lock();
            if !self.run.is_stopping() {
                return Ok(state);
            }
            // Somebody else may have started and stopped meanwhile.
            if self.run.is_idle() {
                state.live = None;
                self.told.close();
                state.group = None;
                self.run.reset();
                return Ok(state);
            }
        }
    }

    /// Stops in bounded time. It takes no lock and no memory, so a signal
    /// handler may call it. When it returns no call of the host goes on or begins,
    /// but one that the host itself held up for longer, and the last line of the log.
    /// What was not sent yet is sent, the group left and the memory given back by the
    /// receive thread as it ends; without one by the next call that binds, starts,
    /// processes or closes.
    pub fn stop(&self) {
        self.run.begin_to_stop();
        self.waker.wake();
        if !self.run.wait_until_idle(STOP_PATIENCE) {
            self.run.abandon();
        }
        self.run.wait_for_worker_to_vanish();
    }

    /// Stops, and waits until no call of the host goes on, however long that takes. It
    /// must not be called from inside of such a call.
    pub fn close(&self) {
        self.stop();
        while !self.run.wait_until_idle(RESTART_PATIENCE) {}
        self.clear_away();
    }

    /// The end of a run, by its receive thread.
    pub(super) fn wind_up(&self) {
        let Some(mut live) = self.take_live(|| true) else {
            return;
        };
        self.send_what_is_left(&mut live);
        if !self.run.is_abandoned() {
            self.say_goodbye(live);
        }
    }

    /// The end of a run that has no thread, by whoever comes next, unless somebody has
    /// started again meanwhile.
    pub(super) fn clear_away(&self) {
        let over = || self.run.is_stopping() && self.run.is_idle();
        if let Some(mut live) = self.take_live(over) {
            self.send_what_is_left(&mut live);
            self.say_goodbye(live);
        }
    }

    fn say_goodbye(&self, live: Live) {
        let last = live.stats(self.clock.now());
        drop(live);
        let counters = last.counters.clone();
        let overrun = match last.receive_buffer_errors {
            0 => String::new(),
            errors => {
                format!("; {errors} packets dropped by the kernel, the receive buffer was full")
            }
        };
        self.lock().last = Some(last);
        if !self.is_tripped() {
            self.log(
                Level::Info,
                format_args!("stopped after {counters}{overrun}"),
            );
        }
    }

    fn send_what_is_left(&self, live: &mut Live) {
        if self.is_tripped() {
            return;
        }
        let deadline = self.clock.now() + LAST_PATIENCE;
        // First what waits to be sent, so that there is room for what was told.
        self.send_all(live, deadline);
        live.tell_last(self.clock.now());
        live.node.flush();
        self.send_all(live, deadline);
        live.node.say_last_words(self.clock.now());
        self.send_all(live, deadline);
    }

    fn send_all(&self, live: &mut Live, deadline: Time) {
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
    }

    /// Takes the node out of the engine, once nobody is sending, if the caller `may`. What was
    /// told stays behind if some thread does not leave its lane.
    fn take_live(&self, may: impl Fn() -> bool) -> Option<Live> {
        let deadline = self.clock.now() + LAST_PATIENCE;
        loop {
            let late = self.clock.now() >= deadline;
            if let Some(mut state) = self.state.try_lock()
                && (late || state.live.as_ref().is_none_or(|live| !live.is_sending()))
            {
                if !may() {
                    return None;
                }
                let closed = self.told.try_close();
                if closed || late {
                    let mut live = state.live.take()?;
                    if closed {
                        live.take_last_told(&self.told);
                    }
                    state.last = Some(live.stats(self.clock.now()));
                    return Some(live);
                }
            }
            if late {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
