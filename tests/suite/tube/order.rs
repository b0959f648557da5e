//! The order of announces: whatever a client announces to which tracker, and whatever the
//! network does, all tables are equal in the end, and show the client's last announce.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;
use livesync::{Config, PeerFlags, TrackerId};

use super::cluster::Cluster;
use super::host::Host;
use super::lives::announce;
use super::network::Conditions;
use super::peers::{Key, key};
use super::seeds::for_seeds;
use crate::support::is_long;

/// All nodes know each other when the first client comes.
const WARM_UP: Duration = Duration::from_secs(1);

/// After this time every missing packet is recovered or lost.
const CALM: Duration = Duration::from_secs(15);

/// Makes a cluster whose clocks agree to `skew`.
fn cluster(nodes: usize, flush_after: u64, skew: u64, rng: &mut Rng) -> Cluster {
    let config = Config::default()
        .scrape(false)
        .flush_after(Duration::from_millis(flush_after));
    let mut cluster = Cluster::new(rng.u64(..));
    for number in 0..nodes {
        let id = TrackerId(rng.u32(..).to_be_bytes());
        cluster.join(id, Host::default(), &config, Duration::ZERO);
        cluster.set_wall(number, Duration::from_millis(rng.u64(0..=skew)));
    }
    cluster.run_until(WARM_UP);
    cluster
}

fn trouble(rng: &mut Rng) -> Conditions {
    Conditions {
        loss: rng.f64() * 0.3,
        shared_loss: rng.f64() * 0.1,
        duplication: rng.f64() * 0.3,
        delay: 0..=rng.u64(0..50_000),
        ..Conditions::CALM
    }
}

/// Each peer's last announce, by its time, and by its tracker if the times are the same.
#[derive(Default)]
struct Reference(HashMap<Key, ((u128, TrackerId), PeerFlags)>);

impl Reference {
    fn announces(&mut self, cluster: &mut Cluster, by: usize, peer: u32, flags: PeerFlags) {
        let announce = announce(peer, flags);
        let said = (cluster.now.as_millis(), cluster.nodes[by].protocol.id());
        let last = self.0.entry(key(&announce)).or_insert((said, flags));
        if said >= last.0 {
            *last = (said, flags);
        }
        cluster.announce(by, announce);
    }

    fn holds_in(&self, cluster: &Cluster) {
        for (number, node) in cluster.nodes.iter().enumerate() {
            for (key, (_, flags)) in &self.0 {
                let stopped = flags.contains(PeerFlags::STOPPED);
                let expected = (!stopped).then_some(flags.without(PeerFlags::COMPLETED));
                let known = node.peers.swarm.get(key).copied();
                assert_eq!(known, expected, "{key:?} at {number}");
            }
            assert!(node.peers.swarm.len() <= self.0.len());
        }
    }
}

fn flags(rng: &mut Rng) -> PeerFlags {
    let all = [
        PeerFlags::default(),
        PeerFlags::SEEDING,
        PeerFlags::SEEDING | PeerFlags::COMPLETED,
        PeerFlags::STOPPED,
        PeerFlags::STOPPED,
    ];
    all[rng.usize(0..all.len())]
}

#[test]
fn all_tables_are_equal_and_show_what_was_said_last() {
    for_seeds(if is_long() { 10_000 } else { 1_000 }, |seed| {
        let mut rng = Rng::with_seed(seed);
        let (nodes, flush) = (rng.usize(2..=4), [5, 50, 100][rng.usize(0..3)]);
        let mut cluster = cluster(nodes, flush, 0, &mut rng);
        let mut reference = Reference::default();
        let peers = rng.u32(1..8);
        for _ in 0..rng.u32(2..50) {
            if rng.u32(0..5) == 0 {
                cluster.network.conditions = trouble(&mut rng);
            }
            cluster.run_for(Duration::from_micros(rng.u64(0..40_000)));
            let (by, peer) = (rng.usize(0..nodes), rng.u32(0..peers));
            let flags = flags(&mut rng);
            reference.announces(&mut cluster, by, peer, flags);
        }
        cluster.network.conditions = Conditions::CALM;
        cluster.run_for(CALM);
        reference.holds_in(&cluster);
        cluster.now
    });
}

/// A client that moves quickly from one tracker to another counts where it went, even if the
/// trackers have other things to announce.
#[test]
fn clients_that_move_are_where_they_went() {
    for_seeds(50, |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut cluster = cluster(3, 100, 0, &mut rng);
        let mut reference = Reference::default();
        for peer in 0..60 {
            let (from, to) = (rng.usize(0..3), rng.usize(0..3));
            let moves = [(from, PeerFlags::STOPPED), (to, PeerFlags::SEEDING)];
            let moves = if peer % 2 == 0 {
                moves
            } else {
                [moves[1], moves[0]]
            };
            for (by, flags) in moves {
                reference.announces(&mut cluster, by, peer, flags);
                let other = reference.0.len() as u32 + 1000 * peer;
                cluster.announce(rng.usize(0..3), announce(1000 + other, PeerFlags::SEEDING));
                cluster.run_for(Duration::from_millis(rng.u64(1..20)));
            }
        }
        cluster.run_for(CALM);
        for (number, node) in cluster.nodes.iter().enumerate() {
            for (key, (_, flags)) in &reference.0 {
                let known = node.peers.swarm.contains_key(key);
                assert_eq!(known, *flags == PeerFlags::SEEDING, "{key:?} at {number}");
            }
        }
        cluster.now
    });
}

/// Clocks that are seconds apart: after the nodes have received each other's packets, the later
/// announce still wins.
#[test]
fn clocks_that_are_apart_do_not_decide() {
    for_seeds(500, |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut cluster = cluster(3, 50, 9_000, &mut rng);
        let mut reference = Reference::default();
        for _ in 0..rng.u32(2..30) {
            // The next node has received the announce.
            cluster.run_for(Duration::from_millis(rng.u64(160..300)));
            let (by, peer) = (rng.usize(0..3), rng.u32(0..3));
            let flags = flags(&mut rng);
            reference.announces(&mut cluster, by, peer, flags);
        }
        cluster.run_for(CALM);
        reference.holds_in(&cluster);
        cluster.now
    });
}
