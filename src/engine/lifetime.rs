//! The beginning and the end of a run.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use super::engine::{Engine, State};
use super::key_file;
use super::live::Live;
use super::stats::Stats;
use super::sync::Instant;
use super::sync::atomic::Ordering::SeqCst;
use super::sync::{MutexGuard, nap};
use super::wakeup::LOOP_LATE_GRACE;
use crate::config::{Auth, Config};
use crate::error::SetupError;
use crate::log::Level;
use crate::net::{self, Link, lines_dropped};
use crate::protocol::Transmit;
use crate::time::Time;
use crate::types::TrackerId;

/// How long a stop waits for calls of the host that go on.
const STOP_PATIENCE: Duration = Duration::from_millis(150);

/// How long it waits then until the receive thread has sent what is left and ended. A process
/// that ends may crash meanwhile: a signal handler has taken its tables away.
const WORKER_END_PATIENCE: Duration = Duration::from_millis(1);

/// The same, if the operator wants to read the last line of the log.
const LAST_LINE_PATIENCE: Duration = Duration::from_millis(20);

/// How long a start waits for the thread of the run before, if a callback of the host holds it.
const RESTART_PATIENCE: Duration = Duration::from_secs(1);

/// How long it waits for a thread that only has to send what is left.
const LAST_SEND_PATIENCE: Duration = Duration::from_secs(30);

/// How long the end of a run waits for a lock or a packet that somebody else
/// has. It may be for ever: a signal handler has interrupted him.
const WIND_UP_PATIENCE: Duration = Duration::from_millis(50);

/// How long it waits before it looks again.
const LOCK_NAP: Duration = Duration::from_micros(50);
const NETWORK_NAP: Duration = Duration::from_millis(1);

impl Engine {
    /// Joins the group as `config` says. From now on packets wait for us in the
    /// kernel. The key file is read here and never again: a tracker may change its root
    /// directory next, and give up the rights to read it.
    pub fn bind(&self, mut config: Config) -> Result<(), SetupError> {
        let mut state = self.settled()?;
        if state.links.is_some() || state.live.is_some() {
            return Err(SetupError::AlreadyBound);
        }
        state.binding = None;
        config.validate()?;
        if let Some(path) = &config.key_file {
            config.keys = Some(key_file::read(path)?);
        }
        state.links = Some(net::links(&config)?);
        self.set_log_level(config.log);
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
        let links = match state.links.take() {
            Some(links) => links,
            None => net::links(&config)?,
        };
        config.scrape &= scrape;
        config.ipv6 &= ipv6;
        let buffer_hint = links.iter().find_map(|link| link.buffer_hint());
        let send_error = links.iter().find_map(|link| link.send_error());
        self.run.begins();
        self.announces_refused.store(0, SeqCst);
        let mut live = Live::new(
            self.clock.now_and_unix_time(),
            id,
            links,
            self.queue.clone(),
            &config,
            state.epoch,
        );
        state.epoch = live.node.epoch().or(state.epoch);
        if let Err(e) = attach(&mut live) {
            self.run.ends();
            return Err(SetupError::Thread(e));
        }
        if live.speaks() {
            let patience = config.flush_after.saturating_add(LOOP_LATE_GRACE);
            self.queue.open(self.clock.now(), patience);
        } else {
            self.queue.close();
        }
        state.live = Some(live);
        drop(state);
        self.say_hello(id, &config);
        self.give_hints(buffer_hint, send_error);
        Ok(())
    }

    fn say_hello(&self, id: TrackerId, config: &Config) {
        let group = SocketAddr::new(config.group, config.port);
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
    }

    /// Says what an operator should know at the start, unless somebody has stopped us while
    /// the host logged the line before.
    fn give_hints(&self, buffer: Option<String>, send_error: Option<io::Error>) {
        if let Some(line) = buffer {
            self.log_unless_stopping(Level::Info, format_args!("{line}"));
        }
        if let Some(e) = send_error {
            self.warn(format_args!(
                "no packet can leave until the interface is up: {e}"
            ));
        }
    }

    /// The state to bind or start on. After a stop it sees that the run before
    /// has ended, and clears it away.
    fn settled(&self) -> Result<MutexGuard<'_, State>, SetupError> {
        loop {
            if self.is_forked() {
                return Err(SetupError::Forked);
            }
            if self.is_tripped() {
                return Err(SetupError::Tripped);
            }
            if self.run.is_stopping() {
                let is_idle = self.run.wait_until_idle(RESTART_PATIENCE)
                    || self.run.wait_for_host(Duration::ZERO)
                        && self.run.wait_until_idle(LAST_SEND_PATIENCE);
                if !is_idle {
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
                self.queue.close();
                state.links = None;
                self.run.reset();
                return Ok(state);
            }
        }
    }

