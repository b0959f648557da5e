//! What happens, step by step, in cases worth telling.

use std::time::Duration;

use livesync::unstable::protocol::Source;
use livesync::unstable::wire::{Beacon, Header, Inquire, PacketType, Record};
use livesync::{Config, Task, Torrent, TrackerId};

use super::audit::per_packet;
use super::cluster::Cluster;
use super::host::{Host, info_hash};
use super::traffic::What;

const SECOND: Duration = Duration::from_secs(1);
pub const INTERVAL: Duration = Duration::from_secs(60);

#[test]
fn three_hundred_torrents_beside_five_thousand() {
    let config = Config::default();
    let mut smaller = Host::with(0..100, 1);
    smaller.torrents.extend(Host::with(100..140, 7).torrents);
    smaller.torrents.extend(Host::with(140..300, 2).torrents);
    let mut fuller = Host::with(100..5_100, 5);
    for entry in fuller.torrents.values_mut() {
        entry.announced = -30;
    }
    let mut cluster = cluster(1, [smaller, fuller], &config);

    let end = config.first_beacon_delay + INTERVAL * 5 + SECOND;
    cluster.run_until(end);
    let [smaller, fuller] = [0, 1].map(|number| &cluster.members[number].host);
    assert_eq!((smaller.count(), fuller.count()), (5_100, 5_000));
    for number in 0..5_100 {
        let expected = match number {
            0..100 => (Some(1), None),
            100..140 => (Some(7), Some(7)),
            _ => (Some(5), Some(5)),
        };
        let hash = info_hash(number);
        assert_eq!(
            (smaller.downloaded(&hash), fuller.downloaded(&hash)),
            expected
        );
    }
    let learned = &smaller.torrents[&info_hash(5_000)];
    assert_eq!(learned.announced, -30, "when it was last announced");

    let said = cluster.journal.take().unwrap();
    assert_eq!(said[0].at, config.first_beacon_delay);
    let inquiries = said
        .iter()
        .filter(|said| matches!(said.what, What::Inquire(_)));
    let inquiries: Vec<_> = inquiries.map(|said| (said.by, &said.what)).collect();
    assert_eq!(inquiries, [(0, &What::Inquire(id(1)))]);
    let told = |by| {
        let tells = said.iter().filter(move |said| said.by == by);
        tells.filter_map(|said| match &said.what {
            What::Tell(torrents) => Some(torrents.len() as u64),
            _ => None,
        })
    };
    assert_eq!(
        told(1).count() as u64,
        5_000_u64.div_ceil(per_packet(&config))
    );
    assert_eq!(told(1).sum::<u64>(), 5_000);
    assert_eq!(told(0).collect::<Vec<_>>(), [40], "told back");

    let before = cluster.traffic.clone();
    cluster.run_for(INTERVAL * 60);
    let after = cluster.traffic.since(&before);
    assert_eq!((after.inquiries, after.tells), (0, 0));
    assert_eq!(after.beacons, 2 * 60);
}

#[test]
fn it_asks_the_fullest_and_of_two_the_lower_id() {
    // 100 / 133 is not below three quarters, so the wait begins a second later.
    let mut beacons = vec![
        (0, 9, 133),
        (1, 8, 200),
        (30, 7, 500),
        (60, 3, 500),
        (90, 5, 500),
    ];
    for (last, asked) in [((120, 1, 499), 3), ((120, 4, 501), 4), ((122, 2, 900), 3)] {
        let mut cluster = cluster(1, [Host::with(0..100, 1)], &silent());
        beacons.push(last);
        for (at, from, torrents) in &beacons {
            cluster.run_until(SECOND * *at);
            cluster.inject(0, &beacon(id(*from), *torrents));
        }
        beacons.pop();
        cluster.run_until(SECOND * 125);
        assert_eq!(inquiries(&mut cluster), [(121, id(asked))]);
    }
}

