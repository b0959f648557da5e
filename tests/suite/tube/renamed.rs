//! A node continues under a new id, and restates the announces that it sent under the old one.
//! Nothing is lost by that, and nothing counts twice.

use std::time::Duration;

use livesync::unstable::wire::{Nak, Trailer};
use livesync::{Config, PeerFlags, TrackerId};

use super::cluster::{Cluster, STRANGER};
use super::host::Host;
use super::lives::announce;

const CALM: Duration = Duration::from_secs(12);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Three trackers that know each other; the last one has another clock.
fn cluster(loss: f64, ahead: Duration) -> Cluster {
    let mut cluster = Cluster::new(7);
    let config = Config::default().scrape(false);
    for number in 1..=3 {
        cluster.join(TrackerId([number; 4]), Host::default(), &config, millis(0));
    }
    cluster.network.conditions.delay = 100..=5000;
    cluster.network.conditions.loss = loss;
    cluster.set_wall(2, ahead);
    cluster.run_for(CALM);
    cluster
}

/// Sends the first tracker a NAK for a packet that it has not sent.
fn draws_a_new_id(cluster: &mut Cluster) {
    let before = cluster.nodes[0].protocol.id();
    let epoch = cluster.nodes[0].protocol.epoch().expect("an epoch");
    let unused = 1 << 30;
    let trailer = Trailer {
        epoch,
        ..Trailer::default()
    };
    let nak = Nak::emit(TrackerId([9; 4]), before, epoch, &[unused..=unused]);
    cluster.forge(0, STRANGER, &[&nak[..], &trailer.emit()].concat());
    assert_ne!(cluster.nodes[0].protocol.id(), before);
}

fn announce_all(cluster: &mut Cluster, by: usize, peers: std::ops::Range<u32>, flags: PeerFlags) {
    for peer in peers {
        cluster.announce(by, announce(peer, flags));
    }
}

#[test]
fn a_busy_tracker_that_draws_new_ids_loses_nothing() {
    let mut cluster = cluster(0.02, millis(0));
    let mut peers = 0;
    for step in 0..250 {
        announce_all(&mut cluster, 0, peers..peers + 100, PeerFlags::SEEDING);
        peers += 100;
        cluster.run_for(millis(10));
        if [20, 130, 240].contains(&step) {
            draws_a_new_id(&mut cluster);
        }
    }
    cluster.run_for(CALM);
    for node in &cluster.nodes {
        assert_eq!(node.peers.swarm.len(), peers as usize);
        assert_eq!(node.protocol.counters().repair.packets_lost, 0);
    }
}

#[test]
fn a_download_counts_once_under_however_many_ids_and_clocks() {
    for ahead in [millis(0), millis(700), millis(60_000)] {
        let mut cluster = cluster(0.0, ahead);
        announce_all(&mut cluster, 0, 0..100, PeerFlags::COMPLETED);
        cluster.run_for(millis(300));
        announce_all(&mut cluster, 0, 0..100, PeerFlags::STOPPED);
        for _ in 0..2 {
            cluster.run_for(millis(1100));
            draws_a_new_id(&mut cluster);
        }
        cluster.run_for(CALM);
        for node in &cluster.nodes {
            let downloads: u64 = node.peers.downloads.values().sum();
            assert_eq!((downloads, node.peers.swarm.len()), (100, 0));
        }
        let recovered = cluster.nodes[1]
            .protocol
            .counters()
            .repair
            .packets_recovered;
        assert!(recovered > 0, "nothing was recovered");
    }
}

#[test]
fn after_a_clock_was_set_back_nobody_comes_back() {
    let mut cluster = cluster(0.0, millis(0));
    for wall in [3_600_000, 0] {
        cluster.set_wall(0, millis(wall));
        cluster.run_for(CALM);
    }
    announce_all(&mut cluster, 0, 0..100, PeerFlags::SEEDING);
    cluster.run_for(millis(1000));
    announce_all(&mut cluster, 1, 0..100, PeerFlags::STOPPED);
    cluster.run_for(millis(1000));
    draws_a_new_id(&mut cluster);
    cluster.run_for(CALM);
    for (number, node) in cluster.nodes.iter().enumerate() {
        assert_eq!(node.peers.swarm.len(), 0, "at {number}");
    }
    assert_eq!(cluster.nodes[0].protocol.counters().id_collisions, 1);
}
