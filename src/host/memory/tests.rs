//! Tests of the rules of the table one by one, on a simulated clock.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::memory::BEGIN;
use super::swarms::{PEER_BYTES, SWARM_BYTES};
use super::table::{MAX_REMOVED_PER_CALL, TORRENT_BYTES, Table};
use super::{Counts, Limits, Memory};
use crate::host::Usage;
use crate::host::{Host, Torrents};
use crate::time::Time;
use crate::types::{Announce, Cursor, InfoHash, Merged, Peer, PeerFlags, Torrent};

mod hearsay;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

const NONE: PeerFlags = PeerFlags(0);
const SEEDING: PeerFlags = PeerFlags::SEEDING;
const COMPLETED: PeerFlags = PeerFlags::COMPLETED;

const HASH: InfoHash = InfoHash([0xab; 20]);

fn limits(bytes: u64) -> Limits {
    Limits::default().torrent_lifetime(60 * MINUTE).bytes(bytes)
}

fn start() -> Time {
    Time::START + BEGIN
}

fn peer(number: u8, flags: PeerFlags) -> Peer {
    Peer {
        ip: IpAddr::from([192, 0, 2, number]),
        port: 6881,
        flags,
    }
}

fn torrent(base_offset: u32, downloaded: u64) -> Torrent {
    Torrent {
        info_hash: HASH,
        base_offset,
        downloaded,
    }
}

#[test]
fn a_download_counts_once_for_each_peer() {
    let mut table = Table::new(&limits(10_000));
    table.add(start(), &HASH, &peer(1, NONE));
    table.add(start(), &HASH, &peer(1, SEEDING | COMPLETED));
    table.add(start(), &HASH, &peer(1, SEEDING));
    table.add(start(), &HASH, &peer(1, SEEDING | COMPLETED));
    table.add(start(), &HASH, &peer(2, COMPLETED));
    let counts = Counts {
        base_offset: 0,
        seeders: 1,
        leechers: 1,
        downloaded: 2,
    };
    assert_eq!(table.counts(start(), &HASH), Some(counts));
    // A peer that has left in between counts once more.
    table.remove(start(), &HASH, &peer(2, NONE));
    table.add(start(), &HASH, &peer(2, COMPLETED));
    let downloaded = 3;
    assert_eq!(
        table.counts(start(), &HASH),
        Some(Counts {
            downloaded,
            ..counts
        })
    );
}

#[test]
fn a_torrent_is_as_old_as_its_last_announce_anywhere() {
    let mut table = Table::new(&limits(10_000));
    assert_eq!(table.merge(start(), &torrent(59, 7)), Merged::AsHeard);
    assert_eq!(
        table.look_up(start() + 59 * SECOND, &HASH),
        Some(torrent(59, 7))
    );
    // Another scrape tell does not make the torrent younger.
    let now = start() + 30 * SECOND;
    assert_eq!(table.merge(now, &torrent(0, 6)), Merged::KnownBetter);
    assert_eq!(table.merge(now, &torrent(0, 7)), Merged::AsHeard);
    assert_eq!(table.merge(now, &torrent(0, 8)), Merged::AsHeard);
    assert_eq!(table.look_up(now, &HASH), Some(torrent(59, 8)));
    assert_eq!(table.look_up(start() + MINUTE, &HASH), None);
    assert_eq!(table.count(start() + MINUTE), 0);

    assert_eq!(
        table.merge(start() + MINUTE, &torrent(60, 8)),
        Merged::Failed
    );
    assert_eq!(
        table.merge(start() + MINUTE, &torrent(u32::MAX, 8)),
        Merged::Failed
    );
}

#[test]
fn what_was_announced_before_the_start_is_remembered_as_that() {
    let limits = limits(10_000).torrent_lifetime(Duration::MAX);
    let mut table = Table::new(&limits);
    let fifty_years = 50 * 365 * 24 * 60;
    assert_eq!(
        table.merge(start(), &torrent(fifty_years, 1)),
        Merged::AsHeard
    );
    assert_eq!(table.look_up(start(), &HASH), Some(torrent(fifty_years, 1)));
}

#[test]
fn a_limit_below_one_entry_stores_nothing() {
    for bytes in [0, 1, TORRENT_BYTES - 1] {
        let mut table = Table::new(&limits(bytes));
        table.add(start(), &HASH, &peer(1, NONE));
        assert_eq!(table.merge(start(), &torrent(0, 1)), Merged::Failed);
        let evicted = 2;
        assert_eq!(
            table.usage(start()),
            Usage {
                evicted,
                ..Usage::default()
            }
        );
    }
    // Only the torrent fits.
    let mut table = Table::new(&limits(TORRENT_BYTES));
    table.add(start(), &HASH, &peer(1, COMPLETED));
    assert_eq!(table.peers(start(), &HASH, 1), []);
    assert_eq!(table.look_up(start(), &HASH), Some(torrent(0, 1)));
}

