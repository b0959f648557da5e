//! Peers and torrents, as long as they live and as many as fit.

#[cfg(feature = "want_sync_scrape")]
use std::ops::Bound::{Excluded, Unbounded};
#[cfg(feature = "want_sync_scrape")]
use std::time::Duration;

use super::aged::Aged;
#[cfg(feature = "want_sync_scrape")]
use super::aged::EXPIRED_LOOKED_AT;
use super::limits::Limits;
use super::swarms::{PEER_BYTES, PeerKey, Swarms};
use crate::host::Usage;
use crate::time::Time;
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, Merged};
use crate::types::{InfoHash, Peer, PeerFlags, Torrent};

/// The swarm of a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How many minutes ago the torrent was last announced.
    pub base_offset: u32,
    /// Peers that have everything.
    pub seeders: u64,
    /// All other peers.
    pub leechers: u64,
    /// How often it was downloaded.
    pub downloaded: u64,
}

/// How many expired entries each call removes at most. It is more than a call can add,
/// so the table does not fill up with them.
pub(super) const REMOVED_PER_CALL: usize = 64;

/// So a swarm can count its peers, also where an address has 32 bits.
const _: () = {
    let memory = usize::MAX as u64;
    let most = if Limits::MOST_BYTES < memory {
        Limits::MOST_BYTES
    } else {
        memory
    };
    assert!(most / PEER_BYTES < 1 << 32);
};

/// What a torrent takes at most, besides its peers.
pub(super) const TORRENT_BYTES: u64 = Aged::<InfoHash, u64>::BYTES;

/// The table without clock and lock: time comes in, and must not run backwards.
///
/// A torrent is never older than one of its peers, and does not expire before them; and
/// of two that are equally old, the peer leaves first. So a peer's torrent is always there.
pub(super) struct Table {
    swarms: Swarms,
    /// With the count of downloads. They are as old as their last announce.
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

    /// A peer is in the swarm.
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

    /// A peer has left the swarm.
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

    /// Makes some progress with the removal of what has expired.
    fn remove_expired(&mut self, now: Time) {
        for _ in 0..REMOVED_PER_CALL {
            if !self.remove_one_expired(now) {
                break;
            }
        }
    }

    fn remove_one_expired(&mut self, now: Time) -> bool {
        self.swarms.remove_expired(now) || self.torrents.remove_expired(now)
    }

    /// Of what was announced, the oldest leaves; before that, what we know by hearsay only.
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

/// What scrape sync needs.
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
        told: &mut Vec<Torrent>,
    ) -> Option<Cursor> {
        self.remove_expired(now);
        if cursor.bucket > 0 {
            return None;
        }
        let behind = (cursor.after.map_or(Unbounded, Excluded), Unbounded);
        let mut entries = self.torrents.range(behind);
        let looked_at = limit.saturating_add(EXPIRED_LOOKED_AT);
        let mut after = cursor.after;
        let mut room = limit;
        for (info_hash, since, downloaded) in entries.by_ref().take(looked_at) {
            if !self.torrents.is_expired(now, since) {
                if room == 0 {
                    return Some(Cursor { after, ..cursor });
                }
                room -= 1;
                told.push(Torrent {
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

    /// A torrent that is new here is as old as the other tracker says, so that trackers cannot
    /// keep it alive by telling each other of it. Nothing leaves to make room for it: others may
    /// tell of any number of torrents.
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
