//! An allowed source without torrents that tries to stop scrape sync.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use livesync::unstable::wire::{Beacon, Inquire};
use livesync::{Config, TrackerId};

use super::by_hand::{INTERVAL, beacon, cluster, id, inquiries, scrape_tell, silent};
use super::cluster::Cluster;
use super::host::Host;

/// The largest count that a beacon may claim.
const LOUD: u64 = Beacon::MAX_TORRENTS;

/// The address of the attacker.
const HOSTILE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 255, 255, 9)), 4444);

/// Makes a tracker with a thousand torrents, and one without any.
fn full_and_empty(seed: u64) -> Cluster {
    let config = Config::default().first_beacon_delay(INTERVAL);
    cluster(seed, [Host::with(0..1000, 1), Host::default()], &config)
}

/// Returns how many intervals it takes until the empty tracker knows all torrents, while the
/// attack is repeated.
fn intervals_until_synced(
    seed: u64,
    pause: Duration,
    mut attack: impl FnMut(&mut Cluster, u32),
) -> u32 {
    let mut cluster = full_and_empty(seed);
    for step in 0.. {
        if cluster.nodes[1].host.count() >= 1000 {
            return cluster.now.div_duration_f64(INTERVAL).ceil() as u32;
        }
        assert!(cluster.now < INTERVAL * 5000, "seed {seed}: it never syncs");
        attack(&mut cluster, step);
        cluster.run_for(pause);
    }
    unreachable!("there is no last step");
}

fn new_id(step: u32) -> TrackerId {
    TrackerId((0x6600_0000 + step).to_be_bytes())
}

#[test]
fn a_silent_loudmouth_is_asked_once_and_then_the_next_fullest() {
    let needed = intervals_until_synced(1, INTERVAL / 2, |cluster, _| {
        cluster.forge(1, HOSTILE, &beacon(id(0x66), LOUD));
    });
    assert!(needed <= 6, "{needed} intervals");
}

#[test]
fn a_loudmouth_with_a_new_id_each_time_has_one_address() {
    for seed in 0..20 {
        let needed = intervals_until_synced(seed, INTERVAL / 20, |cluster, step| {
            cluster.forge(1, HOSTILE, &beacon(new_id(step), LOUD));
        });
        assert!(needed <= 6, "{needed} intervals");
    }
}

#[test]
fn one_with_a_new_address_each_time_does_not_stop_it_for_ever() {
    let mut all = Vec::new();
    for seed in 0..20 {
        all.push(intervals_until_synced(
            seed,
            INTERVAL / 4,
            |cluster, step| {
                let address = SocketAddr::from((Ipv4Addr::from_bits(0x0aff_0000 + step), 4444));
                cluster.forge(1, address, &beacon(new_id(step), LOUD));
            },
        ));
    }
    let average = all.iter().sum::<u32>() / all.len() as u32;
    println!(
        "{average} intervals on average, {:?} at most",
        all.iter().max()
    );
    assert!(average < 200, "{all:?}");
}

/// The small beacon used to replace the large one, just before the decision.
#[test]
fn small_beacons_in_the_name_of_the_fullest_do_not_cancel_it() {
    let mut cluster = cluster(1, [Host::default()], &silent());
    cluster.inject(0, &beacon(id(9), 100));
    cluster.run_until(INTERVAL * 2 - INTERVAL / 60);
    cluster.forge(0, HOSTILE, &beacon(id(9), 0));
    cluster.run_until(INTERVAL * 2 + INTERVAL / 60);
    assert_eq!(inquiries(&mut cluster), [(120, id(9))]);
}

/// Scrape tells reset everybody's inquiry, keep everybody silent, and put off all beacons.
#[test]
fn tells_do_not_stop_it_for_ever_however_far_apart() {
    for twentieths in [1, 10, 19, 20, 30, 38, 60, 100] {
        for seed in 0..3 {
            let pause = INTERVAL / 20 * twentieths;
            let needed = intervals_until_synced(seed, pause, |cluster, _| {
                for number in 0..2 {
                    cluster.forge(number, HOSTILE, &scrape_tell(id(0x66), 2000..2001, 0));
                }
            });
            assert!(needed <= 40, "{needed} intervals, each {pause:?}");
        }
    }
}

/// The torrents of the fullest tracker are refused, as if by an access list.
#[test]
fn what_is_told_in_another_name_and_refused_does_not_keep_us_from_asking() {
    let mut cluster = full_and_empty(1);
    cluster.nodes[1].host.refused = (5000..6000).map(super::host::info_hash).collect();
    for first in (5000..6000).step_by(40) {
        cluster.forge(1, HOSTILE, &scrape_tell(id(0x66), first..first + 40, 1));
    }
    cluster.run_for(INTERVAL * 10);
    assert_eq!(cluster.nodes[1].host.count(), 1000);
}

#[test]
fn whoever_is_asked_again_and_again_does_not_tell_all_each_time() {
    let mut cluster = cluster(1, [Host::with(0..1000, 1)], &silent());
    for second in 0..60 * 60 {
        cluster.run_until(Duration::from_secs(second));
        cluster.forge(0, HOSTILE, &Inquire { asked: id(0) }.emit(id(0x66)));
    }
    assert_eq!(cluster.traffic.tellings, 3 + 5);
}

/// Trackers that start one after the other all learn every torrent.
#[test]
fn many_that_come_up_one_after_the_other_are_all_told() {
    let config = Config::default().first_beacon_delay(INTERVAL);
    let mut cluster = cluster(1, [Host::with(0..1000, 1)], &config);
    for number in 1..8 {
        cluster.run_for(INTERVAL * 5);
        cluster.join(id(number), Host::default(), &config, Duration::ZERO);
    }
    cluster.run_for(INTERVAL * 40);
    for node in &cluster.nodes {
        assert_eq!(node.host.count(), 1000);
    }
}
