//! A network that loses, doubles, delays and reorders packets, and falls into parts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

/// The network's treatment of packets.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Probability that a packet is lost, for each receiver on its own.
    pub loss: f64,
    /// Probability that a packet is lost for all receivers.
    pub shared_loss: f64,
    /// Probability that, with a packet, a link begins to lose all packets,
    pub bursts: f64,
    /// for this long.
    pub burst: Duration,
    /// Probability that a packet arrives twice.
    pub duplication: f64,
    /// Range of delays in microseconds. A packet with a shorter delay overtakes others.
    pub delay: RangeInclusive<u64>,
}

impl Conditions {
    /// An undisturbed local network.
    pub const CALM: Self = Self {
        loss: 0.0,
        shared_loss: 0.0,
        bursts: 0.0,
        burst: Duration::ZERO,
        duplication: 0.0,
        delay: 100..=5_000,
    };
}

/// A datagram on its way to one receiver.
#[derive(Debug)]
pub struct Packet {
    pub from: usize,
    pub to: usize,
    /// True if it comes by way of the reflector.
    pub reflected: bool,
    pub bytes: Rc<[u8]>,
}

impl Packet {
    fn new(from: usize, to: usize, bytes: &Rc<[u8]>) -> Self {
        Self {
            from,
            to,
            reflected: false,
            bytes: bytes.clone(),
        }
    }
}

/// All packets in flight, and the network's treatment of the next ones.
#[derive(Debug)]
pub struct Network {
    pub conditions: Conditions,
    /// The side of a partition that each node is on; nodes without an entry are on side 0.
    pub sides: Vec<usize>,
    /// Links that are down in one direction: from, to.
    pub cut: BTreeSet<(usize, usize)>,
    /// True if each node receives its own packets, too.
    pub loopback: bool,
    /// A reflector sends all packets a second time to all nodes, from an address of its own.
    /// Its packets take this many microseconds.
    pub reflector: Option<RangeInclusive<u64>>,
    /// The time until which each link loses all packets.
    bursts: BTreeMap<(usize, usize), Duration>,
    /// Ordered by arrival, then by sending.
    on_its_way: BTreeMap<(Duration, u64), Packet>,
    sent: u64,
    rng: Rng,
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Self {
            conditions: Conditions::CALM,
            sides: Vec::new(),
            cut: BTreeSet::new(),
            loopback: false,
            reflector: None,
            bursts: BTreeMap::new(),
            on_its_way: BTreeMap::new(),
            sent: 0,
            rng: Rng::with_seed(seed),
        }
    }

    /// Sends a datagram to the group with this many nodes.
    pub fn send(&mut self, now: Duration, from: usize, nodes: usize, bytes: &Rc<[u8]>) {
        if self.happens(self.conditions.shared_loss) {
            return;
        }
        for to in 0..nodes {
            if (to == from && !self.loopback) || self.loses(now, from, to) {
                continue;
            }
            let copies = 1 + u32::from(self.happens(self.conditions.duplication));
            for _ in 0..copies {
                let delay = self.conditions.delay.clone();
                self.deliver_later(now, delay, Packet::new(from, to, bytes));
            }
        }
        if let Some(delay) = self.reflector.clone() {
            self.reflect(now, from, nodes, &delay, bytes);
        }
    }

    /// Packets may be lost on their way to the reflector and on their way from it.
    fn reflect(
        &mut self,
        now: Duration,
        from: usize,
        nodes: usize,
        delay: &RangeInclusive<u64>,
        bytes: &Rc<[u8]>,
    ) {
        if self.happens(self.conditions.loss) {
            return;
        }
        for to in 0..nodes {
            if !self.happens(self.conditions.loss) {
                let mut packet = Packet::new(from, to, bytes);
                packet.reflected = true;
                self.deliver_later(now, delay.clone(), packet);
            }
        }
    }

    /// Returns the time of the next arrival.
    pub fn next_arrival(&self) -> Option<Duration> {
        let ((arrival, _), _) = self.on_its_way.first_key_value()?;
        Some(*arrival)
    }

    /// Returns the next packet to arrive.
    pub fn receive(&mut self) -> Option<Packet> {
        Some(self.on_its_way.pop_first()?.1)
    }

    fn loses(&mut self, now: Duration, from: usize, to: usize) -> bool {
        if self.side(from) != self.side(to) || self.cut.contains(&(from, to)) {
            return true;
        }
        if self.happens(self.conditions.bursts) {
            self.bursts.insert((from, to), now + self.conditions.burst);
        }
        let in_burst = self.bursts.get(&(from, to)).is_some_and(|end| now < *end);
        in_burst || self.happens(self.conditions.loss)
    }

    /// Returns whether an event with this probability happens. An impossible event throws no
    /// dice, so that it does not change the run.
    fn happens(&mut self, part: f64) -> bool {
        part > 0.0 && self.rng.f64() < part
    }

    fn side(&self, node: usize) -> usize {
        self.sides.get(node).copied().unwrap_or(0)
    }

    fn deliver_later(&mut self, now: Duration, delay: RangeInclusive<u64>, packet: Packet) {
        let delay = Duration::from_micros(self.rng.u64(delay));
        self.sent += 1;
        self.on_its_way.insert((now + delay, self.sent), packet);
    }
}
