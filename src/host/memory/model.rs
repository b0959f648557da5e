//! Compares the table with a model that is too simple to be wrong, on a simulated clock.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::memory::BEGIN;
use super::swarms::{PEER_BYTES, SWARM_BYTES};
use super::table::{MAX_REMOVED_PER_CALL, TORRENT_BYTES, Table};
use super::{Counts, Limits};
use crate::host::Usage;
use crate::time::Time;
use crate::types::{Cursor, InfoHash, Merged, Peer, PeerFlags, Torrent};

const MINUTE: Duration = Duration::from_secs(60);

const SEEDING: PeerFlags = PeerFlags::SEEDING;
const COMPLETED: PeerFlags = PeerFlags::COMPLETED;

#[derive(Clone, Debug)]
enum Op {
    Wait(Duration),
    /// The given number of peers with neighbouring ports announce themselves at once.
    Add(u8, Peer, u16),
    Remove(u8, Peer),
    Merge(Torrent),
    Usage,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let wait = prop_oneof![
        8 => 0..3 * 60u64,
        1 => Just(20 * 60),
        1 => Just(45 * 60),
        1 => Just(60 * 60),
    ];
    let peer = || {
        let ip = prop_oneof![
            (0..3u8).prop_map(|n| IpAddr::from([192, 0, 2, n])),
            (0..3u16).prop_map(|n| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])),
        ];
        (ip, 0..4u16, any::<u8>()).prop_map(|(ip, port, flags)| Peer {
            ip,
            port,
            flags: PeerFlags(flags),
        })
    };
    let torrent = (0..9u8, 0..90u32, 0..4u64).prop_map(|(hash, base_offset, downloaded)| Torrent {
        info_hash: InfoHash([hash; 20]),
        base_offset,
        downloaded,
    });
    let op = prop_oneof![
        6 => wait.prop_map(|seconds| Op::Wait(Duration::from_secs(seconds))),
        8 => (0..9u8, peer(), 1..4u16).prop_map(|(hash, peer, many)| Op::Add(hash, peer, many)),
        1 => (0..9u8, peer(), 1..200u16).prop_map(|(hash, peer, many)| Op::Add(hash, peer, many)),
        4 => (0..9u8, peer()).prop_map(|(hash, peer)| Op::Remove(hash, peer)),
        4 => torrent.prop_map(Op::Merge),
        1 => Just(Op::Usage),
    ];
    vec(op, 1..150)
}

/// A model that searches every list from its beginning, and keeps no expired entry.
struct Model {
    limits: Limits,
    peers: Vec<(InfoHash, Peer, Time)>,
    torrents: Vec<(InfoHash, u64, Time)>,
    /// The torrents that are known from scrape tells only.
    hearsay: BTreeSet<InfoHash>,
    expired: u64,
    evicted: u64,
}

impl Model {
    fn expire(&mut self, now: Time) {
        let before = self.peers.len() + self.torrents.len();
        let lifetime = self.limits.peer_lifetime;
        self.peers.retain(|peer| now.since(peer.2) < lifetime);
        let lifetime = self.limits.torrent_lifetime.max(lifetime);
        self.torrents
            .retain(|torrent| now.since(torrent.2) < lifetime);
        self.expired += (before - self.peers.len() - self.torrents.len()) as u64;
    }

    fn bytes(&self) -> u64 {
        let swarms: BTreeSet<_> = self.peers.iter().map(|peer| peer.0).collect();
        self.peers.len() as u64 * PEER_BYTES
            + swarms.len() as u64 * SWARM_BYTES
            + self.torrents.len() as u64 * TORRENT_BYTES
    }

