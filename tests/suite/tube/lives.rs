//! Peers that come, complete and go, at trackers whose network misbehaves.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fastrand::Rng;
use livesync::{Announce, Config, Peer, PeerFlags, TrackerId};

use super::cluster::Cluster;
use super::host::{Host, info_hash};
use super::network::Conditions;
use super::peers::{Key, key};
use super::traffic::Ledger;

/// Time that the trackers have run when the first announce comes.
pub const WARM_UP: Duration = Duration::from_secs(5);

/// Time for which peers come and go.
const LIVES_TAKE: Duration = Duration::from_secs(15);

/// Time without disturbances at the end. After it, even the node with the longest silence has
/// sent its last sequence number, and NAKs were sent for every missing packet.
const CALM: Duration = Duration::from_secs(60);

/// The longest delay of a packet, in microseconds.
const SLOWEST: u64 = 50_000;

/// An announce of a client to a tracker.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: Duration,
    pub by: usize,
    pub announce: Announce,
}

/// The announces of all peers.
#[derive(Clone, Debug)]
pub struct Lives {
    pub nodes: usize,
    pub config: Config,
    /// Ordered by time.
    pub events: Vec<Event>,
    /// Peers that stop once, and do not come back.
    pub gone: HashSet<Key>,
}

impl Lives {
    pub fn new(rng: &mut Rng) -> Self {
        let flush = [10, 50, 100, 200][rng.usize(0..4)];
        let mut lives = Self {
            nodes: rng.usize(2..=6),
            config: Config::default()
                .scrape(false)
                .flush_after(Duration::from_millis(flush)),
            events: Vec::new(),
            gone: HashSet::new(),
        };
        for number in 0..rng.u32(20..200) {
            lives.live(number, rng);
        }
        // In some clusters packets are full.
        for number in 0..[0, 0, 500, 5000][rng.usize(0..4)] {
            let at = LIVES_TAKE.mul_f64(rng.f64());
            let by = rng.usize(0..lives.nodes);
            let announce = announce(1000 + number, PeerFlags::default());
            lives.events.push(Event { at, by, announce });
        }
        lives.events.sort_by_key(|event| event.at);
        lives
    }

    /// Draws the announces of one peer. Of two announces to different trackers, the later one
    /// is only known if they are further apart than packets wait and travel. A peer completes
    /// once.
    fn live(&mut self, number: u32, rng: &mut Rng) {
        let apart = self.config.flush_after * 2 + Duration::from_micros(SLOWEST) * 2;
        let mut at = LIVES_TAKE.mul_f64(rng.f64() / 2.0);
        let mut by = rng.usize(0..self.nodes);
        let (mut completed, mut stops, mut stopped) = (false, 0, false);
        for _ in 0..rng.u32(1..10) {
            let flags = match rng.u32(0..6) {
                0 if !completed => PeerFlags::COMPLETED | PeerFlags::SEEDING,
                1 | 2 => PeerFlags::STOPPED,
                3 => PeerFlags::SEEDING,
                _ => PeerFlags::default(),
            };
            completed |= flags.contains(PeerFlags::COMPLETED);
            stopped = flags.contains(PeerFlags::STOPPED);
            stops += u32::from(stopped);
            let announce = announce(number, flags);
            self.events.push(Event { at, by, announce });
            at += Duration::from_millis([0, 1, 30, 300, 2000][rng.usize(0..5)]);
            if rng.bool() {
                by = rng.usize(0..self.nodes);
                at += apart;
            }
        }
        if stopped && stops == 1 {
            self.gone
                .insert(key(&announce(number, PeerFlags::default())));
        }
    }

    /// Makes a cluster before the first announce, whose network only delays.
    pub fn cluster(&self, seed: u64) -> Cluster {
        let mut rng = Rng::with_seed(seed);
        let mut cluster = Cluster::new(rng.u64(..));
        for number in 0..self.nodes {
            let id = TrackerId(rng.u32(..).to_be_bytes());
            cluster.join(id, Host::default(), &self.config, Duration::ZERO);
            cluster.set_wall(number, Duration::from_millis(rng.u64(0..20_000)));
            cluster.nodes[number].drift(rng.u32(0..100));
        }
        cluster.network.conditions.delay = 500..=500;
        cluster
    }

    /// Runs all announces, and calls `misfortune` for the cluster from time to time; then the
    /// network recovers.
    pub fn happen(&self, cluster: &mut Cluster, mut misfortune: impl FnMut(&mut Cluster)) {
        cluster.run_until(WARM_UP);
        cluster.ledger = Some(Ledger::default());
        let mut next = WARM_UP;
        for Event { at, by, announce } in &self.events {
            let at = WARM_UP + *at;
            while next <= at {
                cluster.run_until(next);
                misfortune(cluster);
                next += Duration::from_millis(250);
            }
            cluster.run_until(at);
            cluster.announce(*by, *announce);
        }
        cluster.network.conditions = Conditions::CALM;
        cluster.network.sides.clear();
        cluster.network.cut.clear();
        cluster.run_for(CALM);
    }
}

/// Disturbs the network, or lets it recover.
pub fn trouble(cluster: &mut Cluster, rng: &mut Rng) {
    let nodes = cluster.nodes.len();
    let network = &mut cluster.network;
    match rng.u32(0..12) {
        0..3 => network.conditions = conditions(rng),
        3 => network.sides = (0..nodes).map(|_| rng.usize(0..2)).collect(),
        4 => drop(
            network
                .cut
                .insert((rng.usize(0..nodes), rng.usize(0..nodes))),
        ),
        5 => network.sides.clear(),
        6 => network.cut.clear(),
        _ => {}
    }
}

fn conditions(rng: &mut Rng) -> Conditions {
    let mut part = |most| if rng.bool() { rng.f64() * most } else { 0.0 };
    Conditions {
        loss: part(0.6),
        shared_loss: part(0.3),
        bursts: part(0.05),
        duplication: part(0.5),
        burst: Duration::from_millis(rng.u64(1..500)),
        delay: 0..=rng.u64(0..=SLOWEST),
    }
}

/// Returns the announce of the peer with this number.
pub fn announce(number: u32, flags: PeerFlags) -> Announce {
    let ip = match number % 4 {
        0 => IpAddr::V6(Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(number))),
        _ => IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + number)),
    };
    Announce {
        info_hash: info_hash(u64::from(number % 7)),
        peer: Peer {
            ip,
            port: 6881,
            flags,
        },
    }
}
