//! The cost and the time of complete delivery. To see the figures, with the table for more
//! trackers, and for more seeds:
//!
//! ```text
//! LIVESYNC_TESTS_TUBE_SEEDS=200 cargo test --release tube::figures -- --nocapture --include-ignored
//! ```

use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use livesync::{Config, PeerFlags, TrackerId};

use super::cluster::Cluster;
use super::host::Host;
use super::lives::{WARM_UP, announce};
use super::network::Conditions;
use super::seeds::for_seeds;
use super::traffic::{Kind, Ledger};
use crate::support::is_long;

/// Upper bound for the number of peers,
const ANNOUNCES: u32 = 20_000;

/// which announce themselves within this time.
const ANNOUNCES_TAKE: Duration = Duration::from_secs(1);

/// Interval at which the test looks whether all tables are complete,
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// and the time for which it does so.
const PATIENCE: Duration = Duration::from_secs(15);

/// Delay of packets on a local network, in microseconds.
const LOCAL: RangeInclusive<u64> = 100..=1000;

/// Announces that all trackers shall receive.
#[derive(Clone, Debug)]
struct Case {
    nodes: usize,
    /// Number of trackers that get announces from clients.
    speakers: usize,
    announces: u32,
    conditions: Conditions,
}

/// The result of a run.
#[derive(Debug, Default)]
struct Figures {
    /// Time from the last announce until all trackers had all peers.
    complete_after: Option<Duration>,
    /// Packets with announces, and their retransmissions.
    packets: usize,
    missed: usize,
    naks: usize,
    heartbeats: usize,
    retransmissions: usize,
    retransmitted_bytes: usize,
}

#[test]
fn with_thirty_percent_lost_all_is_there_within_two_seconds() {
    for speakers in [5, 1] {
        all_is_there_within(Duration::from_secs(2), speakers, 0.3);
    }
}

#[test]
fn with_half_of_all_lost_all_is_there_within_five_seconds() {
    for speakers in [5, 1] {
        all_is_there_within(Duration::from_secs(5), speakers, 0.5);
    }
}

/// Five trackers, of which `speakers` get announces from clients, on a network that loses this
/// part of all packets.
fn all_is_there_within(limit: Duration, speakers: usize, loss: f64) {
    let mut times = Vec::new();
    for_seeds(2, |seed| {
        let conditions = Conditions {
            loss,
            ..local(LOCAL)
        };
        let case = Case {
            nodes: 5,
            speakers,
            announces: if is_long() { ANNOUNCES } else { ANNOUNCES / 5 },
            conditions,
        };
        let time = case.run(seed).complete_after.expect("all is there");
        assert!(time <= limit, "all is there after {time:?}");
        times.push(time);
        WARM_UP + ANNOUNCES_TAKE + time
    });
    times.sort();
    let part = |part| times[(times.len() - 1) * part / 100];
    println!(
        "{loss} lost, {speakers} of 5 speak: all is there after {:?}, of 95 % after {:?}, at worst {:?}",
        part(50),
        part(95),
        part(100)
    );
}

#[test]
fn where_nothing_is_lost_repair_costs_nearly_nothing() {
    for_seeds(4, |seed| {
        for speakers in [5, 1] {
            let case = Case {
                nodes: 5,
                speakers,
                announces: ANNOUNCES,
                conditions: local(LOCAL),
            };
            let figures = case.run(seed);
            assert_eq!((figures.naks, figures.retransmissions), (0, 0));
            let repair = figures.heartbeats;
            let all = repair + figures.packets;
            assert!(repair * 50 < all, "{repair} of {all} packets");
        }
        WARM_UP
    });
}

/// Several receivers miss the same packet, but not all of them send a NAK.
#[test]
fn a_packet_that_ten_receivers_lose_draws_one_nak_and_a_half_at_most() {
    for delay in [LOCAL, 5000..=5000] {
        let (mut packets, mut naks) = (0, 0);
        for_seeds(20, |seed| {
            packets += 50;
            naks += naks_for_lost_by_all(10, delay.clone(), seed, 50);
            WARM_UP
        });
        let naks = naks as f64 / f64::from(packets);
        println!("lost by all of 10, {delay:?} us: {naks:.2} NAKs");
        assert!(naks <= 1.5, "{naks} NAKs");
    }
}

