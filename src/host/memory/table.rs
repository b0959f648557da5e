//! Peers and torrents, as long as they live and as many as fit.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
#[cfg(feature = "want_sync_scrape")]
use std::ops::Bound::{Excluded, Unbounded};
use std::ops::RangeInclusive;
#[cfg(feature = "want_sync_scrape")]
use std::time::Duration;

use super::aged::Aged;
use super::limits::Limits;
use crate::host::Usage;
use crate::time::Time;
#[cfg(feature = "want_sync_scrape")]
use crate::types::{Cursor, Merged, Torrent};
use crate::types::{InfoHash, Peer, PeerFlags};

/// The swarm of a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What a peer takes at most.
pub(super) const PEER_BYTES: u64 = Aged::<PeerKey, PeerFlags>::BYTES;
/// What a torrent takes at most, besides its peers.
pub(super) const TORRENT_BYTES: u64 = Aged::<InfoHash, u64>::BYTES;

/// In this order, the peers of a swarm follow each other.
type PeerKey = (InfoHash, IpAddr, u16);

/// The table without clock and lock: time comes in, and must not run backwards.
///
/// A torrent is never older than one of its peers, and does not expire before them; and
/// of two that are equally old, the peer leaves first. So a peer's torrent is always there.
pub(super) struct Table {
    peers: Aged<PeerKey, PeerFlags>,
    /// With the count of downloads. They are as old as their last announce.
    torrents: Aged<InfoHash, u64>,
    max_bytes: u64,
    evicted: u64,
}

impl Table {
    pub(super) fn new(limits: &Limits) -> Self {
        let torrent_lifetime = limits.torrent_lifetime.max(limits.peer_lifetime);
        Self {
            peers: Aged::new(limits.peer_lifetime),
            torrents: Aged::new(torrent_lifetime),
            max_bytes: limits.bytes,
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
            .peers
            .get(now, &key)
            .is_some_and(|(_, flags)| flags.contains(PeerFlags::COMPLETED));
        let mut downloaded = self
            .torrents
            .get(now, info_hash)
            .map_or(0, |(_, downloaded)| downloaded);
        if has_completed {
            flags = flags | PeerFlags::COMPLETED;
        } else if flags.contains(PeerFlags::COMPLETED) {
            downloaded = downloaded.saturating_add(1);
        }
        self.peers.insert(now, key, now, flags);
        self.torrents.insert(now, *info_hash, now, downloaded);
        self.make_room();
    }

    /// A peer has left the swarm.
    pub(super) fn remove(&mut self, now: Time, info_hash: &InfoHash, peer: &Peer) {
        self.remove_expired(now);
        self.peers.remove(now, key(info_hash, peer));
    }

    pub(super) fn peers(&mut self, now: Time, info_hash: &InfoHash, limit: usize) -> Vec<Peer> {
        self.remove_expired(now);
        let mut last = BTreeMap::new();
        for ((_, ip, port), since, flags) in self.peers.range(now, swarm(info_hash)) {
            last.insert((since, ip, port), Peer { ip, port, flags });
            if last.len() > limit {
                last.pop_first();
            }
        }
        last.into_values().rev().collect()
    }

    pub(super) fn counts(&mut self, now: Time, info_hash: &InfoHash) -> Option<Counts> {
        self.remove_expired(now);
        let (since, downloaded) = self.torrents.get(now, info_hash)?;
        let mut counts = Counts {
            base_offset: minutes(now, since),
            seeders: 0,
            leechers: 0,
            downloaded,
        };
        for (_, _, flags) in self.peers.range(now, swarm(info_hash)) {
            if flags.contains(PeerFlags::SEEDING) {
                counts.seeders += 1;
            } else {
                counts.leechers += 1;
            }
        }
        Some(counts)
    }

    pub(super) fn usage(&mut self, now: Time) -> Usage {
        self.remove_expired(now);
        Usage {
            torrents: self.torrents.stored(),
            peers: self.peers.stored(),
            bytes: self.bytes(),
            expired: self.peers.expired() + self.torrents.expired(),
            evicted: self.evicted,
        }
    }

    fn bytes(&self) -> u64 {
        self.peers.stored() * PEER_BYTES + self.torrents.stored() * TORRENT_BYTES
    }

    /// Makes some progress with the removal of what has expired.
    fn remove_expired(&mut self, now: Time) {
        for _ in 0..REMOVED_PER_CALL {
            if !self.peers.remove_expired(now) && !self.torrents.remove_expired(now) {
                break;
            }
        }
    }

    fn make_room(&mut self) {
        while self.bytes() > self.max_bytes {
            let peer = self.peers.oldest();
            let torrent = self.torrents.oldest();
            if torrent.is_some_and(|torrent| peer.is_none_or(|peer| torrent < peer)) {
                self.torrents.remove_oldest();
            } else {
                self.peers.remove_oldest();
            }
            self.evicted += 1;
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
        let mut torrents = self.torrents.range(now, behind);
        let mut after = cursor.after;
        for (info_hash, since, downloaded) in torrents.by_ref().take(limit) {
            after = Some(info_hash);
            told.push(Torrent {
                info_hash,
                base_offset: minutes(now, since),
                downloaded,
            });
        }
        torrents.next().map(|_| Cursor { after, ..cursor })
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

    /// A torrent that is new here is as old as the other tracker says: it leaves before
    /// those that were announced since, and trackers cannot keep it alive by telling
    /// each other of it.
    pub(super) fn merge(&mut self, now: Time, heard: &Torrent) -> Merged {
        self.remove_expired(now);
        let known = self.torrents.get(now, &heard.info_hash);
        if known.is_some_and(|(_, downloaded)| downloaded > heard.downloaded) {
            return Merged::KnownBetter;
        }
        let since = known.map_or_else(
            || minutes_before(now, heard.base_offset),
            |(since, _)| since,
        );
        self.torrents
            .insert(now, heard.info_hash, since, heard.downloaded);
        self.make_room();
        match self.torrents.get(now, &heard.info_hash) {
            Some(_) => Merged::AsHeard,
            None => Merged::Failed,
        }
    }
}

fn key(info_hash: &InfoHash, peer: &Peer) -> PeerKey {
    (*info_hash, peer.ip.to_canonical(), peer.port)
}

fn swarm(info_hash: &InfoHash) -> RangeInclusive<PeerKey> {
    const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    const LAST: IpAddr = IpAddr::V6(Ipv6Addr::from_bits(u128::MAX));
    (*info_hash, FIRST, 0)..=(*info_hash, LAST, u16::MAX)
}

fn minutes(now: Time, since: Time) -> u32 {
    u32::try_from(now.since(since).as_secs() / 60).unwrap_or(u32::MAX)
}

#[cfg(feature = "want_sync_scrape")]
fn minutes_before(now: Time, minutes: u32) -> Time {
    now.before(Duration::from_secs(60 * u64::from(minutes)))
}