    fn evict(&mut self) {
        while self.bytes() > self.limits.bytes {
            self.evicted += 1;
            let hearsay = self.torrents.iter().enumerate();
            let hearsay = hearsay.filter(|(_, torrent)| self.hearsay.contains(&torrent.0));
            if let Some((at, _)) = hearsay.min_by_key(|(_, torrent)| (torrent.2, torrent.0)) {
                self.torrents.remove(at);
                continue;
            }
            let peers = self
                .peers
                .iter()
                .enumerate()
                .map(|(at, (info_hash, peer, since))| {
                    (*since, false, (*info_hash, peer.ip, peer.port), at)
                });
            let torrents = self
                .torrents
                .iter()
                .enumerate()
                .map(|(at, (info_hash, _, since))| {
                    (
                        *since,
                        true,
                        (*info_hash, IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
                        at,
                    )
                });
            let (_, is_torrent, _, at) = peers.chain(torrents).min().expect("it takes bytes");
            if is_torrent {
                self.torrents.remove(at);
            } else {
                self.peers.remove(at);
            }
        }
    }

    fn position(&self, info_hash: &InfoHash, peer: &Peer) -> Option<usize> {
        self.peers.iter().position(|(its_hash, its, _)| {
            its_hash == info_hash && its.ip == peer.ip && its.port == peer.port
        })
    }

    fn torrent(&mut self, info_hash: &InfoHash) -> Option<&mut (InfoHash, u64, Time)> {
        self.torrents
            .iter_mut()
            .find(|torrent| torrent.0 == *info_hash)
    }

    fn add(&mut self, now: Time, info_hash: InfoHash, peer: &Peer) {
        // 0x30 are the bits of STOPPED and FROM_SYNC.
        let mut peer = Peer {
            flags: PeerFlags(peer.flags.0 & !0x30),
            ..*peer
        };
        let mut downloads = u64::from(peer.flags.contains(COMPLETED));
        if let Some(at) = self.position(&info_hash, &peer) {
            let (_, before, _) = self.peers.remove(at);
            if before.flags.contains(COMPLETED) {
                peer.flags = peer.flags | COMPLETED;
                downloads = 0;
            }
        }
        self.peers.push((info_hash, peer, now));
        self.hearsay.remove(&info_hash);
        match self.torrent(&info_hash) {
            Some(torrent) => *torrent = (info_hash, torrent.1 + downloads, now),
            None => self.torrents.push((info_hash, downloads, now)),
        }
        self.evict();
    }

    fn remove(&mut self, info_hash: &InfoHash, peer: &Peer) {
        if let Some(at) = self.position(info_hash, peer) {
            self.peers.remove(at);
        }
    }

    fn merge(&mut self, now: Time, heard: &Torrent) -> Merged {
        match self.torrent(&heard.info_hash) {
            Some(torrent) if torrent.1 > heard.downloaded => return Merged::KnownBetter,
            Some(torrent) => torrent.1 = heard.downloaded,
            None => {
                let since = now.before(heard.base_offset * MINUTE);
                let lifetime = self.limits.torrent_lifetime.max(self.limits.peer_lifetime);
                let is_full = self.bytes() + TORRENT_BYTES > self.limits.bytes;
                if is_full || now.since(since) >= lifetime {
                    return Merged::Failed;
                }
                self.hearsay.insert(heard.info_hash);
                self.torrents
                    .push((heard.info_hash, heard.downloaded, since));
            }
        }
        Merged::AsHeard
    }

    fn peers(&self, info_hash: &InfoHash) -> Vec<Peer> {
        let mut peers: Vec<_> = self
            .peers
            .iter()
            .filter(|peer| peer.0 == *info_hash)
            .collect();
        peers.sort_by_key(|(_, peer, since)| (*since, peer.ip, peer.port));
        peers.iter().rev().map(|(_, peer, _)| *peer).collect()
    }

    fn torrents(&self, now: Time) -> Vec<Torrent> {
        let mut torrents: Vec<_> = self
            .torrents
            .iter()
            .map(|(info_hash, downloaded, since)| Torrent {
                info_hash: *info_hash,
                base_offset: (now.since(*since).as_secs() / 60) as u32,
                downloaded: *downloaded,
            })
            .collect();
        torrents.sort_by_key(|torrent| torrent.info_hash);
        torrents
    }
}

/// Walks all torrents, `limit` at a time.
fn walk(table: &mut Table, now: Time, limit: usize) -> Vec<Torrent> {
    let mut found = Vec::new();
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        let before = found.len();
        cursor = table.walk(now, from, limit, &mut found);
        assert!(found.len() - before <= limit);
        assert!(cursor.is_none() || found.len() - before == limit);
    }
    found
}

