//! A network that loses, doubles, delays and reorders packets, and falls apart.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

/// How the network treats packets.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The part of the packets that is lost, for each receiver on its own.
    pub loss: f64,
    /// The part of the packets that arrives twice.
    pub duplication: f64,
    /// How long a packet takes, in microseconds: whoever takes less overtakes.
    pub delay: RangeInclusive<u64>,
}

impl Conditions {
    /// A local network as it should be.
    pub const CALM: Self = Self {
        loss: 0.0,
        duplication: 0.0,
        delay: 100..=5_000,
    };
}

/// A datagram on its way to one receiver.
#[derive(Debug)]
pub struct Packet {
    pub from: usize,
    pub to: usize,
    pub bytes: Rc<[u8]>,
}

/// All that is on its way, and what will become of it.
#[derive(Debug)]
pub struct Network {
    pub conditions: Conditions,
    /// Which side of a partition each node is on; those without an entry are on
    /// side 0.
    pub sides: Vec<usize>,
    /// Everybody hears itself, too.
    pub loopback: bool,
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
            loopback: false,
            on_its_way: BTreeMap::new(),
            sent: 0,
            rng: Rng::with_seed(seed),
        }
    }

    pub fn send(&mut self, now: Duration, packet: Packet) {
        let lost =
            self.side(packet.from) != self.side(packet.to) || self.rng.f64() < self.conditions.loss;
        if lost {
            return;
        }
        if self.rng.f64() < self.conditions.duplication {
            let bytes = packet.bytes.clone();
            self.deliver_later(now, Packet { bytes, ..packet });
        }
        self.deliver_later(now, packet);
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

    fn side(&self, node: usize) -> usize {
        self.sides.get(node).copied().unwrap_or(0)
    }

    fn deliver_later(&mut self, now: Duration, packet: Packet) {
        let delay = Duration::from_micros(self.rng.u64(self.conditions.delay.clone()));
        self.sent += 1;
        self.on_its_way.insert((now + delay, self.sent), packet);
    }
}
