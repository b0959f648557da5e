//! Tests of torrents that are known from scrape tells only.

use super::*;

#[test]
fn a_count_of_downloads_ends_where_nobody_would_believe_it() {
    let mut table = Table::new(&limits(10_000));
    let most = Torrent::MAX_DOWNLOADED;
    assert_eq!(table.merge(start(), &torrent(0, most)), Merged::AsHeard);
    table.add(start(), &HASH, &peer(1, COMPLETED));
    assert_eq!(table.look_up(start(), &HASH), Some(torrent(0, most)));
}

/// Scrape tells may contain any number of torrents, and arrive as fast as the network carries them.
#[test]
fn what_others_tell_of_torrents_never_pushes_out_a_peer() {
    let mut table = Table::new(&limits(1 << 20));
    let mut now = start();
    for number in 0..1000 {
        table.add(now, &HASH, &numbered_peer(number));
    }
    let peers = |table: &mut Table, now| {
        let counts = table.counts(now, &HASH).unwrap();
        counts.seeders + counts.leechers
    };
    let mut stored = 0;
    for number in 0..100_000 {
        let merged = table.merge(now, &numbered_torrent(number));
        stored += u64::from(merged == Merged::AsHeard);
        assert_eq!(table.merge(now, &numbered_torrent(number)), merged);
    }
    assert_eq!(peers(&mut table, now), 1000);
    let usage = table.usage(now);
    assert_eq!((usage.torrents, usage.evicted), (1 + stored, 0));
    assert!(usage.bytes + TORRENT_BYTES > 1 << 20);

    // Announced entries displace them, also if they are older.
    now = now + MINUTE;
    for number in 1000..3000 {
        table.add(now, &HASH, &numbered_peer(number));
    }
    assert_eq!(peers(&mut table, now), 3000);
    let usage = table.usage(now);
    assert!((1..stored).contains(&usage.evicted), "{usage:?}");
    assert_eq!(usage.torrents, 1 + stored - usage.evicted);

    // A torrent that is announced is no longer known from scrape tells only.
    let announced = numbered_torrent(stored as u32 - 1).info_hash;
    table.add(now, &announced, &peer(1, NONE));
    for number in 3000..10_000 {
        table.add(now, &HASH, &numbered_peer(number));
        assert!(table.counts(now, &announced).is_some());
        if table.usage(now).torrents == 2 {
            return;
        }
    }
    panic!("hearsay is left: {:?}", table.usage(now));
}
