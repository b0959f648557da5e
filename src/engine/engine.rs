//! The engine: a node of a cluster with its sockets and its host.

use std::hint;
use std::io;
use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::clock::Clock;
use super::deliveries::Deliveries;
use super::live::Live;
use super::run::Run;
use super::stats::Stats;
use super::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use super::sync::{Mutex, MutexGuard, pause};
use super::wakeup::{AnnounceQueue, LaneError, Next};
use crate::config::Config;
use crate::error::{NotRunning, SetupError};
use crate::host::Host;
use crate::log::Level;
use crate::net::{Inbox, Link, NoCancel, NoSignals, PollSet, Waker, watch_forks};
use crate::protocol::Transmit;
use crate::types::{Announce, InfoHash, Peer};

/// How many batches one call sends at most. This bounds the time for which sending delays a thread
/// that announces; the event loop sends the rest.
const SEND_MAX_BATCHES: usize = if cfg!(shuttle) { 1 } else { 4 };

/// How often [`Engine::lock`] tries the lock before it waits for it.
const LOCK_TRIES: usize = if cfg!(shuttle) { 1 } else { 100 };

/// A node of a cluster with its sockets and its host, from bind over start to stop.
///
/// One mutex, the engine lock, covers all of its state. A thread holds it for one input to the
/// protocol, or for a few short ones, but never while it calls the host, and never during a system
/// call other than those of binding and starting. The clock is read under the lock, so that the
/// node never sees it run backwards. All methods may be called from any thread.
///
/// After a stop the engine can be bound and started again.
pub struct Engine {
    pub(super) host: Arc<dyn Host>,
    pub(super) clock: Clock,
    pub(super) state: Mutex<EngineState>,
    pub(super) run: Run,
    pub(super) waker: Waker,
    /// Announces that no thread has taken yet.
    pub(super) queue: Arc<AnnounceQueue>,
    pub(super) deliveries: Deliveries,
    /// The descriptors that the host loop waits on; made by the first start that polls.
    pub(super) poll_set: OnceCell<PollSet>,
    /// Receive buffers of an engine that is polled, one for each link.
    pub(super) inboxes: Mutex<Vec<Inbox>>,
    tripped: AtomicBool,
    /// The level up to which the engine logs. It is atomic, since a thread that logs may be in the
    /// host, where it must not wait for the lock.
    pub(super) log_level: AtomicU8,
    /// Announces of unreachable peers since the last start.
    pub(super) announces_refused: AtomicUsize,
}

/// Everything that the engine lock covers.
pub(super) struct EngineState {
    /// The configuration of the last bind; a start after a stop binds to it again.
    pub(super) binding: Option<Config>,
    /// The links, between bind and start.
    pub(super) links: Option<Vec<Arc<dyn Link>>>,
    /// The node, between start and stop.
    pub(super) live: Option<Live>,
    /// The statistics of the run that ended last.
    pub(super) last: Option<Stats>,
    /// The epoch in which the last run began.
    pub(super) epoch: Option<u32>,
    /// True while the last line of an ended run has not been logged yet.
    pub(super) says_goodbye: bool,
}

impl EngineState {
    /// Returns the running node and the place of this link in it. Returns `None` if that node was
    /// stopped meanwhile, even if another one was started.
    pub(super) fn live_of(&mut self, link: &Arc<dyn Link>) -> Option<(&mut Live, usize)> {
        let live = self.live.as_mut()?;
        let place = live.links.place(link)?;
        Some((live, place))
    }

    /// Counts packets that a node had not sent when it was stopped.
    fn lose(&mut self, packets: usize) {
        if let Some(last) = &mut self.last {
            last.counters.send_errors += packets as u64;
        }
    }
}

impl Engine {
    /// Makes an engine for this host, neither bound nor started.
    ///
    /// # Errors
    /// [`SetupError::Thread`] if the system has no descriptor or no memory left for it.
    pub fn new(host: Arc<dyn Host>) -> Result<Self, SetupError> {
        watch_forks().map_err(SetupError::Thread)?;
        Ok(Self {
            host,
            clock: Clock::new(),
            state: Mutex::new(EngineState {
                binding: None,
                links: None,
                live: None,
                last: None,
                epoch: None,
                says_goodbye: false,
            }),
            run: Run::default(),
            waker: Waker::new().map_err(SetupError::Thread)?,
            queue: Arc::new(AnnounceQueue::new()),
            deliveries: Deliveries::new(),
            poll_set: OnceCell::new(),
            inboxes: Mutex::new(Vec::new()),
            tripped: AtomicBool::new(false),
            log_level: AtomicU8::new(Config::default().log as u8),
            announces_refused: AtomicUsize::new(0),
        })
    }

