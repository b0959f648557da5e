//! The table of peers and torrents, with its limits of age and memory.

#[cfg(feature = "want_sync_scrape")]
use std::ops::Bound::{Excluded, Unbounded};
#[cfg(feature = "want_sync_scrape")]
use std::time::Duration;

use super::aged::Aged;
#[cfg(feature = "want_sync_scrape")]
use super::aged::MAX_EXPIRED_SKIPPED;
use super::limits::Limits;
use super::swarms::{PEER_BYTES, PeerKey, Swarms};
use crate::host::Usage;
use crate::time::Time;
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, Merged};
use crate::types::{InfoHash, Peer, PeerFlags, Torrent};

/// The size and age of a torrent's swarm, as a scrape reply contains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The number of minutes since a peer last announced the torrent.
    pub base_offset: u32,
    /// The number of peers that have the whole torrent.
    pub seeders: u64,
    /// The number of all other peers.
    pub leechers: u64,
    /// The number of times that the torrent was downloaded completely.
    pub downloaded: u64,
}

/// The most expired entries that each call removes. A call adds fewer entries, so expired ones do
/// not accumulate.
pub(super) const MAX_REMOVED_PER_CALL: usize = 64;

/// A swarm can count its peers with 32 bits, also on a 32-bit machine, where memory ends earlier.
const _: () = {
    let memory = usize::MAX as u64;
    let most = if Limits::MOST_BYTES < memory {
        Limits::MOST_BYTES
    } else {
        memory
    };
    assert!(most / PEER_BYTES < 1 << 32);
};

/// The memory in bytes that a torrent takes at most, besides its peers.
pub(super) const TORRENT_BYTES: u64 = Aged::<InfoHash, u64>::BYTES;

/// The table without clock and lock. The caller passes the time, which must not run backwards.
///
/// The torrent of every stored peer is stored, too: a torrent is never older than one of its peers,
/// does not expire before them, and is removed after a peer of the same age.
pub(super) struct Table {
    swarms: Swarms,
    /// The torrents with their counts of downloads, each as old as its last announce.
    torrents: Aged<InfoHash, u64>,
    max_bytes: u64,
    evicted: u64,
}

impl Table {
    pub(super) fn new(limits: &Limits) -> Self {
        let torrent_lifetime = limits.torrent_lifetime.max(limits.peer_lifetime);
        Self {
            swarms: Swarms::new(limits.peer_lifetime),
            torrents: Aged::new(torrent_lifetime),
            max_bytes: limits.bytes.min(Limits::MOST_BYTES),
            evicted: 0,
        }
    }

    /// Adds or renews a peer, and its torrent.
    pub(super) fn add(&mut self, now: Time, info_hash: &InfoHash, peer: &Peer) {
        self.remove_expired(now);
        let key = key(info_hash, peer);
        let mut flags = peer
            .flags
            .without(PeerFlags::FROM_SYNC | PeerFlags::STOPPED);
        let has_completed = self
            .swarms
            .flags(now, &key)
            .is_some_and(|flags| flags.contains(PeerFlags::COMPLETED));
        let mut downloaded = self
            .torrents
            .get(now, info_hash)
            .map_or(0, |(_, downloaded)| downloaded);
        if has_completed {
            flags = flags | PeerFlags::COMPLETED;
        } else if flags.contains(PeerFlags::COMPLETED) {
            downloaded = (downloaded + 1).min(Torrent::MAX_DOWNLOADED);
        }
        self.swarms.insert(now, key, flags);
        self.torrents.insert(now, *info_hash, now, downloaded);
        self.make_room();
    }

    /// Removes a peer, and keeps its torrent.
    pub(super) fn remove(&mut self, now: Time, info_hash: &InfoHash, peer: &Peer) {
        self.remove_expired(now);
        self.swarms.remove(now, key(info_hash, peer));
    }

    pub(super) fn peers(&mut self, now: Time, info_hash: &InfoHash, limit: usize) -> Vec<Peer> {
        self.remove_expired(now);
        self.swarms.newest(now, info_hash).take(limit).collect()
    }

    pub(super) fn counts(&mut self, now: Time, info_hash: &InfoHash) -> Option<Counts> {
        self.remove_expired(now);
        let (since, downloaded) = self.torrents.get(now, info_hash)?;
        let size = self.swarms.size(now, info_hash);
        Some(Counts {
            base_offset: minutes(now, since),
            seeders: size.seeders.into(),
            leechers: size.leechers.into(),
            downloaded,
        })
    }

    pub(super) fn usage(&mut self, now: Time) -> Usage {
        self.remove_expired(now);
        Usage {
            torrents: self.torrents.stored(),
            peers: self.swarms.peers(),
            bytes: self.bytes(),
            expired: self.swarms.expired() + self.torrents.expired(),
            evicted: self.evicted,
        }
    }

