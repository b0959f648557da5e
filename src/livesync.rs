//! The handle by which a program takes part in a cluster.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::engine::{Engine, NodeStats, Stats};
use crate::error::{AnnounceError, NotRunning, SetupError};
use crate::host::Host;
#[cfg(feature = "handles")]
use crate::log::Level;
use crate::metrics;
use crate::net::nap;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::Task;
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, Merged, Torrent};
use crate::types::{InfoHash, Peer, TrackerId};

/// A member of a cluster.
///
/// There are two ways to run it. [`start`](Self::start) starts a thread that does
/// everything on time and calls the [`Host`]:
///
/// ```
/// use std::sync::{Arc, mpsc};
/// use livesync::{Config, Host, InfoHash, Livesync, Peer, PeerFlags, TrackerId};
///
/// struct Tracker(mpsc::Sender<Peer>);
///
/// impl Host for Tracker {
///     fn add_peer(&self, _info_hash: &InfoHash, peer: &Peer) {
///         let _ = self.0.send(*peer);
///     }
///     fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}
/// }
///
/// # let port = 19_000 + (std::process::id() % 500) as u16;
/// let config = Config::on([127, 0, 0, 1])
///     .port(port)
///     .loopback(true)
///     .allow(["127.0.0.1/32".parse()?]);
/// let (to_one, _) = mpsc::channel();
/// let (to_other, heard_by_other) = mpsc::channel();
/// let one = Livesync::open(config.clone(), Arc::new(Tracker(to_one)))?;
/// let other = Livesync::open(config, Arc::new(Tracker(to_other)))?;
/// one.start(TrackerId::random())?;
/// other.start(TrackerId::random())?;
///
/// let peer = Peer { ip: [192, 0, 2, 1].into(), port: 6881, flags: PeerFlags::SEEDING };
/// one.announce(InfoHash([0xab; 20]), peer)?;
/// assert_eq!(heard_by_other.recv()?, peer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`start_polling`](Self::start_polling) leaves that to the program's own event loop:
/// it waits until [`fd`](Self::fd) is readable or
/// [`next_timeout`](Self::next_timeout) is over, and calls [`process`](Self::process).
/// With [`Events`](crate::Events) as host nothing is called back:
///
/// ```
/// use std::sync::Arc;
/// use livesync::{Config, Event, Events, InfoHash, Livesync, Peer, PeerFlags, TrackerId};
///
/// # let port = 19_500 + (std::process::id() % 500) as u16;
/// let config = Config::on([127, 0, 0, 1])
///     .port(port)
///     .loopback(true)
///     .allow(["127.0.0.1/32".parse()?]);
/// let events = Arc::new(Events::default());
/// let one = Livesync::open(config.clone(), Arc::new(Events::default()))?;
/// let other = Livesync::open(config, events.clone())?;
/// one.start_polling(TrackerId::random())?;
/// other.start_polling(TrackerId::random())?;
///
/// let peer = Peer { ip: [192, 0, 2, 1].into(), port: 6881, flags: PeerFlags::SEEDING };
/// one.announce(InfoHash([0xab; 20]), peer)?;
/// let heard = loop {
///     // A real loop waits here, with poll(2) or what it has.
///     one.process()?;
///     other.process()?;
///     if let Some(event) = events.next() {
///         break event;
///     }
/// };
/// assert!(matches!(heard, Event::AddPeer(announce) if announce.peer == peer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All methods may be called from any thread. Handles in one process are independent of
/// each other. Dropped, a handle stops, and waits until the host is not called any more.
///
/// A handle that is started stays with its process: see [`is_forked`](Self::is_forked). One that
/// was only opened may be started in a child instead of in the parent, but not in both, which
/// would share its sockets.
pub struct Livesync {
    engine: Arc<Engine>,
}

