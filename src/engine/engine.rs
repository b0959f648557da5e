//! A node of a cluster, with sockets and a host.

use std::fmt;
use std::hint;
use std::io;
use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::clock::Clock;
use super::live::Live;
use super::run::Run;
use super::stats::Stats;
use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::{Mutex, MutexGuard, thread};
use super::told::{Next, Refused, Told};
use crate::config::Config;
use crate::error::{NotRunning, SetupError};
use crate::host::Host;
use crate::log::Level;
use crate::net::{Group, Inbox, NoCancel, NoSignals, PollSet, Waker};
use crate::protocol::Datagram;
use crate::reject::Reject;
use crate::types::{Announce, InfoHash, Peer};

/// How many batches are sent before another thread takes its turn: so long a teller is
/// held at most. The driver takes the rest over.
const SENT_AT_ONCE: usize = if cfg!(shuttle) { 1 } else { 4 };

/// How often a lock is tried before we wait for it.
const TRIES: usize = if cfg!(shuttle) { 1 } else { 100 };

/// The engine: bind, start, tell, stop; and from the start again.
///
/// One mutex covers all of its state. It is held for an input to the protocol, or for
/// some that are short, never while the host is called, and never during a system call
/// but those of binding and starting. The clock is read under it, so that the node
/// never sees it run backwards. All methods may be called from any thread.
pub struct Engine {
    pub(super) host: Arc<dyn Host>,
    pub(super) clock: Clock,
    pub(super) state: Mutex<State>,
    pub(super) run: Run,
    pub(super) waker: Waker,
    pub(super) told: Told,
    /// What the host's own loop waits on, once it has one.
    pub(super) poll_set: OnceCell<PollSet>,
    /// Where it receives to.
    pub(super) inbox: Mutex<Option<Inbox>>,
    tripped: AtomicBool,
}

pub(super) struct State {
    /// What was bound last; it is kept for a start after a stop.
    pub(super) binding: Option<Config>,
    /// The sockets, between bind and start.
    pub(super) group: Option<Group>,
    /// The node, between start and stop.
    pub(super) live: Option<Live>,
    /// What was done until the last stop.
    pub(super) last: Option<Stats>,
    /// In which epoch the last run began.
    pub(super) epoch: Option<u32>,
    pub(super) log: Level,
}

impl State {
    /// The node that speaks through this group; it may have been stopped meanwhile, and
    /// another one started.
    fn live_of(&mut self, group: &Arc<Group>) -> Option<&mut Live> {
        let live = self.live.as_mut();
        live.filter(|live| Arc::ptr_eq(&live.group, group))
    }

    /// Packets of a node that was stopped could not be sent.
    fn lose(&mut self, packets: usize) {
        if let Some(last) = &mut self.last {
            last.counters.send_errors += packets as u64;
        }
    }
}

impl Engine {
    /// An engine for this host, neither bound nor started.
    pub fn new(host: Arc<dyn Host>) -> Result<Self, SetupError> {
        Ok(Self {
            host,
            clock: Clock::new(),
            state: Mutex::new(State {
                binding: None,
                group: None,
                live: None,
                last: None,
                epoch: None,
                log: Config::default().log,
            }),
            run: Run::default(),
            waker: Waker::new().map_err(SetupError::Thread)?,
            told: Told::new(),
            poll_set: OnceCell::new(),
            inbox: Mutex::new(None),
            tripped: AtomicBool::new(false),
        })
    }

    /// An announce that the host received from a client. It is copied; the rest
    /// happens on time by itself.
    ///
    /// A tell from inside [`Host::add_peer`] or [`Host::remove_peer`] is an
    /// announce that the cluster knows already, and is ignored.
    pub fn tell(&self, info_hash: InfoHash, peer: Peer) -> Result<(), NotRunning> {
        if self.run.is_delivering_here() {
            return Ok(());
        }
        if self.run.is_stopping() {
            return Err(NotRunning);
        }
        let announce = Announce { info_hash, peer };
        let next = loop {
            match self.told.push(&self.clock, announce) {
                Ok(next) => break next,
                Err(Refused::Closed) => return Err(NotRunning),
                // More is told than leaves: we send, or wait while somebody else does.
                Err(Refused::Full) => {
                    self.take_told();
                    thread::yield_now();
                    if self.run.is_stopping() {
                        return Err(NotRunning);
                    }
                }
            }
        };
        match next {
            Next::Nothing => {}
            Next::Wake => self.wake_if(true),
            Next::Take => self.take_told(),
        }
        Ok(())
    }

    /// Does what is due. The receive thread does the same on time; who comes
    /// first does it.
    pub fn tick(&self) {
        if !self.run.is_stopping() {
            self.do_what_is_due();
            #[cfg(feature = "want_sync_scrape")]
            self.do_tasks();
        }
    }

    /// Whether this thread is inside of a call of the host on our behalf.
    pub fn is_delivering_here(&self) -> bool {
        self.run.is_delivering_here()
    }

    /// After a bug of ours: does nothing any more, and says so once.
    pub fn trip(&self, what: &str) {
        if !self.tripped.swap(true, Ordering::SeqCst) {
            let _in_host = self.run.enter_host_to_log();
            self.run.begin_to_stop();
            self.waker.wake();
            let message = format!("sync is off from now on: {what}");
            self.host.log(Level::Error, &message);
        }
    }

