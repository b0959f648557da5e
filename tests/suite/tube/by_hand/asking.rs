//! When a node sends an inquiry, and to which node.

use livesync::Task;
use livesync::unstable::protocol::Source;

use super::{INTERVAL, SECOND, beacon, cluster, id, inquiries, scrape_tell, silent};
use crate::tube::host::Host;

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
    for (last, target) in [((120, 1, 499), 3), ((120, 4, 501), 4), ((122, 2, 900), 3)] {
        let mut cluster = cluster(1, [Host::with(0..100, 1)], &silent());
        beacons.push(last);
        for (at, from, torrents) in &beacons {
            cluster.run_until(SECOND * *at);
            cluster.inject(0, &beacon(id(*from), *torrents));
        }
        beacons.pop();
        cluster.run_until(SECOND * 125);
        assert_eq!(inquiries(&mut cluster), [(121, id(target))]);
    }
}

#[test]
fn what_is_not_worth_asking_any_more_is_not_asked() {
    let mut cluster = cluster(1, [Host::with(0..100, 1)], &silent());
    cluster.inject(0, &beacon(id(9), 134));
    cluster.run_until(INTERVAL);
    cluster.nodes[0].host = Host::with(0..101, 1);
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
    let expected = [120, 180, 240, 1120, 1180, 1240].map(|at| (at, id(9)));
    assert_eq!(inquiries(&mut cluster), expected);
}

#[test]
fn a_tell_of_anybody_ends_the_wait_and_the_asking() {
    for tell_at in [1, 119, 121, 179, 239] {
        let mut cluster = cluster(1, [Host::default()], &silent());
        cluster.inject(0, &beacon(id(9), 100));
        cluster.run_until(SECOND * tell_at);
        let count = inquiries(&mut cluster).len() as u32;
        assert_eq!(count, (tell_at / 60).saturating_sub(1));
        cluster.inject(0, &scrape_tell(id(5), 0..1, 1));
        cluster.run_until(SECOND * 1000);
        assert_eq!(
            inquiries(&mut cluster),
            [],
            "after a scrape tell at {tell_at}"
        );
        cluster.inject(0, &beacon(id(9), 100));
        cluster.run_until(SECOND * 1130);
        assert_eq!(inquiries(&mut cluster), [(1120, id(9))]);
    }
}

/// The host takes its time to count, and a scrape tell arrives meanwhile.
#[test]
fn a_decision_that_a_tell_overtakes_is_not_taken() {
    let config = silent().repair(false);
    let mut cluster = cluster(1, [Host::default()], &config);
    cluster.inject(0, &beacon(id(9), 100));
    let node = &mut cluster.nodes[0].protocol;
    let now = node.poll_timeout();
    node.handle_timeout(now);
    assert_eq!(node.poll_task(), Some(Task::CountTorrents));
    let source = Source {
        address: "10.0.0.9:40000".parse().unwrap(),
        allowed: true,
    };
    for packet in [&scrape_tell(id(5), 0..1, 1)[..], &beacon(id(9), 100)] {
        node.handle_datagram(now, source, packet).unwrap();
    }
    node.handle_torrent_count(now, 0);
    assert!(!node.has_transmit(), "it inquires");
}

#[test]
fn a_tell_without_a_whole_record_is_no_tell() {
    let mut cluster = cluster(1, [Host::default()], &silent());
    cluster.inject(0, &beacon(id(5), 100));
    for length in 8..40 {
        cluster.run_until(SECOND * length);
        cluster.inject(0, &scrape_tell(id(6), 0..1, 1)[..length as usize]);
    }
    cluster.run_until(SECOND * 125);
    assert_eq!(inquiries(&mut cluster), [(120, id(5))]);
}
