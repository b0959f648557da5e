//! A node of a cluster, with sockets and a host.

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
use super::sync::{Mutex, MutexGuard, let_others_lock, pause};
use super::wakeup::{AnnounceQueue, Next, Refused};
use crate::config::Config;
use crate::error::{NotRunning, SetupError};
use crate::host::Host;
use crate::log::Level;
use crate::net::{Inbox, Link, NoCancel, NoSignals, PollSet, Waker, watch_forks};
use crate::protocol::Transmit;
use crate::types::{Announce, InfoHash, Peer};

/// How many batches are sent before another thread takes its turn: so long a teller is
/// held at most. The event loop takes the rest over.
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
    /// What was announced, and nobody has taken yet.
    pub(super) queue: Arc<AnnounceQueue>,
    pub(super) deliveries: Deliveries,
    /// What the host's own loop waits on, once it has one.
    pub(super) poll_set: OnceCell<PollSet>,
    /// Where it receives to, from each link.
    pub(super) inboxes: Mutex<Vec<Inbox>>,
    tripped: AtomicBool,
    /// How much is logged. It takes no lock: a thread that logs may be in the host.
    pub(super) log_level: AtomicU8,
    /// Announces of peers that nobody can connect to, since the last start.
    pub(super) announces_refused: AtomicUsize,
}

pub(super) struct State {
    /// What was bound last; it is kept for a start after a stop.
    pub(super) binding: Option<Config>,
    /// The links, between bind and start.
    pub(super) links: Option<Vec<Arc<dyn Link>>>,
    /// The node, between start and stop.
    pub(super) live: Option<Live>,
    /// What was done until the last stop.
    pub(super) last: Option<Stats>,
    /// In which epoch the last run began.
    pub(super) epoch: Option<u32>,
    /// The last line of the log is still to be said.
    pub(super) says_goodbye: bool,
}

impl State {
    /// The node that has this link, and where; it may have been stopped meanwhile, and another one
    /// started.
    pub(super) fn live_of(&mut self, link: &Arc<dyn Link>) -> Option<(&mut Live, usize)> {
        let live = self.live.as_mut()?;
        let place = live.links.place(link)?;
        Some((live, place))
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
        watch_forks().map_err(SetupError::Thread)?;
        Ok(Self {
            host,
            clock: Clock::new(),
            state: Mutex::new(State {
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

    /// An announce that the host received from a client. It is copied; the rest
    /// happens on time by itself. It makes no system call and waits for no other thread, unless
    /// the event loop is to be woken, is held up, or cannot keep pace: then it sends itself.
    ///
    /// An announce from inside [`Host::add_peer`] or [`Host::remove_peer`] is one that the
    /// cluster knows already, and is ignored.
    pub fn announce(&self, info_hash: InfoHash, peer: Peer) -> Result<(), NotRunning> {
        while !self.try_announce(info_hash, peer)? {
            if !self.try_to_take_announces() {
                let _no_cancel = NoCancel::new();
                pause();
            }
        }
        Ok(())
    }

    /// The same, unless so many announces wait that there is no room for another one; whether
    /// it was taken.
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
            Err(Refused::Full) => return Ok(false),
            Err(Refused::Closed) => return Err(NotRunning),
        }
        Ok(true)
    }

    /// Counts an announce of a peer that nobody can connect to.
    pub fn refuse(&self) {
        self.announces_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Does what is due, if the event loop is late: it does the same on time. Otherwise it takes no
    /// lock.
    pub fn tick(&self) {
        if !self.run.is_stopping() && self.queue.is_late(self.clock.now()) {
            self.do_at_once();
        }
    }

    /// Does what is due, on a thread of the host's that may call the host.
    pub(super) fn do_at_once(&self) {
        self.do_what_is_due();
        self.do_tasks();
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
        let _awaited = self.run.waits_for_lock();
        self.state.lock()
    }

    /// Does what is due, as far as it does not take the host.
    pub(super) fn do_what_is_due(&self) {
        let mut taken = false;
        loop {
            let mut state = self.lock();
            let Some(live) = &mut state.live else { return };
            if live.do_what_is_due(self.clock.now(), &mut taken) {
                let_others_lock(state);
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

    /// Takes what was announced, since the event loop does not do it in time or there is no room for
    /// more, and sends it; whether there is room now. If somebody else has our lock, or there is no
    /// room in the node, it does nothing.
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
            let_others_lock(state);
            state = self.lock();
        }
        taken
    }

    /// Unlocks the state, and acts on what an input has changed in it.
    pub(super) fn act(&self, mut state: MutexGuard<'_, State>) {
        let Some(live) = &mut state.live else { return };
        live.show_late(self.clock.now());
        let wake = live.must_wake_loop();
        let mut next = live.begin_sending();
        drop(state);
        self.wake_if(wake);
        let _no_cancel = next.is_some().then(NoCancel::new);
        let mut batches = SENT_AT_ONCE;
        while let Some(link) = next {
            next = self.transmit(&link, &mut batches);
        }
    }

    /// Sends on a link what is ready, in order. The caller has [begun](Live::begin_sending) sending
    /// there, so nobody else sends. So many more `batches` are sent at most. On which link to go on,
    /// if this one has all of it.
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

    /// The next packets to send on a link. If there are none sending has ended there, and this is
    /// on which link to go on.
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

    /// Sends some packets; those that are left, if the network takes no more now, or the node was
    /// stopped.
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

    /// These packets wait until the network of a link takes them, or are lost with a node that was
    /// stopped. On which link to go on.
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

    /// Whether the host may be called, by a caller who has no leave for it yet.
    pub(super) fn host_is_up(&self) -> bool {
        let in_host = self.run.enter_host();
        in_host.is_some_and(|_in_host| self.host.is_running())
    }

    /// Whether to go on calling the host.
    pub(super) fn may_call_host(&self) -> bool {
        !self.run.is_stopping() && self.host.is_running()
    }
}
