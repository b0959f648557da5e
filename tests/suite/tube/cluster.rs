//! Trackers around a network. The cluster calls each node as the engine does.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use livesync::unstable::wire::{self, Frame};
use livesync::{Announce, Config, InfoHash, Task, TrackerId};

use super::host::{Answer, Host};
use super::network::{Network, Packet};
use super::old::Old;
use super::test_node::{TestNode, address, parse};
use super::traffic::{Ledger, Said, Sent, Traffic, What, number};

/// The address of the reflector.
const REFLECTOR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 1, 1)), 1);

/// The address of a host that is not a node.
pub const STRANGER: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 255, 255, 254)), 40_000);

/// Upper bound for the tasks that a node may give to its host at once.
const MOST_TASKS: usize = 10_000;

/// A cluster. Time is virtual, and advances only in [`run_until`](Self::run_until).
pub struct Cluster {
    pub now: Duration,
    pub network: Network,
    pub nodes: Vec<TestNode>,
    /// Trackers of 2009 in the same group; on the network they follow the nodes.
    pub old: Vec<Old>,
    pub traffic: Traffic,
    /// All packets for scrape sync, if a journal is kept.
    pub journal: Option<Vec<Said>>,
    /// All packets, if a ledger is kept.
    pub ledger: Option<Ledger>,
    /// The torrents that were told since this set was last cleared.
    pub sent_torrents: HashSet<InfoHash>,
    /// Prints all packets for scrape sync.
    aloud: bool,
    fingerprint: DefaultHasher,
    rng: Rng,
}

