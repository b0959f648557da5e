//! The built-in table as a host, with a clock and a lock.

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

/// The clock begins a hundred years after [`Time::START`], because a torrent of a scrape tell may
/// have been announced long before this process started.
pub(super) const BEGIN: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A host that keeps peers and torrents in memory, for a program that has no table of its own,
/// such as an indexer, a monitor or a test.
///
/// It contains the announces and scrape tells of other trackers, and what the program
/// [announces](Self::announce) to it. Peers and torrents are removed at the end of their lifetime,
/// and the oldest ones also when the memory is full: see [`Limits`]. Scrape tells never displace a
/// peer.
///
/// The table allows no source address by itself: set [`Config::allow`](crate::Config::allow).
///
/// # Threads and cost
/// Any thread may call the methods, which all take one lock. The time that a call takes grows
/// with the logarithm of the size of the table only, and for [`peers`](Self::peers) with the
/// number of peers that it returns. Each call removes a bounded number of expired entries. The
/// remaining ones are not shown, except by [`counts`](Self::counts) after a long pause and by
/// [`usage`](Self::usage).
///
/// # Examples
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
    /// Creates an empty table with these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            start: Instant::now(),
            table: Mutex::new(Table::new(&limits)),
        }
    }

    /// Stores or renews a peer that has announced itself to this program, or removes it if it has
    /// stopped.
    ///
    /// An announce with [`PeerFlags::COMPLETED`](crate::PeerFlags::COMPLETED) counts as one
    /// download, unless the stored peer has this flag already, which it keeps. This method does not
    /// announce the peer to the cluster: that is what
    /// [`Livesync::announce`](crate::Livesync::announce) does.
    pub fn announce(&self, announce: &Announce) {
        if announce.peer.is_stopped() {
            self.remove_peer(&announce.info_hash, &announce.peer);
        } else {
            self.add_peer(&announce.info_hash, &announce.peer);
        }
    }

    /// Returns at most `limit` peers of a swarm, those with the latest announces first. Addresses
    /// that were mapped into IPv6 are returned as IPv4.
    pub fn peers(&self, info_hash: &InfoHash, limit: usize) -> Vec<Peer> {
        self.with_table(|table, now| table.peers(now, info_hash, limit))
    }

    /// Returns the counts of a swarm, or nothing if the torrent is not known.
    ///
    /// If more than 1,024 peers of a swarm have expired during a pause without calls, and other
    /// peers of it have not, the expired peers beyond 1,024 still count until further calls have
    /// removed them.
    pub fn counts(&self, info_hash: &InfoHash) -> Option<Counts> {
        self.with_table(|table, now| table.counts(now, info_hash))
    }

    /// Returns how full the table is. Expired entries count until a call has removed them.
    pub fn usage(&self) -> Usage {
        self.with_table(Table::usage)
    }

    /// Calls `act` with the table and the time. The clock is read under the lock, so that the table
    /// never sees time run backwards.
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

/// The table has one bucket, with the torrents in the order of their info hashes.
#[cfg(feature = "want_sync_scrape")]
impl Torrents for Memory {
    fn count(&self) -> u64 {
        self.with_table(Table::count)
    }

    fn walk(&self, cursor: Cursor, limit: usize, found: &mut Vec<Torrent>) -> Option<Cursor> {
        self.with_table(|table, now| table.walk(now, cursor, limit, found))
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        self.with_table(|table, now| table.look_up(now, info_hash))
    }

    fn merge(&self, heard: &Torrent) -> Merged {
        self.with_table(|table, now| table.merge(now, heard))
    }
}