    /// Whether [`trip`](Self::trip) was called.
    pub fn is_tripped(&self) -> bool {
        self.tripped.load(Ordering::SeqCst)
    }

    /// Locks the state.
    ///
    /// It is hardly ever held for longer than we try here. Waiting adds a destructor to
    /// the thread the first time, and exit(3) runs those: a signal handler that ends the
    /// process must not come in the middle of that.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        for _ in 0..TRIES {
            if let Some(state) = self.state.try_lock() {
                return state;
            }
            hint::spin_loop();
        }
        let _no_signals = NoSignals::new();
        self.state.lock()
    }

    /// Does what is due, as far as it does not take the host.
    pub(super) fn do_what_is_due(&self) {
        let mut state = self.lock();
        let Some(live) = &mut state.live else { return };
        let now = self.clock.now();
        live.take_told(&self.told, now);
        live.node.handle_timeout(now);
        let lonely = live.node.take_lonely();
        self.act(state);
        if lonely {
            self.warn_of_loneliness();
        }
    }

    /// Takes what was told, since nobody else does it in time, and sends it.
    #[cold]
    fn take_told(&self) {
        let mut state = self.lock();
        if let Some(live) = &mut state.live {
            live.take_told(&self.told, self.clock.now());
            self.act(state);
        }
    }

    /// Unlocks the state, and acts on what an input has changed in it.
    pub(super) fn act(&self, mut state: MutexGuard<'_, State>) {
        let Some(live) = &mut state.live else { return };
        let wake = live.must_wake_driver();
        let sender = live.begin_sending();
        drop(state);
        self.wake_if(wake);
        if let Some(group) = sender {
            self.transmit(&group);
        }
    }

    /// Sends what is ready, in order. The caller has
    /// [begun](Live::begin_sending) sending, so nobody else sends.
    fn transmit(&self, group: &Arc<Group>) {
        let _no_cancel = NoCancel::new();
        for _ in 0..SENT_AT_ONCE {
            let mut state = self.lock();
            let batch = state.live_of(group).and_then(Live::next_to_send);
            drop(state);
            if !batch.is_some_and(|batch| self.send(group, batch)) {
                return;
            }
        }
        let mut state = self.lock();
        let wake = state.live_of(group).is_some_and(Live::end_sending);
        drop(state);
        self.wake_if(wake);
    }

    /// Sends some packets; whether to go on.
    fn send(&self, group: &Arc<Group>, mut batch: Vec<Datagram>) -> bool {
        loop {
            let (sent, error) = group.send_batch(&batch);
            let Some(e) = error else { return true };
            batch.drain(..sent);
            let mut state = self.lock();
            let Some(live) = state.live_of(group) else {
                state.lose(batch.len());
                return false;
            };
            if e.kind() == io::ErrorKind::WouldBlock {
                let wake = live.send_later(batch.into_iter());
                drop(state);
                self.wake_if(wake);
                return false;
            }
            live.send_failed(self.clock.now(), e);
            batch.remove(0);
        }
    }

    fn wake_if(&self, wake: bool) {
        if wake {
            let _no_cancel = NoCancel::new();
            self.waker.wake();
        }
    }

    /// "On" proves nothing: somebody should look.
    fn warn_of_loneliness(&self) {
        let state = self.lock();
        let Some(counters) = state.live.as_ref().map(|live| live.node.counters()) else {
            return;
        };
        drop(state);
        let sent = counters.packets_out;
        let from_others = counters.packets_in - counters.drops.of(Reject::OwnPacket);
        let unproven = counters.drops.without_proof();
        match counters.drops.of(Reject::NotBlessed) {
            0 if unproven > 0 => self.warn(format_args!(
                "we speak, and hear nobody who proves to be of our cluster: {sent} packets sent since \
                 the start, {from_others} arrived from others, {unproven} of them without proof. Do \
                 all trackers have this key, this cluster name, and the right time?",
            )),
            0 => self.warn(format_args!(
                "we speak, and hear nobody: {sent} packets sent since the start, {from_others} arrived \
                 from others. Do all trackers use this group, port and network? Does a firewall \
                 drop multicast, or a switch (IGMP snooping without a querier)?",
            )),
            not_blessed => self.warn(format_args!(
                "we speak, and hear nobody who may speak to us: {sent} packets sent since the \
                 start, {from_others} arrived from others, {not_blessed} of them from sources that \
                 are not allowed to speak",
            )),
        }
    }

    /// Whether to go on calling the host.
    pub(super) fn may_call_host(&self) -> bool {
        !self.run.is_stopping() && self.host.is_running()
    }

    #[cfg(not(feature = "want_sync_scrape"))]
    pub(super) fn can_scrape(&self) -> bool {
        false
    }

    /// Logs, unless we are stopping.
    pub(super) fn warn(&self, message: fmt::Arguments<'_>) {
        if let Some(_in_host) = self.run.enter_host() {
            self.log(Level::Warn, message);
        }
    }

    /// It may take its time: until whoever drives us sleeps again, tellers see to it that
    /// what they tell leaves.
    pub(crate) fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        if level <= self.lock().log {
            self.told.is_away(true);
            let _in_host = self.run.enter_host_to_log();
            self.host.log(level, &message.to_string());
        }
    }
}