impl Cluster {
    /// Makes a cluster without nodes.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            now: Duration::ZERO,
            network: Network::new(rng.u64(..)),
            nodes: Vec::new(),
            old: Vec::new(),
            traffic: Traffic::default(),
            journal: None,
            ledger: None,
            sent_torrents: HashSet::new(),
            aloud: env::var_os("LIVESYNC_TESTS_TUBE_SEED").is_some(),
            fingerprint: DefaultHasher::new(),
            rng,
        }
    }

    /// Adds a tracker. The first is node 0.
    pub fn join(&mut self, id: TrackerId, host: Host, config: &Config, slowness: Duration) {
        let number = self.nodes.len();
        let seed = self.rng.u64(..);
        let node = TestNode::new(self.now, number, id, host, config, slowness, seed);
        self.nodes.push(node);
    }

    /// Restarts a tracker under this id, with these torrents and no peers.
    pub fn restart(&mut self, number: usize, id: TrackerId, host: Host) {
        let seed = self.rng.u64(..);
        if let Some(ledger) = &mut self.ledger {
            ledger.starts_again(number);
        }
        self.nodes[number].restart(self.now, id, host, seed);
    }

    /// Sets the wall clock of a tracker to be `ahead` of virtual time, in addition to that of
    /// the others.
    pub fn set_wall(&mut self, number: usize, ahead: Duration) {
        self.nodes[number].set_wall(self.now, ahead);
    }

    /// A client announces a peer to a tracker.
    pub fn announce(&mut self, number: usize, announce: Announce) {
        self.nodes[number].announce(self.now, announce);
        self.transmit(number);
        self.nodes[number].sleep(self.now);
    }

    /// A tracker of 2009 sends a packet with these announces.
    pub fn old_announces(&mut self, number: usize, announces: &[Announce]) {
        let bytes: Rc<[u8]> = self.old[number].say(announces).into();
        let (from, group) = (self.nodes.len() + number, self.group());
        self.network.send(self.now, from, group, &bytes);
    }

    /// Delivers a packet from a tracker that is not part of the cluster.
    pub fn inject(&mut self, to: usize, packet: &[u8]) {
        self.forge(to, STRANGER, packet);
    }

    /// Delivers a packet that seems to come from this address.
    pub fn forge(&mut self, to: usize, source: SocketAddr, packet: &[u8]) {
        self.hear(to, source, packet);
        self.tick(to);
    }

    /// Runs all events before `end`, and sets the time to `end`.
    pub fn run_until(&mut self, end: Duration) {
        loop {
            let arrival = self.network.next_arrival().unwrap_or(Duration::MAX);
            let (wakes, number) = (self.nodes.iter().enumerate())
                .map(|(number, node)| (node.wakes(), number))
                .min()
                .unwrap_or((Duration::MAX, 0));
            let next = arrival.min(wakes);
            if next >= end {
                break;
            }
            self.now = next;
            if arrival <= wakes {
                self.receive();
            } else {
                self.wake(number);
            }
        }
        self.now = end;
    }

    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// Runs until only beacons were sent for `silence`; panics if that takes longer than
    /// `patience`.
    pub fn run_until_silent_for(&mut self, silence: Duration, patience: Duration) {
        let give_up = self.now + patience;
        loop {
            let before = (self.traffic.inquiries, self.traffic.tells);
            self.run_for(silence);
            if before == (self.traffic.inquiries, self.traffic.tells) {
                return;
            }
            assert!(
                self.now < give_up,
                "there is no end to it: {:?}",
                self.traffic
            );
        }
    }

    /// Returns a value that is the same for two runs only if they were the same.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.finish()
    }

    /// Returns the counts that the nodes have for each torrent.
    pub fn counts(&self) -> BTreeMap<InfoHash, BTreeSet<u64>> {
        let mut counts = BTreeMap::<_, BTreeSet<u64>>::new();
        for (hash, entry) in self.nodes.iter().flat_map(|node| &node.host.torrents) {
            counts.entry(*hash).or_default().insert(entry.downloaded);
        }
        counts
    }

    /// Returns whether the threshold entitles `asker` to send an inquiry to `target`.
    pub fn is_entitled(&self, asker: usize, target: usize) -> bool {
        let (asker, target) = (&self.nodes[asker], &self.nodes[target]);
        let enough = asker.config.inquire_threshold * target.host.count() as f64;
        (asker.host.count() as f64) < enough
    }

    /// Delivers a packet. A slow tracker may receive several before it does its due work.
    fn receive(&mut self) {
        let Some(packet) = self.network.receive() else {
            return;
        };
        let Packet { to, bytes, .. } = &packet;
        let (to, source) = (*to, packet.source());
        if let Some(ledger) = &mut self.ledger {
            ledger.arrived.push((to, bytes.clone()));
        }
        if let Some(old) = to.checked_sub(self.nodes.len()) {
            return self.old[old].hear(bytes);
        }
        self.hear(to, source, bytes);
        if self.nodes[to].slowness().is_zero() {
            self.tick(to);
        } else {
            let tick = self.now + self.delay(to);
            self.nodes[to].tick_at(tick);
        }
    }

    /// Wakes up a node, for a tick or for an answer of its host.
    fn wake(&mut self, number: usize) {
        if let Some(answer) = self.nodes[number].take_answer(self.now) {
            self.answer(number, &answer);
            self.do_tasks(number);
            self.nodes[number].sleep(self.now);
        } else {
            self.tick(number);
        }
    }

    fn hear(&mut self, to: usize, address: SocketAddr, datagram: &[u8]) {
        let used = self.nodes[to].hear(self.now, address, datagram);
        let number = used.as_ref().and_then(number);
        if let (Some(ledger), Some(number)) = (&mut self.ledger, number) {
            ledger.uses(to, number);
        }
    }

    fn tick(&mut self, number: usize) {
        self.nodes[number].tick(self.now);
        self.transmit(number);
        self.do_tasks(number);
        self.nodes[number].sleep(self.now);
    }

    fn do_tasks(&mut self, number: usize) {
        for _ in 0..MOST_TASKS {
            let Some(task) = self.nodes[number].protocol.poll_task() else {
                return;
            };
            let node = &mut self.nodes[number];
            match &task {
                Task::Walk { .. } if !node.is_telling() => self.traffic.tellings += 1,
                Task::LookUp(hashes) => {
                    for hash in hashes {
                        *self.traffic.told_back.entry(*hash).or_default() += 1;
                    }
                }
                _ => {}
            }
            let answer = node.start_task(self.now, &task);
            if node.slowness().is_zero() {
                self.answer(number, &answer);
            } else {
                let at = self.now + self.delay(number);
                self.nodes[number].answer_at(at, answer);
            }
        }
        panic!("it gives its host tasks without end");
    }

    fn answer(&mut self, number: usize, answer: &Answer) {
        self.nodes[number].handle_answer(self.now, answer);
        self.transmit(number);
        self.nodes[number].note_answered(answer);
    }

    fn transmit(&mut self, from: usize) {
        while let Some(datagram) = self.nodes[from].protocol.poll_transmit() {
            let bytes: Rc<[u8]> = datagram.as_ref().into();
            self.sent(from, &bytes);
            self.network.send(self.now, from, self.group(), &bytes);
        }
    }

    fn sent(&mut self, by: usize, bytes: &Rc<[u8]>) {
        (self.now, by, bytes).hash(&mut self.fingerprint);
        let frame = parse(bytes);
        if let Some(ledger) = &mut self.ledger {
            ledger.sent.push(Sent::new(self.now, by, bytes, &frame));
        }
        let Frame {
            header,
            packet,
            retransmitted,
            ..
        } = frame;
        let node = &mut self.nodes[by];
        assert!(retransmitted || header.id == node.protocol.id());
        if retransmitted {
            return;
        }
        node.note_sent(&packet);
        let what = match packet {
            wire::Packet::Live(_) | wire::Packet::Heartbeat(_) | wire::Packet::Nak(_) => return,
            wire::Packet::ScrapeBeacon(beacon) => {
                self.traffic.beacons += 1;
                What::Beacon(beacon.torrents)
            }
            wire::Packet::ScrapeInquire(inquire) => {
                self.traffic.inquiries += 1;
                What::Inquire(inquire.asked)
            }
            wire::Packet::ScrapeTell(torrents) => {
                self.traffic.tells += 1;
                self.traffic.torrents_sent += torrents.len() as u64;
                for torrent in torrents.clone() {
                    let ours = node.host.downloaded(&torrent.info_hash);
                    assert!(
                        ours >= Some(torrent.downloaded),
                        "{torrent:?}, but {ours:?}"
                    );
                    self.sent_torrents.insert(torrent.info_hash);
                }
                What::ScrapeTell(torrents.collect())
            }
        };
        let said = Said {
            at: self.now,
            by,
            what,
        };
        if self.aloud {
            println!("{said}");
        }
        if let Some(journal) = &mut self.journal {
            journal.push(said);
        }
    }

    /// Returns the number of receivers in the group.
    fn group(&self) -> usize {
        self.nodes.len() + self.old.len()
    }

    /// Returns the delay of a slow node this time.
    fn delay(&mut self, number: usize) -> Duration {
        self.nodes[number].slowness().mul_f64(self.rng.f64())
    }
}

impl Packet {
    /// Returns the source address of the packet.
    fn source(&self) -> SocketAddr {
        match self.reflected {
            true => REFLECTOR,
            false => address(self.from),
        }
    }
}
