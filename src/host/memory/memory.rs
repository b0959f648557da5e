//! The table as a host: with a clock and a lock.

use std::fmt;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::limits::Limits;
use super::table::{Counts, Table};
#[cfg(feature = "want_sync_scrape")]
use crate::host::Torrents;
use crate::host::{Host, Usage};
use crate::time::Time;
use crate::types::{Announce, InfoHash, Peer};
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, Merged, Torrent};

/// The clock begins a hundred years after [`Time::START`], as a torrent that another
/// tracker tells of may have been announced before we were there.
pub(super) const BEGIN: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A host that keeps peers and torrents in memory, for a program that has no table of
/// its own: an indexer, a monitor, a test.
///
/// It holds what other trackers tell, and what the program [announces](Self::announce)
/// to it. Peers and torrents leave when they were not announced for their lifetime, and
/// those announced longest ago also when the memory is full: see [`Limits`]. What other trackers
/// tell of torrents never pushes out a peer.
///
/// All methods take one lock, and may be called from any thread. None takes longer in a
/// larger swarm; [`peers`](Self::peers) takes time in proportion to what it returns. Each
/// call removes only some of what has expired, so that none takes long; what is left of it
/// is not shown, but for [`counts`](Self::counts) after a long pause.
///
/// It blesses nobody: who may speak is set by [`Config::allow`](crate::config::Config::allow).
///
/// ```
/// use livesync::{Memory, Announce, InfoHash, Peer, PeerFlags};
/// use livesync::memory::Limits;
///
/// let memory = Memory::new(Limits::default());
/// let info_hash = InfoHash([0xab; 20]);
/// let peer = Peer {
///     ip: [192, 0, 2, 1].into(),
///     port: 6881,
///     flags: PeerFlags::SEEDING,
/// };
/// memory.announce(&Announce { info_hash, peer });
/// assert_eq!(memory.peers(&info_hash, 50), [peer]);
/// assert_eq!(memory.counts(&info_hash).map(|counts| counts.seeders), Some(1));
/// ```
pub struct Memory {
    start: Instant,
    table: Mutex<Table>,
}

impl Memory {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self {
            start: Instant::now(),
            table: Mutex::new(Table::new(&limits)),
        }
    }

    /// Stores a peer that is announced to this program; or removes it, if it has
    /// stopped. An announce with [`COMPLETED`](crate::types::PeerFlags::COMPLETED)
    /// counts as one download, unless the peer has that flag already; it keeps it.
    pub fn announce(&self, announce: &Announce) {
        if announce.peer.is_stopped() {
            self.remove_peer(&announce.info_hash, &announce.peer);
        } else {
            self.add_peer(&announce.info_hash, &announce.peer);
        }
    }

    /// The peers of a swarm: at most `limit` of them, those announced last first. An
    /// address that is IPv4 in IPv6 is returned as IPv4.
    pub fn peers(&self, info_hash: &InfoHash, limit: usize) -> Vec<Peer> {
        self.with_table(|table, now| table.peers(now, info_hash, limit))
    }

    /// How large a swarm is; nothing if the torrent is not known. After a pause in which more
    /// than 1,024 peers of a swarm have expired, and others have not, the rest of them counts
    /// until further calls have removed them.
    pub fn counts(&self, info_hash: &InfoHash) -> Option<Counts> {
        self.with_table(|table, now| table.counts(now, info_hash))
    }

    /// How full it is. What has expired counts until it is removed.
    pub fn usage(&self) -> Usage {
        self.with_table(Table::usage)
    }

    /// The clock is read under the lock, so that the table never sees it run backwards.
    fn with_table<T>(&self, act: impl FnOnce(&mut Table, Time) -> T) -> T {
        let mut table = self.table.lock();
        let now = Time::START + BEGIN + self.start.elapsed();
        act(&mut table, now)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.usage()).finish()
    }
}

impl Host for Memory {
    fn takes_ipv6(&self) -> bool {
        true
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        self.with_table(|table, now| table.add(now, info_hash, peer));
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        self.with_table(|table, now| table.remove(now, info_hash, peer));
    }

    fn usage(&self) -> Option<Usage> {
        Some(self.usage())
    }

    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn Torrents> {
        Some(self)
    }
}

/// There is one bucket. In it, torrents are in the order of their info_hashes.
#[cfg(feature = "want_sync_scrape")]
impl Torrents for Memory {
    fn count(&self) -> u64 {
        self.with_table(Table::count)
    }

    fn walk(&self, cursor: Cursor, limit: usize, told: &mut Vec<Torrent>) -> Option<Cursor> {
        self.with_table(|table, now| table.walk(now, cursor, limit, told))
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        self.with_table(|table, now| table.look_up(now, info_hash))
    }

    fn merge(&self, heard: &Torrent) -> Merged {
        self.with_table(|table, now| table.merge(now, heard))
    }
}
