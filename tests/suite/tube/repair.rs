//! What loss repair promises, for every seed.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use livesync::reject::Reject;
use livesync::types::{Announce, PeerFlags, TrackerId};
use livesync::wire::{Frame, Nak, Packet, Trailer};

use super::cluster::Cluster;
use super::host::Host;
use super::lives::{Lives, announce, trouble};
use super::old::Old;
use super::peers::{Key, Peers, key};
use super::seeds::for_seeds;
use super::traffic::{Kind, Number, Sent};

/// The bytes per second that a member may send again in any case.
const AGAIN: usize = 512 << 10;

/// The bytes of NAKs per second that a member may send.
const NAKS: usize = 64 << 10;

/// Latest wins: whatever is lost, doubled, late and in disorder, in the end each tracker's
/// table is the one of a network that only delays. Of the packets that no repair could
/// bring each is counted as given up, and the table may differ in the peers in them, no
/// others.
#[test]
fn each_table_is_that_of_a_network_without_faults() {
    let (mut packets, mut given_up) = (0, 0);
    for_seeds(100, |seed| {
        let mut rng = Rng::with_seed(seed);
        let lives = Lives::new(&mut rng);
        let [mut cluster, mut faultless] = [(); 2].map(|()| lives.cluster(seed));
        lives.happen(&mut faultless, |_| {});
        lives.happen(&mut cluster, |cluster| trouble(cluster, &mut rng));
        for number in 0..cluster.members.len() {
            let missing = missing(&cluster, number);
            let counters = cluster.members[number].node.counters();
            assert_eq!(counters.packets_overflowed, 0);
            assert_eq!(
                counters.repair.packets_given_up,
                missing.len() as u64,
                "given up by {number}; too late: {}",
                counters.drops.of(Reject::TooLate)
            );
            given_up += missing.len();
            let unknown: HashSet<_> = missing
                .iter()
                .flat_map(|sent| announces(sent))
                .map(|announce| key(&announce))
                .collect();
            let [ours, theirs] = [&cluster, &faultless].map(|c| &c.members[number].peers);
            assert_same(number, ours, theirs, &unknown);
        }
        nobody_comes_back(&cluster, &lives);
        nobody_spends_more_than_it_may(&cluster);
        packets += firsts(&cluster).count() * (cluster.members.len() - 1);
        cluster.now + faultless.now
    });
    println!("given up: {given_up} of {packets} packets, counted at each receiver");
}