    fn bytes(&self) -> u64 {
        self.swarms.bytes() + self.torrents.stored() * TORRENT_BYTES
    }

    /// Removes some of the expired entries.
    fn remove_expired(&mut self, now: Time) {
        for _ in 0..MAX_REMOVED_PER_CALL {
            if !self.remove_one_expired(now) {
                break;
            }
        }
    }

    fn remove_one_expired(&mut self, now: Time) -> bool {
        self.swarms.remove_expired(now) || self.torrents.remove_expired(now)
    }

    /// Removes entries until the rest fits into the memory: first torrents that are known from
    /// scrape tells only, and then the oldest of the announced entries.
    fn make_room(&mut self) {
        while self.bytes() > self.max_bytes {
            self.evicted += 1;
            if self.torrents.remove_oldest_hearsay() {
                continue;
            }
            let peer = self.swarms.oldest();
            let torrent = self.torrents.oldest();
            if torrent.is_some_and(|torrent| peer.is_none_or(|peer| torrent < peer)) {
                self.torrents.remove_oldest();
            } else {
                self.swarms.remove_oldest();
            }
        }
    }
}

/// The operations that scrape sync needs.
#[cfg(feature = "want_sync_scrape")]
impl Table {
    pub(super) fn count(&mut self, now: Time) -> u64 {
        self.remove_expired(now);
        self.torrents.count(now)
    }

    /// See [`Torrents::walk`](crate::host::Torrents::walk).
    pub(super) fn walk(
        &mut self,
        now: Time,
        cursor: Cursor,
        limit: usize,
        found: &mut Vec<Torrent>,
    ) -> Option<Cursor> {
        self.remove_expired(now);
        if cursor.bucket > 0 {
            return None;
        }
        let behind = (cursor.after.map_or(Unbounded, Excluded), Unbounded);
        let mut entries = self.torrents.range(behind);
        let max_read = limit.saturating_add(MAX_EXPIRED_SKIPPED);
        let mut after = cursor.after;
        let mut room = limit;
        for (info_hash, since, downloaded) in entries.by_ref().take(max_read) {
            if !self.torrents.is_expired(now, since) {
                if room == 0 {
                    return Some(Cursor { after, ..cursor });
                }
                room -= 1;
                found.push(Torrent {
                    info_hash,
                    base_offset: minutes(now, since),
                    downloaded,
                });
            }
            after = Some(info_hash);
        }
        entries.next().map(|_| Cursor { after, ..cursor })
    }

    pub(super) fn look_up(&mut self, now: Time, info_hash: &InfoHash) -> Option<Torrent> {
        self.remove_expired(now);
        let (since, downloaded) = self.torrents.get(now, info_hash)?;
        Some(Torrent {
            info_hash: *info_hash,
            base_offset: minutes(now, since),
            downloaded,
        })
    }

    /// Merges a torrent of a scrape tell.
    ///
    /// A new torrent is as old as the scrape tell says, so that trackers cannot keep it alive by
    /// telling each other of it. No live entry is removed to make room for it, because scrape
    /// tells may contain any number of torrents.
    pub(super) fn merge(&mut self, now: Time, heard: &Torrent) -> Merged {
        self.remove_expired(now);
        let known = self.torrents.get(now, &heard.info_hash);
        if known.is_some_and(|(_, downloaded)| downloaded > heard.downloaded) {
            return Merged::KnownBetter;
        }
        if known.is_some() {
            self.torrents.set(&heard.info_hash, heard.downloaded);
            return Merged::AsHeard;
        }
        let since = minutes_before(now, heard.base_offset);
        if self.torrents.is_expired(now, since) {
            return Merged::Failed;
        }
        while self.bytes() + TORRENT_BYTES > self.max_bytes {
            if !self.remove_one_expired(now) {
                return Merged::Failed;
            }
        }
        let (hash, downloaded) = (heard.info_hash, heard.downloaded);
        self.torrents.insert_hearsay(now, hash, since, downloaded);
        Merged::AsHeard
    }
}

fn key(info_hash: &InfoHash, peer: &Peer) -> PeerKey {
    (*info_hash, peer.ip.to_canonical(), peer.port)
}

fn minutes(now: Time, since: Time) -> u32 {
    u32::try_from(now.since(since).as_secs() / 60).unwrap_or(u32::MAX)
}

#[cfg(feature = "want_sync_scrape")]
fn minutes_before(now: Time, minutes: u32) -> Time {
    now.before(Duration::from_secs(60 * u64::from(minutes)))
}
