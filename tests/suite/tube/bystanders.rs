//! Trackers without repair, beside nodes with repair.

use std::collections::HashSet;
use std::time::Duration;

use fastrand::Rng;
use livesync::unstable::wire::{Frame, Packet};
use livesync::{Announce, PeerFlags, TrackerId};

use super::cluster::Cluster;
use super::host::Host;
use super::lives::{Lives, announce, trouble};
use super::old::Old;
use super::peers::{Peers, assert_same, key};
use super::seeds::for_seeds;
use super::traffic::Kind;

/// A tracker of 2009, and one without repair, beside others that lose many packets. They
/// receive each packet when it is sent for the first time, if it reaches them, and no other
/// packets; and the others receive their announces.
#[test]
fn who_knows_no_repair_is_not_disturbed() {
    for_seeds(25, |seed| {
        let mut rng = Rng::with_seed(seed);
        let lives = Lives::new(&mut rng);
        let mut cluster = lives.cluster(seed);
        let id = TrackerId(rng.u32(..).to_be_bytes());
        let config = lives.config.clone().repair(false);
        cluster.join(id, Host::default(), &config, Duration::ZERO);
        let (plain, old) = (lives.nodes, lives.nodes + 1);
        cluster
            .old
            .push(Old::new(TrackerId(rng.u32(..).to_be_bytes())));
        lives.happen(&mut cluster, |cluster| {
            trouble(cluster, &mut rng);
            cluster.network.conditions.duplication = 0.0;
        });

        let understood = &cluster.old[0].understood;
        let expected: Vec<_> = heard_first(&cluster, old)
            .filter(|announce| announce.peer.ip.is_ipv4())
            .collect();
        assert!(*understood == expected, "understood by the old one");
        let mut expected = Peers::default();
        expected.apply(heard_first(&cluster, plain));
        assert_same(
            plain,
            &cluster.nodes[plain].peers,
            &expected,
            &HashSet::new(),
        );
        let retransmitted = cluster
            .ledger
            .as_ref()
            .expect("a ledger")
            .of(Kind::Retransmission);
        assert!(
            retransmitted.count() > 0,
            "there is something to be disturbed by"
        );

        let news = (100_001..100_003).map(|number| announce(number, PeerFlags::SEEDING));
        let news: Vec<_> = news.collect();
        cluster.old_announces(0, &news[..1]);
        cluster.announce(plain, news[1]);
        cluster.run_for(Duration::from_secs(1));
        for node in &cluster.nodes {
            assert!(
                news.iter()
                    .all(|news| node.peers.swarm.contains_key(&key(news)))
            );
        }
        assert!(cluster.old[0].peers.swarm.contains_key(&key(&news[1])));
        cluster.now
    });
}

/// Returns the announces that reached a node when they were sent for the first time.
fn heard_first(cluster: &Cluster, number: usize) -> impl Iterator<Item = Announce> {
    let arrived = &cluster.ledger.as_ref().expect("a ledger").arrived;
    let arrived = arrived.iter().filter(move |(to, _)| *to == number);
    let frames = arrived.map(|(_, bytes)| Frame::parse(bytes).expect("a packet"));
    let lists = frames
        .filter(|frame| !frame.retransmitted)
        .filter_map(|frame| match frame.packet {
            Packet::Live(peers) => Some(peers),
            _ => None,
        });
    lists.flatten()
}
