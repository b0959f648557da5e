//! What repair may cost, whoever asks for what.

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

/// The bytes per second that a member may send again in any case.
const AGAIN: usize = 512 << 10;

/// The bytes of NAKs per second that a member may send.
const NAKS: usize = 64 << 10;

/// Somebody asks for everything, a thousand times a second: what is sent again stays
/// within its bounds, and nobody else notices.
#[test]
fn a_flood_of_naks_costs_no_more_than_it_may() {
    for_seeds(4, |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut lives = Lives::new(&mut rng);
        lives.events.truncate(200);
        let mut cluster = lives.cluster(seed);
        lives.happen(&mut cluster, |_| {});
        let asked = cluster.members[0].node.id();
        for number in 0..5000 {
            cluster.announce(0, announce(number, PeerFlags::default()));
            let (_, epoch, seq) = newest(&cluster).expect("a packet of 0");
            cluster.inject(0, &nak(asked, epoch, seq, number));
            cluster.run_for(Duration::from_millis(1));
        }
        cluster.run_for(Duration::from_secs(1));
        nobody_spends_more_than_it_may(&cluster);
        let again = cluster
            .ledger
            .as_ref()
            .expect("a ledger")
            .of(Kind::Retransmission);
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

/// The number of the last packet of 0.
fn newest(cluster: &Cluster) -> Option<Number> {
    let sent = &cluster.ledger.as_ref()?.sent;
    let mut ours = sent.iter().rev().filter(|sent| sent.by == 0);
    ours.find(|sent| sent.kind == Kind::First)?.number
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

/// In no second a member sends more again than a fifth of what it sends anyway, or the
/// least that is always allowed; nor more NAKs than it may. A quarter more is what a
/// bucket that was full makes of it.
pub fn nobody_spends_more_than_it_may(cluster: &Cluster) {
    let most = |number, kind| {
        let ledger = cluster.ledger.as_ref().expect("a ledger");
        let sent = ledger.of(kind).filter(|sent: &&Sent| sent.by == number);
        busiest_second(sent)
    };
    for number in 0..cluster.members.len() {
        let again = AGAIN.max(most(number, Kind::First) / 5);
        assert!(
            most(number, Kind::Retransmission) <= again + again / 4,
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