/// Trackers start again under their old ids, and clocks on walls are set: afterwards
/// everybody hears everybody, through loss, and meanwhile nobody comes back who has gone.
#[test]
fn who_starts_again_or_sets_its_clock_is_heard() {
    for_seeds(100, |seed| {
        let mut rng = Rng::with_seed(seed);
        let lives = Lives::new(&mut rng);
        let mut cluster = lives.cluster(seed);
        lives.happen(&mut cluster, |cluster| {
            trouble(cluster, &mut rng);
            let number = rng.usize(0..lives.members);
            match rng.u32(0..20) {
                0 => {
                    let id = cluster.members[number].node.id();
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
            (0..lives.members).map(|by| (by, announce(100_000 + by as u32, PeerFlags::SEEDING)));
        let news: Vec<_> = news.collect();
        for (by, announce) in &news {
            cluster.announce(*by, *announce);
        }
        cluster.run_for(Duration::from_secs(12));
        for (number, member) in cluster.members.iter().enumerate() {
            for (by, announce) in &news {
                let known = member.peers.swarm.contains_key(&key(announce));
                assert!(known, "{number} has not heard {by}");
            }
        }
        cluster.now
    });
}

/// A tracker of 2009, and one without repair, beside others that lose much: they hear each
/// packet when it is sent first, if it reaches them, and nothing else; and what they say
/// is heard.
#[test]
fn who_knows_no_repair_is_not_disturbed() {
    for_seeds(100, |seed| {
        let mut rng = Rng::with_seed(seed);
        let lives = Lives::new(&mut rng);
        let mut cluster = lives.cluster(seed);
        let id = TrackerId(rng.u32(..).to_be_bytes());
        let config = lives.config.clone().repair(false);
        cluster.join(id, Host::default(), &config, Duration::ZERO);
        let (plain, old) = (lives.members, lives.members + 1);
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
            &cluster.members[plain].peers,
            &expected,
            &HashSet::new(),
        );
        let again = cluster.ledger.as_ref().expect("a ledger").of(Kind::Again);
        assert!(again.count() > 0, "there is something to be disturbed by");

        let news = (100_001..100_003).map(|number| announce(number, PeerFlags::SEEDING));
        let news: Vec<_> = news.collect();
        cluster.old_announces(0, &news[..1]);
        cluster.announce(plain, news[1]);
        cluster.run_for(Duration::from_secs(1));
        for member in &cluster.members {
            assert!(
                news.iter()
                    .all(|news| member.peers.swarm.contains_key(&key(news)))
            );
        }
        assert!(cluster.old[0].peers.swarm.contains_key(&key(&news[1])));
        cluster.now
    });
}

/// The announces that reached a member when they were sent first.
fn heard_first(cluster: &Cluster, number: usize) -> impl Iterator<Item = Announce> {
    let arrived = &cluster.ledger.as_ref().expect("a ledger").arrived;
    let arrived = arrived.iter().filter(move |(to, _)| *to == number);
    let frames = arrived.map(|(_, bytes)| Frame::parse(bytes).expect("a packet"));
    let lists = frames
        .filter(|frame| !frame.again)
        .filter_map(|frame| match frame.packet {
            Packet::Live(peers) => Some(peers),
            _ => None,
        });
    lists.flatten()
}

/// Somebody asks for everything, a thousand times a second: what is sent again stays
/// within its bounds, and nobody else notices.
#[test]
fn a_flood_of_naks_costs_no_more_than_it_may() {
    for_seeds(20, |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut lives = Lives::new(&mut rng);
        lives.events.truncate(200);
        let mut cluster = lives.cluster(seed);
        lives.happen(&mut cluster, |_| {});
        let asked = cluster.members[0].node.id();
        for number in 0..5000 {
            cluster.announce(0, announce(number, PeerFlags::default()));
            let newest = firsts(&cluster).filter(|sent| sent.by == 0).last();
            let (_, epoch, seq) = newest.and_then(Sent::number).expect("a packet of 0");
            cluster.inject(0, &nak(asked, epoch, seq, number));
            cluster.run_for(Duration::from_millis(1));
        }
        cluster.run_for(Duration::from_secs(1));
        nobody_spends_more_than_it_may(&cluster);
        let again = cluster.ledger.as_ref().expect("a ledger").of(Kind::Again);
        let again: usize = again.map(|sent| sent.bytes.len()).sum();
        assert!(again > AGAIN * 4, "the bounds are reached: {again}");
        for member in &cluster.members {
            let known = |number| {
                member
                    .peers
                    .swarm
                    .contains_key(&key(&announce(number, PeerFlags::default())))
            };
            assert!((0..5000).all(known));
        }
        cluster.now
    });
}

/// A stranger asks for all packets of an epoch, up to this one.
fn nak(asked: TrackerId, epoch: u32, last: u32, sent: u32) -> Vec<u8> {
    let trailer = Trailer {
        epoch: 1,
        sent,
        ..Trailer::default()
    };
    let nak = Nak::emit(TrackerId([9; 4]), asked, epoch, &[1..=last]);
    [&nak[..], &trailer.emit()].concat()
}

fn nobody_comes_back(cluster: &Cluster, lives: &Lives) {
    for (number, member) in cluster.members.iter().enumerate() {
        let revived: Vec<_> = member.peers.revived.intersection(&lives.gone).collect();
        assert_eq!(revived, [] as [&Key; 0], "come back at {number}");
    }
}

/// In no second a member sends more again than a fifth of what it sends anyway, or the
/// least that is always allowed; nor more NAKs than it may. A quarter more is what a
/// bucket that was full makes of it.
fn nobody_spends_more_than_it_may(cluster: &Cluster) {
    let most = |number, kind| {
        let ledger = cluster.ledger.as_ref().expect("a ledger");
        let sent = ledger.of(kind).filter(|sent: &&Sent| sent.by == number);
        busiest_second(sent)
    };
    for number in 0..cluster.members.len() {
        let again = AGAIN.max(most(number, Kind::First) / 5);
        assert!(
            most(number, Kind::Again) <= again + again / 4,
            "sent again by {number}"
        );
        assert!(
            most(number, Kind::Nak) <= NAKS + NAKS / 4,
            "NAKs of {number}"
        );
    }
}

/// How many bytes were sent in a second at most.
fn busiest_second<'a>(sent: impl Iterator<Item = &'a Sent>) -> usize {
    let mut second = VecDeque::new();
    let (mut bytes, mut most) = (0, 0);
    for sent in sent {
        second.push_back(sent);
        bytes += sent.bytes.len();
        while second[0].at + Duration::from_secs(1) <= sent.at {
            bytes -= second.pop_front().map_or(0, |old| old.bytes.len());
        }
        most = most.max(bytes);
    }
    most
}

fn assert_same(number: usize, ours: &Peers, theirs: &Peers, unknown: &HashSet<Key>) {
    for peer in ours.swarm.keys().chain(theirs.swarm.keys()) {
        let [ours, theirs] = [ours, theirs].map(|peers| peers.swarm.get(peer));
        assert!(
            ours == theirs || unknown.contains(peer),
            "{peer:?} at {number}: {ours:?}, not {theirs:?}"
        );
    }
    for torrent in ours.downloads.keys().chain(theirs.downloads.keys()) {
        let [ours, theirs] = [ours, theirs].map(|peers| peers.downloads.get(torrent));
        assert!(
            ours == theirs || unknown.iter().any(|(hash, ..)| hash == torrent),
            "{torrent} at {number}: downloaded {ours:?} times, not {theirs:?}"
        );
    }
}

/// The packets of others that a member has never used.
fn missing(cluster: &Cluster, number: usize) -> Vec<&Sent> {
    let ledger = cluster.ledger.as_ref().expect("a ledger");
    let used = ledger.used.get(number);
    let is_used = |packet: &Number| used.is_some_and(|used| used.contains(packet));
    let missing = firsts(cluster).filter(|sent| sent.by != number);
    missing
        .filter(|sent| sent.number().is_some_and(|packet| !is_used(&packet)))
        .collect()
}

fn firsts(cluster: &Cluster) -> impl Iterator<Item = &Sent> {
    cluster.ledger.as_ref().expect("a ledger").of(Kind::First)
}

fn announces(sent: &Sent) -> Vec<Announce> {
    match sent.frame().packet {
        Packet::Live(peers) => peers.collect(),
        other => panic!("{other:?}"),
    }
}