#[test]
fn what_is_not_worth_asking_any_more_is_not_asked() {
    let mut cluster = cluster(1, [Host::with(0..100, 1)], &silent());
    cluster.inject(0, &beacon(id(9), 134));
    cluster.run_until(INTERVAL);
    cluster.members[0].host = Host::with(0..101, 1);
    cluster.run_until(INTERVAL * 10);
    assert_eq!(inquiries(&mut cluster), []);
}

#[test]
fn a_silent_one_is_asked_three_times_and_again_after_its_next_beacon() {
    let mut cluster = cluster(1, [Host::default()], &silent());
    cluster.inject(0, &beacon(id(9), 100));
    cluster.run_until(SECOND * 1000);
    cluster.inject(0, &beacon(id(9), 100));
    cluster.run_until(SECOND * 2000);
    let asked = [120, 180, 240, 1120, 1180, 1240].map(|at| (at, id(9)));
    assert_eq!(inquiries(&mut cluster), asked);
}

#[test]
fn a_tell_of_anybody_ends_the_wait_and_the_asking() {
    for tell_at in [1, 119, 121, 179, 239] {
        let mut cluster = cluster(1, [Host::default()], &silent());
        cluster.inject(0, &beacon(id(9), 100));
        cluster.run_until(SECOND * tell_at);
        let asked = inquiries(&mut cluster).len() as u32;
        assert_eq!(asked, (tell_at / 60).saturating_sub(1));
        cluster.inject(0, &tell(id(5), 0..1, 1));
        cluster.run_until(SECOND * 1000);
        assert_eq!(inquiries(&mut cluster), [], "after a tell at {tell_at}");
        cluster.inject(0, &beacon(id(9), 100));
        cluster.run_until(SECOND * 1130);
        assert_eq!(inquiries(&mut cluster), [(1120, id(9))]);
    }
}

/// The host takes its time to count, and meanwhile somebody tells.
#[test]
fn a_decision_that_a_tell_overtakes_is_not_taken() {
    let config = silent().repair(false);
    let mut cluster = cluster(1, [Host::default()], &config);
    cluster.inject(0, &beacon(id(9), 100));
    let node = &mut cluster.members[0].node;
    let now = node.poll_timeout();
    node.handle_timeout(now);
    assert_eq!(node.poll_task(), Some(Task::CountTorrents));
    let source = Source {
        address: "10.0.0.9:40000".parse().unwrap(),
        blessed: true,
    };
    for packet in [&tell(id(5), 0..1, 1)[..], &beacon(id(9), 100)] {
        node.handle_datagram(now, source, packet).unwrap();
    }
    node.handle_torrent_count(now, 0);
    assert!(!node.has_transmit(), "it asks");
}

#[test]
fn a_telling_is_paced_and_neither_inquiries_nor_beacons_disturb_it() {
    let config = Config::default()
        .tell_packets(10u32)
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
        What::Tell(torrents) => (said.at, torrents.len() as u64),
        other => panic!("{other:?}"),
    });
    assert_eq!(tells.collect::<Vec<_>>(), expected);
    let (last_tell, _) = expected.last().unwrap();
    let pause = beacons[0].at - *last_tell;
    assert!((INTERVAL..INTERVAL + SECOND).contains(&pause), "{pause:?}");

    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    cluster.run_for(INTERVAL);
    assert_eq!(cluster.traffic.tellings, 2, "asked again, it tells again");
}

#[test]
fn torrents_may_appear_and_vanish_while_all_are_told() {
    let config = silent().tell_packets(1u32);
    let mut cluster = cluster(1, [Host::with(0..5_000, 1)], &config);
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    for step in 0..40 {
        cluster.run_for(SECOND / 4);
        let torrents = &mut cluster.members[0].host.torrents;
        for number in 0..50 {
            torrents.remove(&info_hash(step * 50 + number));
        }
        torrents.extend(Host::with(5_000 + step * 50..5_050 + step * 50, 1).torrents);
    }
    cluster.run_for(INTERVAL);
    let told: Vec<_> = told(&mut cluster)
        .into_iter()
        .map(|torrent| torrent.info_hash)
        .collect();
    for number in 2_000..5_000 {
        let times = told
            .iter()
            .filter(|hash| **hash == info_hash(number))
            .count();
        assert_eq!(times, 1, "torrent {number}");
    }
    assert!(told.len() < 7_000, "some vanished or appeared in good time");
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    cluster.run_for(INTERVAL);
    assert_eq!(cluster.traffic.tellings, 2, "it is ready for the next");
}