#[test]
#[ignore = "it asserts nothing, and shows figures"]
fn figures_for_up_to_a_hundred_trackers() {
    for nodes in [2, 5, 10, 30, 100] {
        for part in [0.01, 0.1, 0.3, 0.5] {
            for (loss, shared_loss) in [(part, 0.0), (0.0, part)] {
                let conditions = Conditions {
                    loss,
                    shared_loss,
                    ..local(LOCAL)
                };
                let case = Case {
                    nodes,
                    speakers: nodes,
                    announces: ANNOUNCES,
                    conditions,
                };
                let figures = case.run(1);
                println!("{nodes} trackers, lost {loss}, by all {shared_loss}: {figures}");
            }
        }
    }
}

/// Returns the number of NAKs for packets that all receivers lose, one at a time.
fn naks_for_lost_by_all(
    receivers: usize,
    delay: RangeInclusive<u64>,
    seed: u64,
    packets: u32,
) -> usize {
    let mut cluster = cluster(seed, receivers + 1, &local(delay));
    let sends = Config::default().flush_after + Duration::from_millis(1);
    for number in 0..packets {
        cluster.announce(0, announce(2 * number, PeerFlags::SEEDING));
        cluster.network.conditions.shared_loss = 1.0;
        cluster.run_for(sends);
        cluster.network.conditions.shared_loss = 0.0;
        cluster.announce(0, announce(2 * number + 1, PeerFlags::SEEDING));
        cluster.run_for(Duration::from_secs(4));
        let all = 2 * number as usize + 2;
        for node in &cluster.nodes {
            assert_eq!(node.peers.swarm.len(), all);
        }
    }
    let ledger = cluster.ledger.take().expect("a ledger");
    ledger.of(Kind::Nak).count()
}

impl Case {
    fn run(&self, seed: u64) -> Figures {
        let mut cluster = cluster(seed, self.nodes, &self.conditions);
        let mut rng = Rng::with_seed(seed);
        for number in 0..self.announces {
            let part = f64::from(number) / f64::from(self.announces);
            cluster.run_until(WARM_UP + ANNOUNCES_TAKE.mul_f64(part));
            let by = rng.usize(0..self.speakers);
            cluster.announce(by, announce(number, PeerFlags::SEEDING));
        }
        let last = cluster.now;
        let is_complete = |cluster: &Cluster| {
            let mut nodes = cluster.nodes.iter();
            nodes.all(|node| node.peers.swarm.len() == self.announces as usize)
        };
        while !is_complete(&cluster) && cluster.now < last + PATIENCE {
            cluster.run_for(LOOK_INTERVAL);
        }
        let ledger = cluster.ledger.take().expect("a ledger");
        let count = |kind| ledger.of(kind).count();
        let retransmissions = || ledger.of(Kind::Retransmission);
        Figures {
            complete_after: is_complete(&cluster).then(|| cluster.now - last),
            packets: count(Kind::First),
            missed: retransmissions()
                .map(|sent| sent.number)
                .collect::<HashSet<_>>()
                .len(),
            naks: count(Kind::Nak),
            heartbeats: count(Kind::Heartbeat),
            retransmissions: retransmissions().count(),
            retransmitted_bytes: retransmissions().map(|sent| sent.bytes.len()).sum(),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.complete_after {
            Some(time) => write!(f, "all is there after {:.2} s", time.as_secs_f64())?,
            None => write!(f, "something is missing after {PATIENCE:?}")?,
        }
        let per_packet = |number| number as f64 / self.missed.max(1) as f64;
        write!(
            f,
            "; {} packets, {} missed by a node, each with {:.2} NAKs and retransmitted {:.2} times, \
             {} KiB in all; {} heartbeats",
            self.packets,
            self.missed,
            per_packet(self.naks),
            per_packet(self.retransmissions),
            self.retransmitted_bytes >> 10,
            self.heartbeats
        )
    }
}

/// Makes a cluster that has run for a while under these conditions.
fn cluster(seed: u64, nodes: usize, conditions: &Conditions) -> Cluster {
    let mut rng = Rng::with_seed(seed);
    let mut cluster = Cluster::new(rng.u64(..));
    cluster.network.conditions.clone_from(conditions);
    let config = Config::default().scrape(false);
    for _ in 0..nodes {
        let id = TrackerId(rng.u32(..).to_be_bytes());
        cluster.join(id, Host::default(), &config, Duration::ZERO);
    }
    cluster.run_until(WARM_UP);
    cluster.ledger = Some(Ledger::default());
    cluster
}

fn local(delay: RangeInclusive<u64>) -> Conditions {
    Conditions {
        delay,
        ..Conditions::CALM
    }
}