#[test]
fn peers_and_torrents_are_as_small_as_documented() {
    // They are smaller on a 32-bit machine.
    let few = |bytes: u64| {
        if cfg!(target_pointer_width = "64") {
            bytes
        } else {
            0
        }
    };
    assert!((few(225)..=245).contains(&PEER_BYTES), "{PEER_BYTES}");
    assert!((few(160)..=180).contains(&TORRENT_BYTES), "{TORRENT_BYTES}");
    assert!((few(90)..=110).contains(&SWARM_BYTES), "{SWARM_BYTES}");
}

/// Makes a table with `entries` peers in one swarm, and as many torrents without peers.
fn table_with(entries: u32) -> Table {
    let mut table = Table::new(&limits(1 << 30));
    for number in 0..entries {
        table.add(start(), &HASH, &numbered_peer(number));
        table.merge(start(), &numbered_torrent(number));
    }
    table
}

fn numbered_peer(number: u32) -> Peer {
    Peer {
        ip: IpAddr::V4(Ipv4Addr::from_bits(number)),
        ..peer(
            1,
            if number.is_multiple_of(2) {
                NONE
            } else {
                SEEDING
            },
        )
    }
}

fn numbered_torrent(number: u32) -> Torrent {
    let mut info_hash = HASH;
    info_hash.0[..4].copy_from_slice(&number.to_be_bytes());
    Torrent {
        info_hash,
        ..torrent(0, 1)
    }
}

/// Returns the time of the fastest of many calls, which nothing has interrupted.
fn fastest(mut call: impl FnMut()) -> Duration {
    let runs = (0..10).map(|_| {
        let before = Instant::now();
        call();
        before.elapsed()
    });
    runs.min().unwrap_or_default()
}

/// A call whose time grew in proportion to the swarm or the table would take 16 times as long.
#[test]
fn no_call_takes_longer_in_a_large_table() {
    /// For machines that are busy. A call that looked at each peer would take milliseconds more.
    const SLACK: Duration = Duration::from_micros(if cfg!(debug_assertions) { 200 } else { 20 });
    let live = start() + MINUTE;
    // After a pause all peers but one have expired, more than these calls remove.
    let expired = start() + 90 * MINUTE;
    type Call = fn(&mut Table, Time);
    let calls: [(&str, Time, Call); 9] = [
        ("peers", live, |table, now| {
            assert_eq!(table.peers(now, &HASH, 50).len(), 50);
        }),
        ("counts", live, |table, now| {
            assert!(table.counts(now, &HASH).is_some_and(|c| c.seeders >= 500));
        }),
        ("usage", live, |table, now| {
            assert!(table.usage(now).peers >= 1000);
        }),
        ("add", live, |table, now| {
            table.add(now, &HASH, &numbered_peer(7))
        }),
        ("count", live, |table, now| {
            assert!(table.count(now) >= 1000)
        }),
        ("peers, most have expired", expired, |table, now| {
            assert_eq!(table.peers(now, &HASH, 50), [numbered_peer(u32::MAX)]);
        }),
        ("counts, most have expired", expired, |table, now| {
            assert!(table.counts(now, &HASH).is_some_and(|c| c.seeders >= 1));
        }),
        ("count, most have expired", expired, |table, now| {
            assert!(table.count(now) >= 1);
        }),
        ("walk, most have expired", expired, |table, now| {
            table.walk(now, Cursor::default(), 50, &mut Vec::new());
        }),
    ];
    let [mut small, mut large] = [4_000, 64_000].map(table_with);
    for (name, now, call) in calls {
        let [small, large] = [&mut small, &mut large].map(|table| {
            if now == expired {
                table.add(now, &HASH, &numbered_peer(u32::MAX));
            }
            fastest(|| call(table, now))
        });
        assert!(large < 5 * small + SLACK, "{name}: {small:?} {large:?}");
    }
}

#[test]
fn counts_may_include_expired_peers_only_after_a_long_pause() {
    let mut table = table_with(3000);
    let now = start() + 45 * MINUTE;
    table.add(now, &HASH, &numbered_peer(3000));
    let peers = |table: &mut Table| {
        let counts = table.counts(now, &HASH).unwrap();
        counts.seeders + counts.leechers
    };
    // The announce and the counts have removed 64 peers each, and the counts skip 1024.
    assert_eq!(
        peers(&mut table),
        3001 - 2 * MAX_REMOVED_PER_CALL as u64 - 1024
    );
    while table.usage(now).peers > 1 + 1024 {}
    assert_eq!(peers(&mut table), 1);
    assert_eq!(table.peers(now, &HASH, 9), [numbered_peer(3000)]);
}

