//! The scrape tell of all torrents that follows an inquiry.

use livesync::Config;
use livesync::unstable::wire::Inquire;

use super::{INTERVAL, SECOND, cluster, id, scrape_tell, sent_torrents, silent};
use crate::tube::audit::per_packet;
use crate::tube::host::{Host, info_hash};
use crate::tube::traffic::What;

#[test]
fn a_telling_is_paced_and_neither_inquiries_nor_beacons_disturb_it() {
    let config = Config::default()
        .scrape_tell_packets(10u32)
        .first_beacon_delay(SECOND);
    let mut cluster = cluster(1, [Host::with(0..10_000, 1)], &config);
    cluster.inject(0, &Inquire { asked: id(7) }.emit(id(9)));
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    for _ in 0..3 {
        cluster.run_for(SECOND / 2);
        cluster.inject(0, &Inquire { asked: id(0) }.emit(id(8)));
    }
    cluster.run_until(INTERVAL * 3);
    let mut expected = Vec::new();
    let per_packet = per_packet(&config);
    for packet in 0..10_000_u64.div_ceil(per_packet) {
        let tick = SECOND / 100 * packet as u32;
        expected.push((tick, (10_000 - packet * per_packet).min(per_packet)));
    }
    let said = cluster.journal.as_mut().unwrap();
    let beacons: Vec<_> = said
        .extract_if(.., |said| said.what == What::Beacon(10_000))
        .collect();
    let tells = said.iter().map(|said| match &said.what {
        What::ScrapeTell(torrents) => (said.at, torrents.len() as u64),
        other => panic!("{other:?}"),
    });
    assert_eq!(tells.collect::<Vec<_>>(), expected);
    let (last_tell, _) = expected.last().unwrap();
    let pause = beacons[0].at - *last_tell;
    assert!((INTERVAL..INTERVAL + SECOND).contains(&pause), "{pause:?}");

    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    cluster.run_for(INTERVAL);
    assert_eq!(
        cluster.traffic.tellings, 2,
        "a second inquiry starts a second scrape tell"
    );
}

#[test]
fn torrents_may_appear_and_vanish_while_all_are_told() {
    let config = silent().scrape_tell_packets(1u32);
    let mut cluster = cluster(1, [Host::with(0..5_000, 1)], &config);
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    for step in 0..40 {
        cluster.run_for(SECOND / 4);
        let torrents = &mut cluster.nodes[0].host.torrents;
        for number in 0..50 {
            torrents.remove(&info_hash(step * 50 + number));
        }
        torrents.extend(Host::with(5_000 + step * 50..5_050 + step * 50, 1).torrents);
    }
    cluster.run_for(INTERVAL);
    let torrents: Vec<_> = sent_torrents(&mut cluster)
        .into_iter()
        .map(|torrent| torrent.info_hash)
        .collect();
    for number in 2_000..5_000 {
        let times = torrents
            .iter()
            .filter(|hash| **hash == info_hash(number))
            .count();
        assert_eq!(times, 1, "torrent {number}");
    }
    assert!(
        torrents.len() < 7_000,
        "some vanished or appeared in good time"
    );
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    cluster.run_for(INTERVAL);
    assert_eq!(cluster.traffic.tellings, 2, "it is ready for the next");
}

#[test]
fn whoever_is_asked_right_after_a_tell_waits_an_interval() {
    let mut cluster = cluster(1, [Host::with(0..100, 1)], &silent());
    cluster.inject(0, &scrape_tell(id(5), 200..201, 1));
    cluster.run_until(SECOND * 10);
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    cluster.run_until(INTERVAL);
    assert_eq!(cluster.traffic.tells, 0);
    cluster.run_until(INTERVAL * 2);
    assert_eq!(cluster.traffic.tells, 3);
}

#[test]
fn whoever_has_told_all_when_somebody_else_tells_can_be_asked_again() {
    let mut cluster = cluster(1, [Host::with(0..100, 1)], &silent());
    let inquiry = Inquire { asked: id(0) }.emit(id(9));
    cluster.inject(0, &inquiry);
    cluster.run_for(SECOND / 20);
    assert_eq!(cluster.traffic.tells, 3);
    cluster.inject(0, &scrape_tell(id(5), 200..201, 1));
    cluster.run_for(SECOND * 10);
    cluster.inject(0, &inquiry);
    cluster.run_for(INTERVAL * 2);
    assert_eq!(cluster.traffic.tells, 6);
}

#[test]
fn two_that_tell_at_once_give_way_to_each_other() {
    let config = silent().scrape_tell_packets(10u32);
    let hosts = [Host::with(0..5_000, 1), Host::with(3_000..8_000, 1)];
    let mut cluster = cluster(1, hosts, &config);
    for number in 0..2 {
        cluster.inject(
            number,
            &Inquire {
                asked: id(number as u8),
            }
            .emit(id(9)),
        );
    }
    cluster.run_for(INTERVAL * 20);
    // Each node tells its own torrents, and those of the other that it has learned meanwhile.
    let torrents = cluster.traffic.torrents_sent;
    assert!((10_000..16_000).contains(&torrents), "{torrents}");
    assert_eq!(cluster.traffic.tellings, 2);
    assert_eq!(cluster.nodes[0].host, cluster.nodes[1].host);
    assert_eq!(cluster.nodes[0].host.count(), 8_000);
}

#[test]
fn whoever_has_nothing_sends_no_empty_packet() {
    let mut cluster = cluster(1, [Host::default()], &silent());
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    cluster.run_for(INTERVAL * 3);
    assert_eq!(cluster.traffic.tellings, 1);
    assert_eq!(cluster.journal, Some(vec![]));
}