    /// Takes an announce that the host received from a client.
    ///
    /// The announce is copied, and the event loop sends it on time. The call makes no system call
    /// and waits for no other thread, unless it has to wake the event loop, or the event loop is
    /// held up or cannot keep pace; then this thread sends, and may wait a moment for the engine
    /// lock.
    ///
    /// An announce from inside [`Host::add_peer`] or [`Host::remove_peer`] is ignored, since the
    /// cluster knows it already.
    ///
    /// # Errors
    /// [`NotRunning`] before a start, after a stop, and if the configuration says not to send.
    pub fn announce(&self, info_hash: InfoHash, peer: Peer) -> Result<(), NotRunning> {
        while !self.try_announce(info_hash, peer)? {
            if !self.try_to_take_announces() {
                let _no_cancel = NoCancel::new();
                pause();
            }
        }
        Ok(())
    }

    /// Takes an announce if there is room for it, and returns whether it did.
    ///
    /// # Errors
    /// [`NotRunning`] before a start, after a stop, and if the configuration says not to send.
    pub fn try_announce(&self, info_hash: InfoHash, peer: Peer) -> Result<bool, NotRunning> {
        if self.run.is_delivering_here() {
            return Ok(true);
        }
        if self.run.is_stopping() {
            return Err(NotRunning);
        }
        let announce = Announce { info_hash, peer };
        match (self.queue).push(&self.clock, self.deliveries.current(), announce) {
            Ok(Next::Nothing) => {}
            Ok(Next::Wake) => self.wake_if(true),
            Ok(Next::Take) => {
                self.try_to_take_announces();
            }
            Err(LaneError::Full) => return Ok(false),
            Err(LaneError::Closed) => return Err(NotRunning),
        }
        Ok(true)
    }

    /// Counts an announce of an unreachable peer.
    pub fn refuse(&self) {
        self.announces_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Does the work of the event loop if that is late. Otherwise it takes no lock.
    pub fn tick(&self) {
        if !self.run.is_stopping() && self.queue.is_late(self.clock.now()) {
            self.do_at_once();
        }
    }

    /// Does what is due, including tasks for the host. The caller is a thread of the application
    /// that may call the host.
    pub(super) fn do_at_once(&self) {
        self.do_what_is_due();
        self.do_tasks();
    }

    /// Returns whether the current thread is inside a call that this engine made to the host.
    pub fn is_delivering_here(&self) -> bool {
        self.run.is_delivering_here()
    }

    /// Switches the engine off for good after an internal error, and logs that once.
    pub fn trip(&self, what: &str) {
        if !self.tripped.swap(true, Ordering::SeqCst) {
            let _in_host = self.run.enter_host_to_log();
            self.run.begin_to_stop();
            self.waker.wake();
            let message = format!("sync is off from now on: {what}");
            self.host.log(Level::Error, &message);
        }
    }

    /// Returns whether [`trip`](Self::trip) was called.
    pub fn is_tripped(&self) -> bool {
        self.tripped.load(Ordering::SeqCst)
    }

    /// Locks the state.
    ///
    /// The lock is hardly ever held for longer than the tries take. To wait for it registers a
    /// destructor with the thread the first time, and exit(3) runs those destructors. A signal
    /// handler that ends the process must not interrupt that, so signals are blocked meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, EngineState> {
        for _ in 0..LOCK_TRIES {
            if let Some(state) = self.state.try_lock() {
                return state;
            }
            hint::spin_loop();
        }
        let _no_signals = NoSignals::new();
        let _awaited = self.run.waits_for_lock();
        self.state.lock()
    }

    /// Does what is due, except for what needs the host.
    pub(super) fn do_what_is_due(&self) {
        let mut taken = false;
        loop {
            let mut state = self.lock();
            let Some(live) = &mut state.live else { return };
            if live.do_what_is_due(self.clock.now(), &mut taken) {
                drop(state);
                continue;
            }
            let isolated = live.node.take_isolated();
            self.act(state);
            if isolated {
                self.warn_of_isolation();
            }
            return;
        }
    }

