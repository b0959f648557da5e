//! A tracker that does not store all torrents that it is told: its access list refuses them, or
//! its memory is full.

use std::time::Duration;

use livesync::Config;

use super::by_hand::{INTERVAL, beacon, cluster, id, inquiries, scrape_tell, silent};
use super::cluster::Cluster;
use super::host::{Host, info_hash};

const HOUR: Duration = Duration::from_secs(3600);

/// Makes a tracker without torrents that stores only every second one.
fn refuses_odd_ones() -> Host {
    let odd = (0..3000).filter(|number| number % 2 == 1);
    Host {
        refused: odd.map(info_hash).collect(),
        ..Host::default()
    }
}

/// Makes a tracker with a thousand torrents, and others that refuse half of them.
fn beside_a_full_one(refusing: usize) -> Cluster {
    let mut hosts = vec![Host::with(0..1000, 1)];
    hosts.resize(1 + refusing, refuses_odd_ones());
    let config = Config::default().first_beacon_delay(INTERVAL);
    cluster(1, hosts, &config)
}

#[test]
fn what_is_refused_counts_as_known_for_a_day() {
    let mut cluster = beside_a_full_one(1);
    cluster.run_until(HOUR * 24);
    assert_eq!(cluster.nodes[1].host.count(), 500);
    assert_eq!(inquiries(&mut cluster).len(), 1);
    assert_eq!(cluster.traffic.torrents_sent, 1000);
    cluster.run_until(HOUR * 48);
    assert_eq!(inquiries(&mut cluster).len(), 1, "once more a day later");
}

#[test]
fn one_telling_is_enough_for_all_that_hear_it() {
    let mut cluster = beside_a_full_one(3);
    cluster.run_until(HOUR * 24);
    for node in &cluster.nodes[1..] {
        assert_eq!(node.host.count(), 500);
    }
    assert_eq!(cluster.traffic.tellings, 1);
}

#[test]
fn a_tracker_that_refuses_asks_when_others_know_much_more() {
    let mut cluster = beside_a_full_one(1);
    cluster.run_until(HOUR);
    inquiries(&mut cluster);
    // 500 and 500 are three quarters of 1333.
    let more = |until| Host::with(1000..until, 1).torrents;
    cluster.nodes[0].host.torrents.extend(more(1333));
    cluster.run_until(HOUR * 2);
    assert_eq!(inquiries(&mut cluster), []);
    cluster.nodes[0].host.torrents.extend(more(3000));
    cluster.run_until(HOUR * 3);
    assert_eq!(inquiries(&mut cluster).len(), 1);
    assert_eq!(cluster.nodes[1].host.count(), 1500);
    cluster.run_until(HOUR * 20);
    assert_eq!(inquiries(&mut cluster), []);
}

#[test]
fn a_tracker_that_refuses_asks_once_after_each_start() {
    let mut cluster = beside_a_full_one(1);
    for start in 1..=3 {
        cluster.run_until(HOUR * start);
        assert_eq!(inquiries(&mut cluster).len(), 1);
        cluster.restart(1, id(7), refuses_odd_ones());
    }
}

/// Half of a scrape tell is lost, or its sender is, so the rest of it stays unknown.
#[test]
fn only_what_was_told_counts_as_refused() {
    let mut cluster = cluster(1, [refuses_odd_ones()], &silent());
    for (count, inquires) in [(740, true), (750, false)] {
        for first in (0..count).step_by(10) {
            cluster.inject(0, &scrape_tell(id(9), first..first + 10, 1));
        }
        cluster.run_for(INTERVAL * 10);
        cluster.inject(0, &beacon(id(9), 1000));
        cluster.run_for(INTERVAL * 10);
        assert_eq!(
            !inquiries(&mut cluster).is_empty(),
            inquires,
            "{count} are told"
        );
    }
    // The counts of the answer are smaller, and do not replace the first ones.
    cluster.inject(0, &scrape_tell(id(8), 0..10, 2));
    cluster.run_for(INTERVAL * 10);
    cluster.inject(0, &beacon(id(9), 1000));
    cluster.run_for(INTERVAL * 10);
    assert_eq!(inquiries(&mut cluster), []);
}

/// Repeated scrape tells of the same torrents count no more than one.
#[test]
fn what_is_refused_twice_counts_once() {
    let mut cluster = cluster(1, [refuses_odd_ones()], &silent());
    for _ in 0..10 {
        for first in (0..400).step_by(10) {
            cluster.inject(0, &scrape_tell(id(9), first..first + 10, 1));
        }
        cluster.run_for(INTERVAL * 10);
    }
    cluster.inject(0, &beacon(id(9), 1000));
    cluster.run_for(INTERVAL * 10);
    assert_eq!(inquiries(&mut cluster).len(), 3);
}