proptest! {
    #[test]
    fn the_table_shows_what_the_model_shows(
        ops in ops(),
        bytes in prop_oneof![0..4000u64, 0..80_000u64],
        torrent_minutes in 30..80u32,
    ) {
        let limits = Limits::default()
            .torrent_lifetime(torrent_minutes * MINUTE)
            .bytes(bytes);
        let mut table = Table::new(&limits);
        let mut model = Model {
            limits,
            peers: Vec::new(),
            torrents: Vec::new(),
            hearsay: BTreeSet::new(),
            expired: 0,
            evicted: 0,
        };
        let mut now = Time::START + BEGIN;
        for (step, op) in ops.into_iter().enumerate() {
            model.expire(now);
            match op {
                Op::Wait(duration) => now = now + duration,
                Op::Add(hash, peer, many) => for port in peer.port..peer.port + many {
                    let peer = Peer { port, ..peer };
                    table.add(now, &InfoHash([hash; 20]), &peer);
                    model.add(now, InfoHash([hash; 20]), &peer);
                },
                Op::Remove(hash, peer) => {
                    table.remove(now, &InfoHash([hash; 20]), &peer);
                    model.remove(&InfoHash([hash; 20]), &peer);
                }
                Op::Merge(torrent) => {
                    prop_assert_eq!(table.merge(now, &torrent), model.merge(now, &torrent));
                }
                Op::Usage => {
                    let usage = table.usage(now);
                    prop_assert!(usage.bytes <= bytes, "{usage:?}");
                    prop_assert!(usage.expired <= model.expired, "{usage:?}");
                    prop_assert_eq!(usage.evicted, model.evicted);
                }
            }
            // Every query removes some expired entries, so a step makes only one query.
            model.expire(now);
            let torrents = model.torrents(now);
            match step % 4 {
                0 => prop_assert_eq!(walk(&mut table, now, 2), torrents),
                1 => prop_assert_eq!(table.count(now), torrents.len() as u64),
                2 => for hash in 0..9 {
                    let info_hash = InfoHash([hash; 20]);
                    let peers = model.peers(&info_hash);
                    prop_assert_eq!(&table.peers(now, &info_hash, usize::MAX), &peers);
                    prop_assert_eq!(table.peers(now, &info_hash, 3), &peers[..peers.len().min(3)]);
                },
                _ => for hash in 0..9 {
                    let info_hash = InfoHash([hash; 20]);
                    let torrent = torrents.iter().find(|torrent| torrent.info_hash == info_hash);
                    let peers = model.peers(&info_hash);
                    let seeders = peers.iter().filter(|peer| peer.flags.contains(SEEDING)).count();
                    prop_assert_eq!(table.look_up(now, &info_hash), torrent.copied());
                    prop_assert_eq!(table.counts(now, &info_hash), torrent.map(|torrent| Counts {
                        base_offset: torrent.base_offset,
                        seeders: seeders as u64,
                        leechers: (peers.len() - seeders) as u64,
                        downloaded: torrent.downloaded,
                    }));
                },
            }
        }
        // This many calls remove all entries that may have expired.
        for _ in 0..=bytes / TORRENT_BYTES / MAX_REMOVED_PER_CALL as u64 {
            table.usage(now);
        }
        prop_assert_eq!(table.usage(now), Usage {
            torrents: model.torrents.len() as u64,
            peers: model.peers.len() as u64,
            bytes: model.bytes(),
            expired: model.expired,
            evicted: model.evicted,
        });
    }
}