#[test]
fn a_call_removes_only_some_of_what_has_expired_but_shows_none_of_it() {
    let mut table = Table::new(&limits(1 << 20));
    for port in 0..200 {
        table.add(
            start(),
            &HASH,
            &Peer {
                port,
                ..peer(1, NONE)
            },
        );
    }
    let now = start() + 45 * MINUTE;
    let counts = table.counts(now, &HASH).unwrap();
    assert_eq!((counts.seeders, counts.leechers), (0, 0));
    let usage = table.usage(now);
    assert_eq!(usage.peers, 200 - 2 * MAX_REMOVED_PER_CALL as u64);
    assert_eq!(
        (usage.torrents, usage.expired),
        (1, 2 * MAX_REMOVED_PER_CALL as u64)
    );
    assert_eq!(table.peers(now, &HASH, 200), []);
    assert_eq!(table.peers(now, &HASH, 200), []);
    assert_eq!(table.usage(now).peers, 0);
}

/// The torrents 0, 2, 4, ... stay. Of the others some vanish and some appear, before and behind
/// the place of the walk.
#[test]
fn a_walk_tells_each_torrent_that_stays_exactly_once() {
    let numbered = |number: u32| {
        let mut hash = [0; 20];
        hash[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        InfoHash(hash)
    };
    let mut table = Table::new(&limits(1 << 20));
    let heard = |number, base_offset| Torrent {
        info_hash: numbered(number),
        base_offset,
        downloaded: u64::from(number),
    };
    for number in 0..1000 {
        // Some torrents with odd numbers expire in each minute.
        let base_offset = if number % 2 == 0 { 0 } else { number % 60 };
        table.merge(start(), &heard(number, base_offset));
    }
    let mut found = Vec::new();
    let mut cursor = Some(Cursor::default());
    let mut portions = 0;
    while let Some(from) = cursor {
        let now = start() + portions * MINUTE;
        cursor = table.walk(now, from, 17, &mut found);
        table.merge(now, &heard(2001 + 2 * portions, 0));
        portions += 1;
        assert!(portions < 60, "the even ones still live");
    }
    assert!(table.usage(start() + portions * MINUTE).expired > 100);
    let mut even: Vec<_> = found.iter().map(|torrent| torrent.downloaded).collect();
    even.retain(|number| number % 2 == 0);
    even.sort_unstable();
    assert!(even.into_iter().eq((0..1000).step_by(2)));
    assert!(found.is_sorted_by(|one, next| one.info_hash < next.info_hash));
}

#[test]
fn what_is_announced_and_what_is_heard_is_one_swarm() {
    let memory = Memory::new(Limits::default());
    let host: &dyn Host = &memory;
    let heard = Peer {
        ip: IpAddr::V6(Ipv6Addr::LOCALHOST),
        ..peer(0, SEEDING | PeerFlags::FROM_SYNC)
    };
    host.add_peer(&HASH, &heard);
    let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
    let announced = Peer {
        ip: mapped.into(),
        ..peer(1, NONE)
    };
    memory.announce(&Announce {
        info_hash: HASH,
        peer: announced,
    });
    let heard = Peer {
        flags: SEEDING,
        ..heard
    };
    assert_eq!(memory.peers(&HASH, 9), [peer(1, NONE), heard]);
    assert_eq!(memory.peers(&HASH, 1), [peer(1, NONE)]);
    assert_eq!(memory.peers(&HASH, 0), []);
    assert!(!host.is_allowed(Ipv4Addr::LOCALHOST.into()) && host.takes_ipv6());

    memory.announce(&Announce {
        info_hash: HASH,
        peer: peer(1, PeerFlags::STOPPED),
    });
    host.remove_peer(&HASH, &heard);
    assert_eq!(memory.peers(&HASH, 9), []);
    let unknown = InfoHash([7; 20]);
    memory.announce(&Announce {
        info_hash: unknown,
        peer: peer(1, PeerFlags::STOPPED),
    });
    assert_eq!((memory.counts(&unknown), memory.count()), (None, 1));
    assert_eq!(
        memory.merge(&Torrent {
            info_hash: unknown,
            ..torrent(60, 5)
        }),
        Merged::AsHeard
    );
    assert_eq!(memory.counts(&unknown).unwrap().base_offset, 60);
    let bucket = Cursor {
        bucket: 1,
        after: None,
    };
    assert_eq!(memory.walk(bucket, 9, &mut Vec::new()), None);
}