    /// Stops in bounded time. It takes no lock and no memory, and touches no thread-local
    /// variable, so a signal handler may call it. When it returns no call of the host goes
    /// on or begins, but one that the host itself held up for longer, and those that the
    /// current thread is inside of.
    ///
    /// What was not sent yet is sent, the group left and the memory given back by the
    /// receive thread as it ends, which is waited for a moment; without one by the next call
    /// that binds, starts, processes or closes. That call also logs the last line, if the
    /// receive thread has not come to it in time.
    pub fn stop(&self) {
        if self.is_forked() {
            return;
        }
        let start = Instant::now();
        self.run.begin_to_stop();
        self.waker.wake();
        let patience = match self.logs(Level::Info) {
            true => LAST_LINE_PATIENCE,
            false => WORKER_END_PATIENCE,
        };
        if !self.run.wait_for_host(STOP_PATIENCE) || !self.run.wait_for_worker(patience) {
            self.run.abandon();
            // It may be in the midst of that line.
            let left = STOP_PATIENCE.saturating_sub(start.elapsed());
            self.run.wait_for_host(left);
        }
    }

    /// Stops, and waits until no call of the host goes on and the receive thread has ended,
    /// however long that takes. It must not be called from inside of such a call.
    pub fn close(&self) {
        if self.is_forked() {
            return;
        }
        self.stop();
        while !self.run.wait_until_idle(RESTART_PATIENCE) {}
        self.run.wait_for_worker(LAST_LINE_PATIENCE);
        self.clear_away();
    }

    /// The end of a run, by its receive thread.
    pub(super) fn wind_up(&self) {
        // A callback has forked: the parent's thread does it.
        if self.is_forked() {
            return;
        }
        let Some(mut live) = self.take_live(|| true) else {
            return;
        };
        self.send_what_is_left(&mut live);
        let last = self.note_last(&live);
        match self.run.enter_host_for_last_line() {
            Some(_in_host) => self.say_goodbye(&last),
            None => self.lock().says_goodbye = true,
        }
    }

    /// The end of a run that has no thread, by whoever comes next, unless somebody has
    /// started again meanwhile.
    pub(super) fn clear_away(&self) {
        let over = || self.run.is_stopping() && self.run.is_idle();
        if let Some(mut live) = self.take_live(over) {
            self.send_what_is_left(&mut live);
            let last = self.note_last(&live);
            drop(live);
            self.say_goodbye(&last);
        } else if over() && mem::take(&mut self.lock().says_goodbye) {
            let last = self.lock().last.clone();
            last.iter().for_each(|last| self.say_goodbye(last));
        }
    }

    /// Keeps what was done until the end.
    fn note_last(&self, live: &Live) -> Stats {
        let last = live.stats(self.clock.now());
        self.lock().last = Some(last.clone());
        last
    }

    fn say_goodbye(&self, last: &Stats) {
        let counters = &last.counters;
        let more = [
            (
                last.receive_buffer_errors,
                "packets dropped by the kernel, the receive buffer was full",
            ),
            (
                self.announces_refused.load(SeqCst) as u64,
                "announces not told, of peers with port 0 or address 0",
            ),
            (
                lines_dropped(),
                "lines of the log dropped, standard error did not take them",
            ),
        ];
        let more = more.iter().filter(|(count, _)| *count > 0);
        let more: String = more
            .map(|(count, what)| format!("; {count} {what}"))
            .collect();
        if !self.is_tripped() {
            self.log(Level::Info, format_args!("stopped after {counters}{more}"));
        }
    }

    fn send_what_is_left(&self, live: &mut Live) {
        if self.is_tripped() {
            return;
        }
        let deadline = self.clock.now() + WIND_UP_PATIENCE;
        // First what waits to be sent, so that there is room for what was told.
        self.send_all(live, deadline);
        while live.announce_last(self.clock.now()) {
            self.send_all(live, deadline);
        }
        live.node.flush();
        self.send_all(live, deadline);
        live.node.say_last_words(self.clock.now());
        self.send_all(live, deadline);
    }

    fn send_all(&self, live: &mut Live, deadline: Time) {
        let links: Vec<_> = live.links.iter().cloned().collect();
        loop {
            let mut sent = false;
            for (place, link) in links.iter().enumerate() {
                if let Some(packet) = live.next_transmit(place) {
                    self.send_last(live, &**link, &[packet], deadline);
                    sent = true;
                }
            }
            if !sent {
                return;
            }
        }
    }

    /// Sends a packet, if the network takes it in time.
    fn send_last(&self, live: &mut Live, link: &dyn Link, packet: &[Transmit], deadline: Time) {
        while let (0, Some(e)) = link.send_batch(packet) {
            if e.kind() != io::ErrorKind::WouldBlock || self.clock.now() >= deadline {
                return live.node.count_send_error();
            }
            nap(NETWORK_NAP);
        }
    }

    /// Takes the node out of the engine, once nobody is sending, if the caller `may`. What was
    /// told stays behind if some thread does not leave its lane.
    fn take_live(&self, may: impl Fn() -> bool) -> Option<Live> {
        let deadline = self.clock.now() + WIND_UP_PATIENCE;
        loop {
            let late = self.clock.now() >= deadline;
            if let Some(mut state) = self.state.try_lock()
                && (late || state.live.as_ref().is_none_or(|live| !live.is_sending()))
            {
                if !may() {
                    return None;
                }
                let closed = self.queue.try_close();
                if closed || late {
                    let mut live = state.live.take()?;
                    if closed {
                        live.take_last_announces();
                    }
                    state.last = Some(live.stats(self.clock.now()));
                    self.run.ends();
                    return Some(live);
                }
            }
            if late {
                return None;
            }
            nap(LOCK_NAP);
        }
    }
}
