//! Latest wins: properties that hold for every seed of peers and packets.

use std::collections::HashSet;
use std::time::Duration;

use fastrand::Rng;
use livesync::stats::Reject;
use livesync::unstable::wire::{Frame, Packet};
use livesync::{Announce, PeerFlags};

use super::cluster::Cluster;
use super::host::Host;
use super::limits::nobody_spends_more_than_it_may;
use super::lives::{Lives, announce, trouble};
use super::peers::{Key, assert_same, key};
use super::seeds::for_seeds;
use super::traffic::{Kind, Number, Sent};

/// Latest wins: whatever is lost, doubled, late or reordered, in the end each tracker's table
/// is that of a network that only delays. Each packet that repair could not recover is counted
/// as lost, except for the last ones of an epoch that has ended. The table may differ in the
/// peers of these packets, and in no others.
#[test]
fn each_table_is_that_of_a_network_without_faults() {
    let (mut packets, mut lost) = (0, 0);
    for_seeds(25, |seed| {
        let mut rng = Rng::with_seed(seed);
        let lives = Lives::new(&mut rng);
        let [mut cluster, mut faultless] = [(); 2].map(|()| lives.cluster(seed));
        lives.happen(&mut faultless, |_| {});
        lives.happen(&mut cluster, |cluster| trouble(cluster, &mut rng));
        for number in 0..cluster.nodes.len() {
            let missing = missing(&cluster, number);
            let counters = cluster.nodes[number].protocol.counters();
            assert_eq!(counters.packets_overflowed, 0);
            let counted = missing.iter().filter(|sent| !epoch_ended(&cluster, sent));
            assert!(
                (counted.count()..=missing.len())
                    .contains(&(counters.repair.packets_lost as usize)),
                "lost by {number}: {}, missing: {}, too late: {}",
                counters.repair.packets_lost,
                missing.len(),
                counters.drops.of(Reject::TooLate)
            );
            lost += missing.len();
            let unknown: HashSet<_> = missing
                .iter()
                .flat_map(|sent| announces(sent))
                .map(|announce| key(&announce))
                .collect();
            let [ours, theirs] = [&cluster, &faultless].map(|c| &c.nodes[number].peers);
            assert_same(number, ours, theirs, &unknown);
        }
        nobody_comes_back(&cluster, &lives);
        nobody_spends_more_than_it_may(&cluster);
        packets += firsts(&cluster).count() * (cluster.nodes.len() - 1);
        cluster.now + faultless.now
    });
    println!("lost: {lost} of {packets} packets, counted at each receiver");
}

/// Trackers restart under their old ids, and wall clocks are set, on a network that loses
/// packets. Afterwards all nodes receive each other's announces, and meanwhile no peer that has
/// stopped comes back.
#[test]
fn who_starts_again_or_sets_its_clock_is_heard() {
    for_seeds(25, |seed| {
        let mut rng = Rng::with_seed(seed);
        let lives = Lives::new(&mut rng);
        let mut cluster = lives.cluster(seed);
        lives.happen(&mut cluster, |cluster| {
            trouble(cluster, &mut rng);
            let number = rng.usize(0..lives.nodes);
            match rng.u32(0..20) {
                0 => {
                    let id = cluster.nodes[number].protocol.id();
                    cluster.restart(number, id, Host::default());
                }
                // No clock is ever set back to a time that it has shown.
                1 => cluster.set_wall(number, Duration::from_secs(100 * rng.u64(1..1000))),
                _ => {}
            }
        });
        nobody_comes_back(&cluster, &lives);
        cluster.network.conditions.loss = 0.1;
        let news =
            (0..lives.nodes).map(|by| (by, announce(100_000 + by as u32, PeerFlags::SEEDING)));
        let news: Vec<_> = news.collect();
        for (by, announce) in &news {
            cluster.announce(*by, *announce);
        }
        cluster.run_for(Duration::from_secs(12));
        for (number, node) in cluster.nodes.iter().enumerate() {
            for (by, announce) in &news {
                let known = node.peers.swarm.contains_key(&key(announce));
                assert!(known, "{number} has not heard {by}");
            }
        }
        cluster.now
    });
}

fn nobody_comes_back(cluster: &Cluster, lives: &Lives) {
    for (number, node) in cluster.nodes.iter().enumerate() {
        let revived: Vec<_> = node.peers.revived.intersection(&lives.gone).collect();
        assert_eq!(revived, [] as [&Key; 0], "come back at {number}");
    }
}

/// Returns the packets of others that a node has never used.
fn missing(cluster: &Cluster, number: usize) -> Vec<&Sent> {
    let ledger = cluster.ledger.as_ref().expect("a ledger");
    let used = ledger.used.get(number);
    let is_used = |packet: &Number| used.is_some_and(|used| used.contains(packet));
    let missing = firsts(cluster).filter(|sent| sent.by != number);
    missing
        .filter(|sent| sent.number.is_some_and(|packet| !is_used(&packet)))
        .collect()
}

/// Returns whether the sender has begun another epoch since. Then it is possible that no node
/// knows of the packet.
fn epoch_ended(cluster: &Cluster, sent: &Sent) -> bool {
    let epoch = |sent: &Sent| sent.number.map(|(id, epoch, _)| (id, epoch));
    let mut others = firsts(cluster).filter(|other| other.by == sent.by && other.at > sent.at);
    others.any(|other| epoch(other) != epoch(sent))
}

fn firsts(cluster: &Cluster) -> impl Iterator<Item = &Sent> {
    cluster.ledger.as_ref().expect("a ledger").of(Kind::First)
}

fn announces(sent: &Sent) -> Vec<Announce> {
    match Frame::parse(&sent.bytes).expect("a packet").packet {
        Packet::Live(peers) => peers.collect(),
        other => panic!("{other:?}"),
    }
}