    /// Takes the announces that wait and sends them, because the event loop is late or there is no
    /// room for more. Returns whether there is room now. It does nothing if another thread holds
    /// the engine lock or the node has no room. Between two portions it may wait a moment for the
    /// lock, since what it has handed over must be sent.
    #[cold]
    fn try_to_take_announces(&self) -> bool {
        let Some(mut state) = self.state.try_lock() else {
            return false;
        };
        let _no_cancel = NoCancel::new();
        let mut taken = false;
        while let Some(live) = &mut state.live {
            if !live.take_some(self.clock.now(), false, &mut taken) {
                self.act(state);
                break;
            }
            drop(state);
            state = self.lock();
        }
        taken
    }

    /// Unlocks the state and acts on what an input has changed in it: wakes the event loop and
    /// sends packets.
    pub(super) fn act(&self, mut state: MutexGuard<'_, EngineState>) {
        let Some(live) = &mut state.live else { return };
        live.show_late(self.clock.now());
        let wake = live.must_wake_loop();
        let mut next = live.begin_sending();
        drop(state);
        self.wake_if(wake);
        let _no_cancel = next.is_some().then(NoCancel::new);
        let mut batches = SEND_MAX_BATCHES;
        while let Some(link) = next {
            next = self.transmit(&link, &mut batches);
        }
    }

    /// Sends the packets that are ready for a link, in order, in at most so many more `batches`.
    ///
    /// The caller has [begun](Live::begin_sending) sending on this link, so no other thread sends
    /// on it. Returns the link to go on with, if there is one.
    fn transmit(&self, link: &Arc<dyn Link>, batches: &mut usize) -> Option<Arc<dyn Link>> {
        while *batches > 0 {
            *batches -= 1;
            match self.next_batch(link) {
                Err(next) => return next,
                Ok(batch) => {
                    if let Some(rest) = self.send(link, batch) {
                        return self.send_later(link, rest);
                    }
                }
            }
        }
        let mut state = self.lock();
        let live = state.live_of(link);
        let wake = live.is_some_and(|(live, place)| live.end_sending(place));
        drop(state);
        self.wake_if(wake);
        None
    }

    /// Returns the next packets to send on a link. If there are none, sending has ended on it, and
    /// the error is the link to go on with.
    fn next_batch(&self, link: &Arc<dyn Link>) -> Result<Vec<Transmit>, Option<Arc<dyn Link>>> {
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            let live = state.live_of(link);
            if let Some((live, place)) = live
                && live.next_to_send(place, &mut batch)
            {
                continue;
            }
            if !batch.is_empty() {
                return Ok(batch);
            }
            let live = state.live.as_mut();
            return Err(live.and_then(Live::begin_sending));
        }
    }

    /// Sends packets. Returns those that are left if the network takes no more of them now, or the
    /// node was stopped.
    fn send(&self, link: &Arc<dyn Link>, mut batch: Vec<Transmit>) -> Option<Vec<Transmit>> {
        loop {
            let (sent, error) = link.send_batch(&batch);
            let e = error?;
            batch.drain(..sent);
            if e.kind() == io::ErrorKind::WouldBlock {
                return Some(batch);
            }
            let mut state = self.lock();
            let Some((live, place)) = state.live_of(link) else {
                return Some(batch);
            };
            live.send_failed(place, self.clock.now(), e);
            batch.remove(0);
        }
    }

    /// Keeps packets until the network of a link takes them, or counts them as lost if the node was
    /// stopped. Returns the link to go on with.
    fn send_later(&self, link: &Arc<dyn Link>, batch: Vec<Transmit>) -> Option<Arc<dyn Link>> {
        let mut state = self.lock();
        let Some((live, place)) = state.live_of(link) else {
            state.lose(batch.len());
            return None;
        };
        let wake = live.send_later(place, batch.into_iter());
        let next = live.begin_sending();
        drop(state);
        self.wake_if(wake);
        next
    }

    fn wake_if(&self, wake: bool) {
        if wake {
            let _no_cancel = NoCancel::new();
            self.waker.wake();
        }
    }

    /// Returns whether the host may be called. It is for callers that have not entered the host.
    pub(super) fn host_is_up(&self) -> bool {
        let in_host = self.run.enter_host();
        in_host.is_some_and(|_in_host| self.host.is_running())
    }

    /// Returns whether a caller that has entered the host may call it once more.
    pub(super) fn may_call_host(&self) -> bool {
        !self.run.is_stopping() && self.host.is_running()
    }
}
