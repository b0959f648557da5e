//! The handle through which a program takes part in a cluster.

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

/// A node of a cluster.
///
/// [`start`](Self::start) runs it on a thread of its own, and
/// [`start_polling`](Self::start_polling) in the event loop of the application. All methods may be
/// called from any thread, but [`process`](Self::process) from one at a time. Handles in one
/// process are independent of each other.
///
/// When a handle is dropped it stops, and waits until no thread is inside a call of the host.
///
/// A started handle belongs to its process and does nothing in a forked child: see
/// [`is_forked`](Self::is_forked). A handle that was only opened may be started in a child instead
/// of the parent, but not in both, which would share its sockets.
///
/// # Examples
/// With a thread, and [`Memory`](crate::Memory) as host, which stores what other trackers announce:
///
/// ```
/// use std::sync::Arc;
/// use std::thread::sleep;
/// use std::time::Duration;
/// use livesync::{Config, InfoHash, Livesync, Memory, Peer, PeerFlags, TrackerId};
/// use livesync::memory::Limits;
///
/// # let port = 19_000 + (std::process::id() % 500) as u16;
/// let config = Config::on([127, 0, 0, 1])
///     .port(port)
///     .loopback(true)
///     .allow(["127.0.0.1/32".parse()?]);
/// let tracker = Livesync::open(config.clone(), Arc::new(Memory::new(Limits::default())))?;
/// let table = Arc::new(Memory::new(Limits::default()));
/// let indexer = Livesync::open(config, table.clone())?;
/// tracker.start(TrackerId::random())?;
/// indexer.start(TrackerId::random())?;
///
/// let torrent = InfoHash([0xab; 20]);
/// let peer = Peer { ip: [192, 0, 2, 1].into(), port: 6881, flags: PeerFlags::SEEDING };
/// tracker.announce(torrent, peer)?;
/// while table.peers(&torrent, 50) != [peer] {
///     sleep(Duration::from_millis(10));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In an event loop, and with [`Events`](crate::Events) as host, which keeps what happens until the
/// loop asks. The loop waits until [`fd`](Self::fd) is readable or
/// [`next_timeout`](Self::next_timeout) is over, and calls [`process`](Self::process):
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
/// let received = loop {
///     // A real loop waits here, with poll(2) or the like.
///     one.process()?;
///     other.process()?;
///     if let Some(event) = events.next() {
///         break event;
///     }
/// };
/// assert!(matches!(received, Event::AddPeer(announce) if announce.peer == peer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Livesync {
    engine: Arc<Engine>,
}

impl Livesync {
    /// Opens the sockets and joins the group that `config` names.
    ///
    /// From now on packets wait in the kernel, but nothing is sent or applied before a start. The
    /// environment is not read.
    ///
    /// # Errors
    /// The first setting that [`Config::validate`] refuses, a key file that cannot be used, or a
    /// system call that fails.
    pub fn open(config: Config, host: Arc<dyn Host>) -> Result<Self, SetupError> {
        let engine = Arc::new(Engine::new(host)?);
        engine.bind(config)?;
        Ok(Self { engine })
    }

    /// Joins the group of another configuration, after a stop.
    ///
    /// # Errors
    /// [`SetupError::AlreadyBound`] without a stop before; [`SetupError::StillStopping`] if the
    /// host holds the receive thread of the last run for more than a second;
    /// [`SetupError::Tripped`] and [`SetupError::Forked`]; and those of [`open`](Self::open).
    pub fn rebind(&self, config: Config) -> Result<(), SetupError> {
        self.engine.bind(config)
    }

    /// Starts the node with a receive thread, on which the [`Host`] is called.
    ///
    /// `id` is the tracker id, which must differ from those of all other trackers of the cluster.
    /// The thread has a stack of 2 MiB, receives no signals, and does not exist in a forked child.
    /// After a stop the handle can be started again.
    ///
    /// # Errors
    /// [`SetupError::AlreadyRunning`] without a stop before; [`SetupError::Thread`] if the system
    /// makes no thread; [`SetupError::NotBound`] after a [`rebind`](Self::rebind) that failed;
    /// after a stop [`SetupError::StillStopping`] if the host holds the receive thread of the last
    /// run for more than a second, and a system call that fails; [`SetupError::Tripped`] and
    /// [`SetupError::Forked`].
    pub fn start(&self, id: TrackerId) -> Result<(), SetupError> {
        self.engine.start(id)?;
        Ok(())
    }

    /// Starts the node without a thread: the application's event loop calls
    /// [`process`](Self::process). This works on Linux only.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), with [`SetupError::Thread`] if the system makes no
    /// descriptor.
    pub fn start_polling(&self, id: TrackerId) -> Result<(), SetupError> {
        self.engine.start_polling(id)?;
        Ok(())
    }

    /// Sends an announce of a client to the other trackers.
    ///
    /// It never calls the host, so it may be called while locks are held that the host takes. From
    /// inside a call of the host it does nothing, since the cluster knows the peer already.
    ///
    /// It takes no lock that threads share and makes no system call, with these exceptions:
    ///
    /// - It wakes the receive thread if that sleeps because nothing was announced for a second, and
    ///   when a burst begins: 1,024 announces of one thread wait.
    /// - It sends the announces that wait if the receive thread, or the event loop that
    ///   [polls](Self::start_polling), is held up for longer than
    ///   [`flush_after`](Config::flush_after).
    /// - It waits for room if 16,384 announces of one thread wait, because more is announced than
    ///   the network takes.
    ///
    /// # Errors
    /// [`AnnounceError::BadPeer`] if the peer is not [reachable](Peer::is_reachable), which is
    /// counted; [`AnnounceError::NotRunning`] before a start, after a stop, and if the
    /// configuration says not to [send](Config::speak).
    pub fn announce(&self, info_hash: InfoHash, peer: Peer) -> Result<(), AnnounceError> {
        self.check(&peer)?;
        Ok(self.engine.announce(info_hash, peer)?)
    }

