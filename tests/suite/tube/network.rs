//! A network that loses, doubles, delays and reorders packets, and falls apart.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

/// How the network treats packets.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The part of the packets that is lost, for each receiver on its own.
    pub loss: f64,
    /// The part of the packets that is lost for all receivers.
    pub shared_loss: f64,
    /// The part of the packets with which a link begins to lose all,
    pub bursts: f64,
    /// for so long.
    pub burst: Duration,
    /// The part of the packets that arrives twice.
    pub duplication: f64,
    /// How long a packet takes, in microseconds: whoever takes less overtakes.
    pub delay: RangeInclusive<u64>,
}

impl Conditions {
    /// A local network as it should be.
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
    /// It comes by way of the reflector.
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

/// All that is on its way, and what will become of it.
#[derive(Debug)]
pub struct Network {
    pub conditions: Conditions,
    /// Which side of a partition each node is on; those without an entry are on
    /// side 0.
    pub sides: Vec<usize>,
    /// Links that are down in one direction: from, to.
    pub cut: BTreeSet<(usize, usize)>,
    /// Everybody hears itself, too.
    pub loopback: bool,
    /// Something sends all packets once more to everybody, from an address of its own; what comes
    /// that way takes so many microseconds.
    pub reflector: Option<RangeInclusive<u64>>,
    /// Until when each link loses all.
    bursts: BTreeMap<(usize, usize), Duration>,
    /// By arrival, then in the order of sending.
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

    /// Sends a datagram to the group, which has so many members.
    pub fn send(&mut self, now: Duration, from: usize, members: usize, bytes: &Rc<[u8]>) {
        if self.happens(self.conditions.shared_loss) {
            return;
        }
        for to in 0..members {
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
            self.reflect(now, from, members, &delay, bytes);
        }
    }

    /// The way to the reflector loses packets, and so do those from it.
    fn reflect(
        &mut self,
        now: Duration,
        from: usize,
        members: usize,
        delay: &RangeInclusive<u64>,
        bytes: &Rc<[u8]>,
    ) {
        if self.happens(self.conditions.loss) {
            return;
        }
        for to in 0..members {
            if !self.happens(self.conditions.loss) {
                let mut packet = Packet::new(from, to, bytes);
                packet.reflected = true;
                self.deliver_later(now, delay.clone(), packet);
            }
        }
    }

    /// When the next packet arrives.
    pub fn next_arrival(&self) -> Option<Duration> {
        let ((arrival, _), _) = self.on_its_way.first_key_value()?;
        Some(*arrival)
    }

    /// The packet that arrives next.
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

    /// What never happens takes no dice.
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