impl Livesync {
    /// Joins the group as `config` says. From now on packets wait in the kernel, but
    /// nothing is sent or applied before a start. The environment is not read.
    ///
    /// # Errors
    /// Whatever [`Config::validate`] finds, a key file that cannot be used, or a system call
    /// that fails.
    pub fn open(config: Config, host: Arc<dyn Host>) -> Result<Self, SetupError> {
        let engine = Arc::new(Engine::new(host)?);
        engine.bind(config)?;
        Ok(Self { engine })
    }

    /// After a stop: leaves the group, and joins the one of another configuration.
    pub fn rebind(&self, config: Config) -> Result<(), SetupError> {
        self.engine.bind(config)
    }

    /// Speaks as `id` from now on, which no other tracker of the cluster may have, with
    /// a thread of its own, with a stack of 2 MiB, on which the [`Host`] is called. It takes
    /// no signals, and does not survive a fork. After a stop it starts again.
    pub fn start(&self, id: TrackerId) -> Result<(), SetupError> {
        self.engine.start(id)?;
        Ok(())
    }

    /// Speaks as `id` from now on, without a thread: the program's own loop calls
    /// [`process`](Self::process). On Linux only.
    pub fn start_polling(&self, id: TrackerId) -> Result<(), SetupError> {
        self.engine.start_polling(id)?;
        Ok(())
    }

    /// Tells the others of an announce of a client. It may be called with locks held that
    /// the host takes: it calls nothing back. From inside of a call of the host it does
    /// nothing: the cluster knows already.
    ///
    /// It takes no lock that threads share, and makes no system call, with these exceptions. It
    /// wakes the thread if that sleeps because nothing was announced for a second, and when a burst
    /// begins: 1,024 announces of one thread wait. It sends itself what waits if the thread is held
    /// up by the host for longer than [`flush_after`](Config::flush_after), and in a program that
    /// [polls](Self::start_polling) likewise. And if 16,384 announces of one thread wait, because
    /// more is announced than the network takes, it waits until there is room.
    ///
    /// # Errors
    /// [`AnnounceError::BadPeer`] if the peer is not [reachable](Peer::is_reachable), which is
    /// counted as well; [`AnnounceError::NotRunning`] before a start, after a stop, and if the
    /// configuration says not to [speak](Config::speak).
    pub fn announce(&self, info_hash: InfoHash, peer: Peer) -> Result<(), AnnounceError> {
        self.check(&peer)?;
        Ok(self.engine.announce(info_hash, peer)?)
    }

    /// The same, but that it does not wait for room.
    ///
    /// # Errors
    /// Those of [`announce`](Self::announce), and [`AnnounceError::Full`] if so many announces wait
    /// that there is no room for this one, which was not taken.
    pub fn try_announce(&self, info_hash: InfoHash, peer: Peer) -> Result<(), AnnounceError> {
        self.check(&peer)?;
        match self.engine.try_announce(info_hash, peer)? {
            true => Ok(()),
            false => Err(AnnounceError::Full),
        }
    }

    fn check(&self, peer: &Peer) -> Result<(), AnnounceError> {
        if peer.is_reachable() {
            return Ok(());
        }
        self.engine.refuse();
        Err(AnnounceError::BadPeer)
    }

    /// Does what is due, on this thread, if that is late. The thread, or
    /// [`process`](Self::process), does the same on time.
    pub fn tick(&self) {
        self.engine.tick();
    }

    /// Receives and applies what waits at a socket of the program's, without blocking.
    pub fn receive_from(&self, fd: BorrowedFd<'_>) {
        self.engine.receive_from(fd);
    }

    /// Stops, without taking a lock or memory: a signal handler may call it. It returns
    /// within 1 ms, or 20 ms if the last line is logged, where no call of the host goes on,
    /// and else within 200 ms. No call of the host begins after it has returned, but that
    /// the next [`process`](Self::process), start, or drop may log the last line: always
    /// where there is no thread, and else if the thread has not come to it in time.
    pub fn stop(&self) {
        self.engine.stop();
    }

