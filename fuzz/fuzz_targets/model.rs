//! Compares a cluster with a model of it. The model has no network and no protocol: each
//! announce is in each table at once. In the cluster, packets are lost, doubled and overtaken
//! as the data say. Then the network recovers, and in the end the tables must be those of the
//! model.

#![no_main]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use livesync::unstable::wire::{Frame, Packet};
use livesync::{Announce, Config, Keys, PeerFlags, TrackerId};
use livesync_fuzz::peers::AnnounceSeed;
use livesync_fuzz::tube::cluster::Cluster;
use livesync_fuzz::tube::host::Host;
use livesync_fuzz::tube::network::SLOWEST;
use livesync_fuzz::tube::old::Old;
use livesync_fuzz::tube::peers::{Key, Peers, assert_same, key};
use livesync_fuzz::tube::traffic::{Kind, Ledger, Sent};

/// Time that the nodes have to learn of each other before the first announce.
const WARM_UP: Duration = Duration::from_secs(2);

/// A disturbance of at most this length is recovered completely.
const SHORT: Duration = Duration::from_secs(5);

/// Time without disturbances at the end. After it, even the node with the longest silence has
/// sent its last sequence number, and every missing packet is recovered or lost.
const CALM: Duration = Duration::from_secs(45);

const MOST_STEPS: usize = 64;

/// The cluster's configuration and its steps.
#[derive(Arbitrary, Debug)]
struct Setup {
    nodes: u8,
    repair: bool,
    key: bool,
    /// One bit per node: whether it receives IPv6 peers.
    ipv6: u8,
    flush_ms: u8,
}

/// A step of a run.
#[derive(Arbitrary, Debug)]
enum Step<'a> {
    /// A client announces a peer to a node.
    Announce {
        by: u8,
        seed: AnnounceSeed,
        more: u8,
    },
    Pass {
        centis: u8,
    },
    /// Sets the fates of the next packets.
    Misbehave {
        fates: &'a [u8],
    },
}

fuzz_target!(|data: &[u8]| {
    let mut data = Unstructured::new(data);
    let Ok(setup) = Setup::arbitrary(&mut data) else {
        return;
    };
    let mut run = Run::new(&setup);
    for _ in 0..MOST_STEPS {
        if data.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut data) else {
            break;
        };
        run.step(step);
    }
    run.ends();
});

/// The cluster and its model.
struct Run {
    cluster: Cluster,
    config: Config,
    /// The expected tables: those of the nodes, and that of the old node.
    tables: Vec<Peers>,
    /// The node to which a peer was announced last, and when.
    last: HashMap<Key, (usize, Duration)>,
    completed: HashSet<Key>,
    /// True while the network has worked without faults.
    faultless: bool,
}

impl Run {
    fn new(setup: &Setup) -> Self {
        let mut cluster = Cluster::new(1);
        let mut config = Config::default()
            .scrape(false)
            .repair(setup.repair)
            .flush_after(Duration::from_millis(setup.flush_ms.into()));
        config.keys = setup.key.then(|| Keys::new([7; 32]));
        let nodes = 2 + setup.nodes % 3;
        for number in 0..nodes {
            let ipv6 = setup.ipv6 >> number & 1 == 0;
            let config = config.clone().ipv6(ipv6);
            cluster.join(
                TrackerId([number; 4]),
                Host::default(),
                &config,
                Duration::ZERO,
            );
        }
        cluster.old.push(Old::new(TrackerId([9; 4])));
        cluster.run_until(WARM_UP);
        cluster.ledger = Some(Ledger::default());
        Self {
            cluster,
            config,
            tables: vec![Peers::default(); usize::from(nodes) + 1],
            last: HashMap::new(),
            completed: HashSet::new(),
            faultless: true,
        }
    }

    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Announce { by, seed, more } => {
                let by = usize::from(by) % self.cluster.nodes.len();
                for shift in 0..=u32::from(more % 64) {
                    let mut announce = seed.announce(shift);
                    announce.peer.ip = announce.peer.ip.to_canonical();
                    self.announce(by, announce);
                }
            }
            Step::Pass { centis } => {
                let time = Duration::from_millis(10) * centis.into();
                self.cluster.run_for(time);
            }
            // Without repair, the protocol promises nothing here.
            Step::Misbehave { fates } if self.config.repair => {
                self.faultless &= fates.is_empty();
                self.cluster.network.misbehave(fates);
            }
            Step::Misbehave { .. } => {}
        }
    }

    /// A client announces to a node, and all tables that take such peers get the announce. Of
    /// two announces to different nodes, the later one is only known if they are further apart
    /// than packets wait and travel. A peer completes once.
    fn announce(&mut self, by: usize, mut announce: Announce) {
        let key = key(&announce);
        let flags = &mut announce.peer.flags;
        *flags = flags.without(PeerFlags::FROM_SYNC);
        if flags.contains(PeerFlags::COMPLETED) && !self.completed.insert(key) {
            *flags = flags.without(PeerFlags::COMPLETED);
        }
        if let Some((last, at)) = self.last.get(&key)
            && *last != by
        {
            let apart = self.config.flush_after * 2 + SLOWEST * 2;
            self.cluster.run_until((*at + apart).max(self.cluster.now));
        }
        self.last.insert(key, (by, self.cluster.now));
        self.cluster.announce(by, announce);
        for (number, table) in self.tables.iter_mut().enumerate() {
            let node = self.cluster.nodes.get(number);
            let ipv6 = node.is_some_and(|node| node.config.ipv6);
            if number == by || ipv6 || announce.peer.ip.is_ipv4() {
                table.apply([announce]);
            }
        }
    }

    /// Ends the disturbances. Then the tables must be those of the model, except for the peers
    /// in packets that are counted as lost.
    fn ends(mut self) {
        let took = self.cluster.now - WARM_UP;
        self.cluster.network.misbehave(&[]);
        self.cluster.run_for(CALM);
        for (number, node) in self.cluster.nodes.iter().enumerate() {
            let missing = self.missing(number);
            let counters = node.protocol.counters();
            assert_eq!(counters.packets_overflowed, 0);
            let lost = counters.repair.packets_lost;
            if node.config.ipv6 {
                assert_eq!(lost, missing.len() as u64, "lost by {number}");
            }
            if self.faultless || took < SHORT {
                assert_eq!(lost, 0, "{number}: {counters}");
            }
            let announces = missing.iter().flat_map(|sent| announces(sent));
            let unknown = announces.map(|announce| key(&announce)).collect();
            assert_same(number, &node.peers, &self.tables[number], &unknown);
        }
        if self.faultless
            && let (Some(old), Some(table)) = (self.cluster.old.first(), self.tables.last())
        {
            assert_same(9, &old.peers, table, &HashSet::new());
        }
    }

    /// Returns the numbered packets of other nodes that this node has not used.
    fn missing(&self, number: usize) -> Vec<&Sent> {
        let ledger = self.cluster.ledger.as_ref().expect("a ledger");
        let used = ledger.used.get(number);
        let is_used = |sent: &Sent| {
            let (used, sent) = (used, sent.number);
            sent.is_some_and(|sent| used.is_some_and(|used| used.contains(&sent)))
        };
        let firsts = ledger.of(Kind::First);
        let missing = firsts.filter(|sent| sent.by != number && !is_used(sent));
        missing.collect()
    }
}

fn announces(sent: &Sent) -> Vec<Announce> {
    match Frame::parse(&sent.bytes).map(|frame| frame.packet) {
        Ok(Packet::Live(peers)) => peers.collect(),
        other => panic!("{other:?}"),
    }
}