#[test]
fn whoever_is_asked_right_after_a_tell_waits_an_interval() {
    let mut cluster = cluster(1, [Host::with(0..100, 1)], &silent());
    cluster.inject(0, &tell(id(5), 200..201, 1));
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
    let asks = Inquire { asked: id(0) }.emit(id(9));
    cluster.inject(0, &asks);
    cluster.run_for(SECOND / 20);
    assert_eq!(cluster.traffic.tells, 3);
    cluster.inject(0, &tell(id(5), 200..201, 1));
    cluster.run_for(SECOND * 10);
    cluster.inject(0, &asks);
    cluster.run_for(INTERVAL * 2);
    assert_eq!(cluster.traffic.tells, 6);
}

#[test]
fn two_that_tell_at_once_give_way_to_each_other() {
    let config = silent().tell_packets(10u32);
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
    // Each tells its own, and of the other's what it has learned meanwhile.
    let told = cluster.traffic.torrents_told;
    assert!((10_000..16_000).contains(&told), "{told}");
    assert_eq!(cluster.traffic.tellings, 2);
    assert_eq!(cluster.members[0].host, cluster.members[1].host);
    assert_eq!(cluster.members[0].host.count(), 8_000);
}

#[test]
fn of_many_that_know_better_one_says_so() {
    for seed in 0..20 {
        let known_better = Host::with(0..30, 9);
        let mut hosts = vec![Host::with(0..1_000, 1), Host::default()];
        hosts.extend(vec![known_better; 4]);
        for host in &mut hosts[2..] {
            host.torrents.extend(Host::with(30..900, 1).torrents);
        }
        let mut cluster = cluster(seed, hosts, &Config::default());
        cluster.network.conditions.delay = 0..=1;
        cluster.run_for(Config::default().first_beacon_delay + INTERVAL * 10);
        let traffic = &cluster.traffic;
        assert_eq!((traffic.inquiries, traffic.tellings), (1, 1));
        assert_eq!(
            traffic.tells,
            1_000_u64.div_ceil(per_packet(&Config::default())) + 1,
            "seed {seed}"
        );
        for member in &cluster.members {
            assert_eq!(member.host.downloaded(&info_hash(0)), Some(9));
        }
    }
}

#[test]
fn the_larger_count_is_told_an_interval_after_the_last_tell() {
    let mut cluster = cluster(1, [Host::with(0..10, 5)], &silent());
    for at in [0, 30, 60] {
        cluster.run_until(SECOND * at);
        cluster.inject(0, &tell(id(9), 0..3, 4));
    }
    // As much, and more.
    cluster.inject(0, &tell(id(8), 1..2, 5));
    cluster.inject(0, &tell(id(8), 2..3, 6));
    cluster.run_until(SECOND * 120);
    assert_eq!(told(&mut cluster), []);
    cluster.run_until(SECOND * 150);
    let [told] = told(&mut cluster)[..] else {
        panic!("only the first is still known better");
    };
    assert_eq!((told.info_hash, told.downloaded), (info_hash(0), 5));
    cluster.run_until(SECOND * 1000);
    assert_eq!(cluster.traffic.tells, 1, "it is said once");
}

#[test]
fn after_a_long_telling_the_random_delays_are_as_far_apart_as_after_a_short_one() {
    let waits: Vec<Duration> = (0..40)
        .map(|seed| {
            let mut cluster = cluster(seed, [Host::with(0..10, 9)], &silent());
            for packet in 0..300 {
                cluster.run_until(Duration::from_millis(packet * 10));
                cluster.inject(0, &tell(id(5), 0..10, 1));
            }
            let last = Duration::from_millis(299 * 10);
            cluster.run_for(INTERVAL * 3);
            let said = cluster.journal.take().expect("a journal");
            let tells = said
                .iter()
                .filter(|said| matches!(said.what, What::Tell(_)));
            tells.map(|said| said.at - last).next().expect("told back")
        })
        .collect();
    let least = waits.iter().min().expect("40 of them");
    let most = waits.iter().max().expect("40 of them");
    assert!(
        *least >= INTERVAL && *least < INTERVAL.mul_f64(1.1),
        "{least:?}"
    );
    assert!(
        *most > INTERVAL.mul_f64(1.4) && *most <= INTERVAL.mul_f64(1.5),
        "{most:?}"
    );
}