    /// Stops, and waits until no call of the host goes on. From inside of one it only stops.
    pub fn close(&self) {
        if self.is_delivering_here() {
            self.engine.stop();
        } else {
            self.engine.close();
        }
    }
}

/// In the program's own event loop.
impl Livesync {
    /// A descriptor to wait on: it is readable when there is something to
    /// [`process`](Self::process). It stays the same until the handle is dropped.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, NotRunning> {
        self.engine.fd()
    }

    /// How long [`process`](Self::process) may be put off when the descriptor does not
    /// become readable. To be asked before each wait.
    pub fn next_timeout(&self) -> Result<Option<Duration>, NotRunning> {
        self.engine.next_timeout()
    }

    /// Receives what has arrived, does what is due and sends what is ready, without
    /// blocking, for some 10 ms at most. The host is called from inside of it. To be called
    /// from one thread at a time, and not from inside of a call of the host.
    pub fn process(&self) -> Result<(), NotRunning> {
        self.engine.process()
    }
}

/// Scrape sync of a host that [answers later](Host::answers_later).
#[cfg(feature = "want_sync_scrape")]
impl Livesync {
    /// The next question, to be asked after [`process`](Self::process) and after each
    /// answer. Each question is asked once, and to be answered once.
    pub fn poll_task(&self) -> Option<Task> {
        self.engine.poll_task()
    }

    /// The answer to [`Task::CountTorrents`].
    pub fn torrents_counted(&self, torrents: u64) {
        self.engine.torrents_counted(torrents);
    }

    /// The answer to [`Task::Walk`]: some torrents, and where to go on.
    pub fn torrents_walked(&self, torrents: &[Torrent], next: Option<Cursor>) {
        self.engine.torrents_walked(torrents, next);
    }

    /// The answer to [`Task::LookUp`]: those that are known.
    pub fn torrents_looked_up(&self, torrents: &[Torrent]) {
        self.engine.torrents_looked_up(torrents);
    }

    /// What became of torrents that others told of.
    pub fn torrents_merged(&self, merged: &[(InfoHash, Merged)]) {
        self.engine.torrents_merged(merged);
    }
}

/// What is going on.
impl Livesync {
    /// What was sent, heard and dropped since the last start; nothing before the first.
    pub fn stats(&self) -> Option<Stats> {
        self.engine.stats()
    }

    /// Whether this process was forked since this handle was started, and is not the one that
    /// has started it. There it is not running, cannot be started, and does nothing when it is
    /// dropped but to close its copies of the descriptors.
    pub fn is_forked(&self) -> bool {
        self.engine.is_forked()
    }

    /// Whether a bug of ours has switched this handle off.
    pub fn is_tripped(&self) -> bool {
        self.engine.is_tripped()
    }

    /// The other trackers that were heard in the last hour, the last one first; at most
    /// 256, of which the longest silent one makes room.
    pub fn nodes(&self) -> Vec<NodeStats> {
        self.engine.nodes()
    }

    /// All of this as text in the exposition format of Prometheus.
    pub fn metrics(&self) -> String {
        let config = self.engine.config();
        metrics::text(&config, self.stats().as_ref(), &self.nodes())
    }
}

impl Livesync {
    pub(crate) fn is_delivering_here(&self) -> bool {
        self.engine.is_delivering_here()
    }
}

#[cfg(feature = "handles")]
impl Livesync {
    pub(crate) fn log(&self, level: Level, message: std::fmt::Arguments<'_>) {
        self.engine.log(level, message);
    }

    pub(crate) fn trip(&self, what: &str) {
        self.engine.trip(what);
    }
}

impl Drop for Livesync {
    fn drop(&mut self) {
        if self.is_forked() {
            return self.engine.clone().let_go();
        }
        let in_host = self.is_delivering_here();
        self.close();
        // The host is dropped here and now, and not by the last step of a thread of ours.
        while !in_host && Arc::get_mut(&mut self.engine).is_none() {
            nap(Duration::from_millis(1));
        }
    }
}
