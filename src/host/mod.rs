//! The host: the tracker that a node serves, in whichever form it comes.
//!
//! A program implements [`Host`] itself, polls [`Events`], or uses the table of [`Memory`]; a C
//! program passes callbacks, and opentracker is found by its link-time symbols.

use std::net::IpAddr;

use crate::log::Level;
use crate::net::log_line;
use crate::types::{InfoHash, Peer, TrackerId};
#[cfg(feature = "want_sync_scrape")]
use crate::wire::PlausibleTorrents;

#[cfg(feature = "handles")]
#[allow(unsafe_code)]
pub(crate) mod callbacks;
mod events;
pub(crate) mod memory;
#[cfg(feature = "want_sync_live")]
#[allow(unsafe_code)]
pub(crate) mod opentracker;
#[cfg(feature = "want_sync_scrape")]
mod torrents;
mod usage;

#[cfg(feature = "want_sync_scrape")]
pub use torrents::Torrents;

pub use events::{Event, Events};
pub use memory::Memory;
pub use usage::Usage;

/// A tracker that takes part in a cluster: livesync calls it with what other trackers send.
///
/// # Threads
/// The receive thread calls these methods, and so does any thread of the program that calls into
/// [`Livesync`](crate::Livesync); several calls may run at once. livesync holds none of its locks
/// during a call, so a method may block, and may call back into livesync.
///
/// # Panics
/// A method should not panic. If it does on the receive thread, sync is tripped
/// ([`Livesync::is_tripped`](crate::Livesync::is_tripped)) and an error is logged. On a thread of
/// the program, the panic unwinds through [`process`](crate::Livesync::process), or whichever
/// function the program has called.
///
/// # Examples
/// ```
/// use std::sync::Mutex;
///
/// use livesync::{Announce, Host, InfoHash, Peer};
///
/// #[derive(Default)]
/// struct Tracker {
///     peers: Mutex<Vec<Announce>>,
/// }
///
/// impl Host for Tracker {
///     fn add_peer(&self, hash: &InfoHash, peer: &Peer) {
///         self.remove_peer(hash, peer);
///         let (info_hash, peer) = (*hash, *peer);
///         self.peers.lock().unwrap().push(Announce { info_hash, peer });
///     }
///
///     fn remove_peer(&self, hash: &InfoHash, peer: &Peer) {
///         let mut peers = self.peers.lock().unwrap();
///         let place = (*hash, peer.ip, peer.port);
///         peers.retain(|known| (known.info_hash, known.peer.ip, known.peer.port) != place);
///     }
/// }
/// ```
pub trait Host: Send + Sync {
    /// Returns whether the tracker is up. While it returns false, livesync calls no method that
    /// hands over what was heard; it still calls [`log`](Self::log). By default it returns true.
    fn is_running(&self) -> bool {
        true
    }

    /// Returns whether this source address is allowed, besides those that
    /// [`Config::allow`](crate::Config::allow) allows. By default it returns false.
    ///
    /// An IPv4 address is passed as such, never mapped into IPv6. IPv6 addresses come only from
    /// a socket of the program's own ([`receive_from`](crate::Livesync::receive_from)).
    fn is_allowed(&self, source: IpAddr) -> bool {
        let _ = source;
        false
    }

    /// Returns whether the tracker takes IPv6 peers. livesync calls it once, at the start. By
    /// default it returns false.
    fn takes_ipv6(&self) -> bool {
        false
    }

    /// Takes the new id of this node, which it has drawn because another node sends under the old
    /// one, or because the clock was set back. By default it is ignored.
    fn new_tracker_id(&self, id: TrackerId) {
        let _ = id;
    }

    /// Adds a peer that announced itself to another tracker, or renews it.
    ///
    /// The host must not announce it to livesync, since the cluster knows it already. An announce
    /// on the same thread during this call is ignored.
    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer);

    /// Removes a peer that has stopped, as it announced to another tracker.
    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer);

    /// Is called when all announces of a packet are applied; `records` is their number.
    fn packet_applied(&self, records: usize) {
        let _ = records;
    }

    /// Returns how many packets the host can take now. Later ones wait, most of them in the
    /// kernel. By default there is no limit.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// Returns the torrents, if the tracker takes part in scrape sync. Whether it does must not
    /// change while sync is started.
    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn Torrents> {
        None
    }

    /// Returns whether a host without [`torrents`](Self::torrents) takes part in scrape sync by
    /// polling: it fetches questions by [`Livesync::poll_task`](crate::Livesync::poll_task) and
    /// answers later. This must not change while sync is started.
    #[cfg(feature = "want_sync_scrape")]
    fn answers_later(&self) -> bool {
        false
    }

    /// Takes the torrents of a scrape tell, for a host that [answers later](Self::answers_later).
    #[cfg(feature = "want_sync_scrape")]
    fn torrents_heard(&self, torrents: PlausibleTorrents<'_>) {
        let _ = torrents;
    }

    /// Returns the usage of the host's table, if the statistics should contain it.
    fn usage(&self) -> Option<Usage> {
        None
    }

    /// Logs a line for the operator, without line feed. By default it goes to
    /// [standard error](log_to_stderr).
    fn log(&self, level: Level, message: &str) {
        log_to_stderr(level, message);
    }
}

/// Writes a log line to standard error, without blocking.
///
/// If standard error does not take the line at once, for example because it is a full pipe, the
/// line is dropped and counted in
/// [`Stats::log_lines_dropped`](crate::Stats::log_lines_dropped).
pub fn log_to_stderr(level: Level, message: &str) {
    // One write per line, so that the lines of several trackers do not mix.
    log_line(&format!("livesync: {level}: {message}"));
}
