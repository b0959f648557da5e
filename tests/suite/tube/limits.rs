//! The cost of repair is bounded, whatever a sender of NAKs requests.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use livesync::unstable::wire::{Nak, Trailer};
use livesync::{PeerFlags, TrackerId};

use super::cluster::Cluster;
use super::lives::{Lives, announce};
use super::peers::key;
use super::seeds::for_seeds;
use super::traffic::{Kind, Number, Sent};

/// The bytes per second that a node may always retransmit.
const RETRANSMIT_RATE: usize = 512 << 10;

/// The bytes of NAKs per second that a node may send.
const NAK_RATE: usize = 64 << 10;

/// An attacker sends NAKs for everything, a thousand times a second. Retransmissions stay
/// within their bounds, and no other node is affected.
#[test]
fn a_flood_of_naks_costs_no_more_than_it_may() {
    for_seeds(4, |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut lives = Lives::new(&mut rng);
        lives.events.truncate(200);
        let mut cluster = lives.cluster(seed);
        lives.happen(&mut cluster, |_| {});
        let target = cluster.nodes[0].protocol.id();
        for number in 0..5000 {
            cluster.announce(0, announce(number, PeerFlags::default()));
            let (_, epoch, seq) = newest(&cluster).expect("a packet of 0");
            cluster.inject(0, &nak(target, epoch, seq, number));
            cluster.run_for(Duration::from_millis(1));
        }
        cluster.run_for(Duration::from_secs(1));
        nobody_spends_more_than_it_may(&cluster);
        let retransmitted = cluster
            .ledger
            .as_ref()
            .expect("a ledger")
            .of(Kind::Retransmission);
        let retransmitted: usize = retransmitted.map(|sent| sent.bytes.len()).sum();
        assert!(
            retransmitted > RETRANSMIT_RATE * 4,
            "the bounds are reached: {retransmitted}"
        );
        for node in &cluster.nodes {
            let known = |number| {
                node.peers
                    .swarm
                    .contains_key(&key(&announce(number, PeerFlags::default())))
            };
            assert!((0..5000).all(known));
        }
        cluster.now
    });
}

/// Returns the number of the last packet of node 0.
fn newest(cluster: &Cluster) -> Option<Number> {
    let sent = &cluster.ledger.as_ref()?.sent;
    let mut ours = sent.iter().rev().filter(|sent| sent.by == 0);
    ours.find(|sent| sent.kind == Kind::First)?.number
}

/// Makes a stranger's NAK for all packets of an epoch, up to this one.
fn nak(target: TrackerId, epoch: u32, last: u32, sent: u32) -> Vec<u8> {
    let trailer = Trailer {
        epoch: 1,
        sent,
        ..Trailer::default()
    };
    let nak = Nak::emit(TrackerId([9; 4]), target, epoch, &[1..=last]);
    [&nak[..], &trailer.emit()].concat()
}

/// In no second a node retransmits more than a fifth of its other packets, or the minimum that
/// is always allowed; nor does it send more NAKs than it may. A token bucket that was full adds
/// a quarter.
pub fn nobody_spends_more_than_it_may(cluster: &Cluster) {
    let most = |number, kind| {
        let ledger = cluster.ledger.as_ref().expect("a ledger");
        let sent = ledger.of(kind).filter(|sent: &&Sent| sent.by == number);
        busiest_second(sent)
    };
    for number in 0..cluster.nodes.len() {
        let retransmitted = RETRANSMIT_RATE.max(most(number, Kind::First) / 5);
        assert!(
            most(number, Kind::Retransmission) <= retransmitted + retransmitted / 4,
            "retransmitted by {number}"
        );
        assert!(
            most(number, Kind::Nak) <= NAK_RATE + NAK_RATE / 4,
            "NAKs of {number}"
        );
    }
}

/// Returns the largest number of bytes that were sent in a second.
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
