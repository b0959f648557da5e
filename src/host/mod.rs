//! What we need from a tracker.

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

/// A tracker that takes part in a cluster.
///
/// Every method may be called from the receive thread, and from any thread that
/// calls into the engine, several at once. None is called while a lock of ours
/// is held, so a method may block, and may call back into the engine.
///
/// A method should not panic. If it does, the receive thread switches sync off and says so
/// ([`Livesync::is_tripped`](crate::Livesync::is_tripped)); on the program's own threads the
/// panic goes through [`process`](crate::Livesync::process) or what else was called.
pub trait Host: Send + Sync {
    /// Whether the tracker is up. Once it says no, nothing but
    /// [`log`](Self::log) is called any more.
    fn is_running(&self) -> bool {
        true
    }

    /// Whether packets from this source address may be used, besides those that
    /// the configuration [allows](crate::config::Config::allow). One of IPv4 comes as such, and
    /// not mapped into IPv6. One of IPv6 comes only from a socket of the program's own
    /// ([`receive_from`](crate::Livesync::receive_from)).
    fn is_allowed(&self, source: IpAddr) -> bool {
        let _ = source;
        false
    }

    /// Whether the tracker takes IPv6 peers. It is asked at the start.
    fn takes_ipv6(&self) -> bool {
        false
    }

    /// Another tracker speaks under our id; this is the new one that we have drawn.
    fn new_tracker_id(&self, id: TrackerId) {
        let _ = id;
    }

    /// A peer that announced itself to another tracker. It must not be told to
    /// the others again; a tell that happens meanwhile on the same thread is
    /// taken for that and ignored.
    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer);

    /// A peer that said goodbye to another tracker.
    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer);

    /// All announces of one packet are applied: so many.
    fn packet_applied(&self, records: usize) {
        let _ = records;
    }

    /// How many packets the host takes for now. Those behind them wait, most of them in the
    /// kernel.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// The torrents, if the tracker takes part in scrape sync. Whether it does must
    /// not change while it runs.
    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn Torrents> {
        None
    }

    /// Whether a host without [`torrents`](Self::torrents) takes part in scrape sync all
    /// the same: it polls what it is asked, and answers later. This must not change while
    /// it runs.
    #[cfg(feature = "want_sync_scrape")]
    fn answers_later(&self) -> bool {
        false
    }

    /// Torrents that another tracker told of, for a host that
    /// [answers later](Self::answers_later).
    #[cfg(feature = "want_sync_scrape")]
    fn torrents_heard(&self, torrents: PlausibleTorrents<'_>) {
        let _ = torrents;
    }

    /// What the host's table takes, if it is to show in the statistics.
    fn usage(&self) -> Option<Usage> {
        None
    }

    /// A line for the operator.
    fn log(&self, level: Level, message: &str) {
        log_to_stderr(level, message);
    }
}

/// Writes a log line to standard error. One that is not taken at once, because nobody reads
/// what is there, is dropped and counted.
pub fn log_to_stderr(level: Level, message: &str) {
    // One write, so that the lines of several trackers do not mix.
    log_line(&format!("livesync: {level}: {message}"));
}
