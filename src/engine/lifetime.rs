//! Binding, starting and stopping: the beginning and the end of a run.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use super::engine::{Engine, EngineState};
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

/// How long a stop waits for threads that are inside a call of the host.
const STOP_PATIENCE: Duration = Duration::from_millis(150);

/// How long a stop then waits for the receive thread to send what is left and to end. It is short,
/// because a signal handler that ends the process may have freed the tracker's tables, and then the
/// process may crash meanwhile.
const WORKER_END_PATIENCE: Duration = Duration::from_millis(1);

/// How long a stop waits for the receive thread instead if that is to log its last line.
const LAST_LINE_PATIENCE: Duration = Duration::from_millis(20);

/// How long a start waits for the receive thread of the run before while a callback of the host
/// holds it.
const RESTART_PATIENCE: Duration = Duration::from_secs(1);

/// How long a start waits for a receive thread that only has to send what is left.
const LAST_SEND_PATIENCE: Duration = Duration::from_secs(30);

/// How long the end of a run waits for a lock, for a thread that sends, or for the network. A
/// thread that a signal handler has interrupted may never release what it holds.
const WIND_UP_PATIENCE: Duration = Duration::from_millis(50);

/// How long the end of a run sleeps before it tries the lock again.
const LOCK_NAP: Duration = Duration::from_micros(50);

/// How long the end of a run sleeps before its next attempt to send.
const NETWORK_NAP: Duration = Duration::from_millis(1);

impl Engine {
    /// Joins the group that `config` names. From now on packets wait in the kernel.
    ///
    /// The key file is read here and never again, because the tracker may change its root directory
    /// and give up its rights to read the file before it starts.
    ///
    /// # Errors
    /// [`SetupError::AlreadyBound`] without a stop before; after one
    /// [`SetupError::StillStopping`]; the first setting that [`Config::validate`] refuses, a key
    /// file that cannot be used, a system call that fails; [`SetupError::Tripped`] and
    /// [`SetupError::Forked`].
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

    /// Starts a run under the tracker id `id`, with the event loop that `attach` prepares. After a
    /// stop it first binds again to the last configuration.
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

    /// Logs what an operator should know at the start, unless the run was stopped while the host
    /// logged the line before.
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

    /// Locks the state for a bind or a start. After a stop it first waits for the run to end and
    /// clears it away.
    fn settled(&self) -> Result<MutexGuard<'_, EngineState>, SetupError> {
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
            // Another thread may have started and stopped the engine meanwhile.
            if self.run.is_idle() {
                state.live = None;
                self.queue.close();
                state.links = None;
                self.run.reset();
                return Ok(state);
            }
        }
    }

    /// Stops the run in bounded time.
    ///
    /// It takes no lock, allocates no memory and touches no thread-local variable, so a signal
    /// handler may call it. After it has returned no call of the host begins, and none goes on,
    /// except for calls in which the host itself stays longer than the stop waits, and those that
    /// the current thread is inside of.
    ///
    /// The receive thread sends what is left, leaves the group and frees the memory as it ends; the
    /// stop waits for that only a moment. Without a receive thread the next call that binds,
    /// starts, processes or closes does it. That call also logs the last line if the receive thread
    /// was too late to do so.
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
            // The receive thread may be inside the host to log the last line.
            let left = STOP_PATIENCE.saturating_sub(start.elapsed());
            self.run.wait_for_host(left);
        }
    }

    /// Stops the run and waits, however long it takes, until no thread is inside a call of the host
    /// and the receive thread has ended. It must not be called from inside a call of the host.
    pub fn close(&self) {
        if self.is_forked() {
            return;
        }
        self.stop();
        while !self.run.wait_until_idle(RESTART_PATIENCE) {}
        self.run.wait_for_worker(LAST_LINE_PATIENCE);
        self.clear_away();
    }

    /// Ends a run, on its receive thread.
    pub(super) fn wind_up(&self) {
        // If a callback has forked, the parent's thread ends the run.
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

    /// Ends a run that has no receive thread, on the next thread that calls the engine, unless
    /// another thread has started it again.
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

    /// Keeps the statistics of a run that ends, and returns them.
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
                "packets dropped by the kernel because the receive buffer was full",
            ),
            (
                self.announces_refused.load(SeqCst) as u64,
                "announces refused because the peer has port 0 or address 0",
            ),
            (
                lines_dropped(),
                "lines of the log dropped because standard error did not take them",
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
        // The packets that wait go first, so that the node has room for the announces that wait.
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

    /// Sends a packet if the network takes it before the deadline, and counts an error if not.
    fn send_last(&self, live: &mut Live, link: &dyn Link, packet: &[Transmit], deadline: Time) {
        while let (0, Some(e)) = link.send_batch(packet) {
            if e.kind() != io::ErrorKind::WouldBlock || self.clock.now() >= deadline {
                return live.node.count_send_error();
            }
            nap(NETWORK_NAP);
        }
    }

    /// Takes the node out of the engine, once no thread sends, if `may` still allows it. The
    /// announces that wait are left behind if a thread does not leave its lane in time.
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
