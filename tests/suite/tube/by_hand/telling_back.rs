//! A node that knows a larger count than a scrape tell contains tells it back: once, after a
//! while, unless another node has done so.

use std::time::Duration;

use livesync::Config;

use super::{INTERVAL, SECOND, cluster, id, scrape_tell, sent_torrents, silent};
use crate::tube::audit::per_packet;
use crate::tube::host::{Host, info_hash};
use crate::tube::traffic::What;

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
        for node in &cluster.nodes {
            assert_eq!(node.host.downloaded(&info_hash(0)), Some(9));
        }
    }
}

#[test]
fn the_larger_count_is_told_an_interval_after_the_last_tell() {
    let mut cluster = cluster(1, [Host::with(0..10, 5)], &silent());
    for at in [0, 30, 60] {
        cluster.run_until(SECOND * at);
        cluster.inject(0, &scrape_tell(id(9), 0..3, 4));
    }
    // The same count, and a larger one.
    cluster.inject(0, &scrape_tell(id(8), 1..2, 5));
    cluster.inject(0, &scrape_tell(id(8), 2..3, 6));
    cluster.run_until(SECOND * 120);
    assert_eq!(sent_torrents(&mut cluster), []);
    cluster.run_until(SECOND * 150);
    let [told_back] = sent_torrents(&mut cluster)[..] else {
        panic!("only the first is still known better");
    };
    assert_eq!(
        (told_back.info_hash, told_back.downloaded),
        (info_hash(0), 5)
    );
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
                cluster.inject(0, &scrape_tell(id(5), 0..10, 1));
            }
            let last = Duration::from_millis(299 * 10);
            cluster.run_for(INTERVAL * 3);
            let said = cluster.journal.take().expect("a journal");
            let tells = said
                .iter()
                .filter(|said| matches!(said.what, What::ScrapeTell(_)));
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
fn what_there_is_no_room_to_remember_waits_for_the_next_telling() {
    let config = silent().remembered_torrents(10usize);
    let mut cluster = cluster(1, [Host::with(0..45, 5)], &config);
    for round in 1..=2 {
        cluster.inject(0, &scrape_tell(id(9), 0..45, 4));
        cluster.run_for(INTERVAL * 2);
        assert_eq!(sent_torrents(&mut cluster).len(), 10);
        let counters = cluster.nodes[0].protocol.counters();
        assert_eq!(counters.scrape.torrents_not_remembered, 35 * round);
    }
}