#[test]
fn a_tell_without_a_whole_record_is_no_tell() {
    let mut cluster = cluster(1, [Host::default()], &silent());
    cluster.inject(0, &beacon(id(5), 100));
    for length in 8..40 {
        cluster.run_until(SECOND * length);
        cluster.inject(0, &tell(id(6), 0..1, 1)[..length as usize]);
    }
    cluster.run_until(SECOND * 125);
    assert_eq!(inquiries(&mut cluster), [(120, id(5))]);
}

#[test]
fn what_there_is_no_room_to_remember_waits_for_the_next_telling() {
    let config = silent().remembered_torrents(10usize);
    let mut cluster = cluster(1, [Host::with(0..45, 5)], &config);
    for round in 1..=2 {
        cluster.inject(0, &tell(id(9), 0..45, 4));
        cluster.run_for(INTERVAL * 2);
        assert_eq!(told(&mut cluster).len(), 10);
        let counters = cluster.members[0].node.counters();
        assert_eq!(counters.scrape.torrents_not_remembered, 35 * round);
    }
}

#[test]
fn whoever_has_nothing_sends_no_empty_packet() {
    let mut cluster = cluster(1, [Host::default()], &silent());
    cluster.inject(0, &Inquire { asked: id(0) }.emit(id(9)));
    cluster.run_for(INTERVAL * 3);
    assert_eq!(cluster.traffic.tellings, 1);
    assert_eq!(cluster.journal, Some(vec![]));
}

/// Settings with which nobody sends a beacon in these tests.
pub fn silent() -> Config {
    Config::default().first_beacon_delay(INTERVAL * 1000)
}

/// A cluster of nodes 0, 1, … with these torrents, that keeps a journal.
pub fn cluster(seed: u64, hosts: impl IntoIterator<Item = Host>, config: &Config) -> Cluster {
    let mut cluster = Cluster::new(seed);
    cluster.journal = Some(Vec::new());
    for (number, host) in hosts.into_iter().enumerate() {
        cluster.join(id(number as u8), host, config, Duration::ZERO);
    }
    cluster
}

pub fn id(number: u8) -> TrackerId {
    TrackerId([number; 4])
}

pub fn beacon(from: TrackerId, torrents: u64) -> [u8; Beacon::LEN] {
    Beacon { torrents }.emit(from)
}

/// A tell packet with the torrents of these numbers, each downloaded so often.
pub fn tell(from: TrackerId, numbers: impl IntoIterator<Item = u64>, downloaded: u64) -> Vec<u8> {
    let mut packet = Header::new(from, PacketType::ScrapeTell).emit().to_vec();
    for number in numbers {
        let torrent = Torrent {
            info_hash: info_hash(number),
            base_offset: 0,
            downloaded,
        };
        packet.extend(torrent.emit());
    }
    packet
}

/// The inquiries since this was last asked: at which second, and whom.
pub fn inquiries(cluster: &mut Cluster) -> Vec<(u64, TrackerId)> {
    let said = cluster.journal.as_mut().unwrap().drain(..);
    said.filter_map(|said| match said.what {
        What::Inquire(asked) => Some((said.at.as_secs(), asked)),
        _ => None,
    })
    .collect()
}

/// The torrents told since this was last asked.
fn told(cluster: &mut Cluster) -> Vec<Torrent> {
    let said = cluster.journal.as_mut().unwrap().drain(..);
    said.flat_map(|said| match said.what {
        What::Tell(torrents) => torrents,
        _ => Vec::new(),
    })
    .collect()
}
