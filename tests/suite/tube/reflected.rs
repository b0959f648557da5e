//! A network in which all packets come twice, the second time from another address, and to
//! their senders, too: a bridge, a second interface in the same segment, or a NAT that turns
//! packets round.

use std::collections::HashSet;
use std::time::Duration;

use fastrand::Rng;
use livesync::stats::{Counters, Reject};
use livesync::{Auth, Config, Keys, PeerFlags, TrackerId};

use super::cluster::Cluster;
use super::host::Host;
use super::lives::announce;
use super::network::Conditions;
use super::peers::assert_same;
use super::seeds::for_seeds;

const CALM: Duration = Duration::from_secs(15);

/// Delay of the reflector in microseconds. A reflected packet may overtake the original.
const DETOUR: std::ops::RangeInclusive<u64> = 0..=8_000;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Returns configurations without a key, with one, with an optional one, and without repair.
fn kinds() -> [Config; 4] {
    let plain = Config::default()
        .first_beacon_delay(millis(3_000))
        .beacon_interval(millis(2_000));
    let keyed = plain.clone().keys(Keys::new([7; 32]));
    let accepting = keyed.clone().auth(Auth::Accept);
    let unrepaired = plain.clone().repair(false);
    [plain, keyed, accepting, unrepaired]
}

fn cluster(config: &Config, ids: [u8; 3], seed: u64) -> Cluster {
    let mut cluster = Cluster::new(seed);
    cluster.network.reflector = Some(DETOUR);
    for id in ids {
        cluster.join(TrackerId([id; 4]), Host::default(), config, Duration::ZERO);
    }
    cluster
}

/// Clients come, complete and go; each stays with its tracker.
fn life(cluster: &mut Cluster, rng: &mut Rng) {
    let all = [
        PeerFlags::default(),
        PeerFlags::SEEDING | PeerFlags::COMPLETED,
        PeerFlags::STOPPED,
    ];
    for _ in 0..300 {
        let peer = rng.u32(0..100);
        let flags = all[rng.usize(0..all.len())];
        cluster.announce(peer as usize % 3, announce(peer, flags));
        cluster.run_for(Duration::from_micros(rng.u64(0..20_000)));
    }
}

fn counters(cluster: &Cluster) -> impl Iterator<Item = Counters> {
    let nodes = cluster.nodes.iter();
    nodes.map(|node| node.protocol.counters())
}

fn all_tables_are_equal(cluster: &Cluster) {
    let [first, others @ ..] = &cluster.nodes[..] else {
        panic!("no nodes");
    };
    for (number, node) in others.iter().enumerate() {
        assert_same(number, &node.peers, &first.peers, &HashSet::new());
    }
}

#[test]
fn what_comes_back_changes_no_id_and_is_not_used() {
    for_seeds(20, |seed| {
        for (kind, config) in kinds().iter().enumerate() {
            let mut rng = Rng::with_seed(seed);
            let mut cluster = cluster(config, [1, 2, 3], seed);
            life(&mut cluster, &mut rng);
            cluster.run_for(CALM);
            // Without repair, a packet that comes twice counts twice, as it does without a
            // reflector.
            let repairs = config.repair;
            if repairs {
                all_tables_are_equal(&cluster);
            }
            let announced: u64 = counters(&cluster)
                .map(|counters| counters.records_announced)
                .sum();
            for (number, counters) in counters(&cluster).enumerate() {
                let id = cluster.nodes[number].protocol.id();
                assert_eq!(id, TrackerId([number as u8 + 1; 4]), "{kind}: {counters}");
                assert_eq!(counters.id_collisions, 0, "{kind}");
                assert_eq!(counters.repair.packets_lost, 0, "{kind}: {counters}");
                assert!(
                    counters.drops.of(Reject::OwnPacket) > 30,
                    "{kind}: {counters}"
                );
                let heard = announced - counters.records_announced;
                let heard = if repairs { heard } else { 2 * heard };
                assert_eq!(counters.records_heard, heard, "{kind}: {counters}");
            }
        }
        CALM
    });
}

/// Packets are lost on either way.
#[test]
fn what_is_lost_one_way_is_repaired_and_changes_no_id() {
    for_seeds(50, |seed| {
        for config in &kinds()[..3] {
            let mut rng = Rng::with_seed(seed);
            let mut cluster = cluster(config, [1, 2, 3], seed);
            cluster.network.conditions.loss = rng.f64() * 0.2;
            cluster.run_for(millis(2_000));
            life(&mut cluster, &mut rng);
            cluster.network.conditions = Conditions::CALM;
            cluster.run_for(CALM);
            // A completion that arrives after its client has stopped does not count.
            let [first, others @ ..] = &cluster.nodes[..] else {
                panic!("no nodes");
            };
            for node in others {
                assert_eq!(node.peers.swarm, first.peers.swarm);
            }
            for counters in counters(&cluster) {
                assert_eq!(counters.repair.packets_lost, 0, "{counters}");
                assert_eq!(counters.id_collisions, 0, "{counters}");
            }
        }
        CALM
    });
}

/// Two trackers that have drawn the same id notice it all the same.
#[test]
fn who_has_our_id_is_told_from_what_comes_back() {
    for_seeds(50, |seed| {
        for (kind, config) in kinds().iter().enumerate() {
            let mut rng = Rng::with_seed(seed);
            let mut cluster = cluster(config, [1, 1, 2], seed);
            life(&mut cluster, &mut rng);
            cluster.run_for(CALM);
            let ids: HashSet<_> = (cluster.nodes.iter())
                .map(|one| one.protocol.id())
                .collect();
            assert_eq!(ids.len(), 3, "{kind}");
            let drawn = counters(&cluster).map(|counters| counters.id_collisions);
            assert!(drawn.sum::<u64>() <= 3, "{kind}: and then they keep them");
        }
        CALM
    });
}