    /// Sends an announce of a client to the other trackers, but does not wait for room as
    /// [`announce`](Self::announce) does.
    ///
    /// # Errors
    /// Those of [`announce`](Self::announce), and [`AnnounceError::Full`] if there is no room for
    /// the announce, which is not sent then.
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

    /// Does what is due on the calling thread, if the receive thread or the event loop is late.
    ///
    /// Otherwise it takes no lock, so it may be called often.
    ///
    /// # Panics
    /// If a function of the host panics.
    pub fn tick(&self) {
        self.engine.tick();
    }

    /// Receives and applies what waits in a socket of the application, without blocking.
    ///
    /// # Panics
    /// If a function of the host panics.
    pub fn receive_from(&self, fd: BorrowedFd<'_>) {
        self.engine.receive_from(fd);
    }

    /// Stops the node in bounded time; a signal handler may call it.
    ///
    /// It takes no lock and allocates no memory. It returns within 1 ms, or within 20 ms if the
    /// last line is logged; while another thread is inside a call of the host it takes 200 ms at
    /// most.
    ///
    /// After it has returned no call of the host begins, with one exception: the next
    /// [`process`](Self::process), start or drop may log the last line. Without a receive thread it
    /// always does, and with one if the thread was too late to log it.
    pub fn stop(&self) {
        self.engine.stop();
    }

    /// Stops the node and waits until no thread is inside a call of the host. From inside such a
    /// call it only stops.
    pub fn close(&self) {
        if self.is_delivering_here() {
            self.engine.stop();
        } else {
            self.engine.close();
        }
    }
}

/// Methods for the application's event loop, after [`start_polling`](Self::start_polling).
impl Livesync {
    /// Returns a descriptor that is readable when there is something to
    /// [`process`](Self::process). It stays the same until the handle is dropped.
    ///
    /// # Errors
    /// [`NotRunning`] before the first [`start_polling`](Self::start_polling), and in a forked
    /// child.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, NotRunning> {
        self.engine.fd()
    }

    /// Returns how long the event loop may wait for the descriptor before it calls
    /// [`process`](Self::process); `None` is for ever. The loop has to ask before each wait.
    ///
    /// # Errors
    /// [`NotRunning`] unless the handle polls: see [`start_polling`](Self::start_polling).
    pub fn next_timeout(&self) -> Result<Option<Duration>, NotRunning> {
        self.engine.next_timeout()
    }

    /// Receives what has arrived, does what is due and sends what is ready, without blocking, for
    /// some 10 ms at most.
    ///
    /// It calls the host. One thread at a time may call it, and not from inside a call of the host.
    ///
    /// # Errors
    /// [`NotRunning`] unless the handle polls, and from inside a call of any host.
    ///
    /// # Panics
    /// If a function of the host panics.
    pub fn process(&self) -> Result<(), NotRunning> {
        self.engine.process()
    }
}

/// Methods for scrape sync of a host that [answers later](Host::answers_later).
#[cfg(feature = "want_sync_scrape")]
impl Livesync {
    /// Returns the next question to the application.
    ///
    /// The application calls this after each [`process`](Self::process) and each answer. Each
    /// question comes once, and must be answered once.
    pub fn poll_task(&self) -> Option<Task> {
        self.engine.poll_task()
    }

    /// Answers [`Task::CountTorrents`] with the number of torrents.
    pub fn torrents_counted(&self, torrents: u64) {
        self.engine.torrents_counted(torrents);
    }

    /// Answers [`Task::Walk`] with some torrents and the cursor at which to go on; `None` after the
    /// last torrent.
    pub fn torrents_walked(&self, torrents: &[Torrent], next: Option<Cursor>) {
        self.engine.torrents_walked(torrents, next);
    }

    /// Answers [`Task::LookUp`] with those of the torrents that the application knows.
    pub fn torrents_looked_up(&self, torrents: &[Torrent]) {
        self.engine.torrents_looked_up(torrents);
    }

    /// Answers [`Host::torrents_heard`] with the result for each torrent.
    pub fn torrents_merged(&self, merged: &[(InfoHash, Merged)]) {
        self.engine.torrents_merged(merged);
    }
}

/// Methods that report how sync is doing.
impl Livesync {
    /// Returns statistics since the last start; `None` before the first start and in a forked
    /// child.
    pub fn stats(&self) -> Option<Stats> {
        self.engine.stats()
    }

    /// Returns whether this process is a forked child of the one that has started this handle.
    ///
    /// In the child the handle does not run and cannot be started. When it is dropped there, it
    /// only closes its copies of the descriptors.
    pub fn is_forked(&self) -> bool {
        self.engine.is_forked()
    }

    /// Returns whether an internal error has switched this handle off for good.
    pub fn is_tripped(&self) -> bool {
        self.engine.is_tripped()
    }

    /// Returns the other nodes that were heard in the last hour, the one heard last first. There
    /// are 256 at most; a further one replaces the one heard longest ago.
    pub fn nodes(&self) -> Vec<NodeStats> {
        self.engine.nodes()
    }

    /// Returns the statistics and the other nodes in the text format of Prometheus.
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
        // The receive thread may still hold a reference for a moment. Waiting for it makes sure
        // that the host is dropped here and not on that thread.
        while !in_host && Arc::get_mut(&mut self.engine).is_none() {
            nap(Duration::from_millis(1));
        }
    }
}
