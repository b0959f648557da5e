//! A network that loses, doubles and delays packets as its data say.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// Delay of an undisturbed packet.
pub const USUAL: Duration = Duration::from_micros(500);

/// Longest delay.
pub const SLOWEST: Duration = Duration::from_micros(500 + 63 * 1000);

/// The fate of a packet on its way to one receiver, as one byte.
#[derive(Clone, Copy, Debug)]
struct Fate(u8);

impl Fate {
    /// Returns the delays of its copies.
    fn arrivals(self) -> impl Iterator<Item = Duration> {
        let late = USUAL + Duration::from_millis(u64::from(self.0 >> 2));
        let copies = match self.0 % 4 {
            0 => [Some(late), None],
            1 => [Some(USUAL), Some(late)],
            2 => [Some(USUAL), None],
            _ => [None, None],
        };
        copies.into_iter().flatten()
    }
}

/// A datagram on its way to one receiver.
#[derive(Debug)]
pub struct Packet {
    pub from: usize,
    pub to: usize,
    /// Always false: this network has no reflector.
    pub reflected: bool,
    pub bytes: Rc<[u8]>,
}

/// All packets in flight, and the fates of the next ones.
#[derive(Debug, Default)]
pub struct Network {
    /// Fates of the next packets; later packets are undisturbed.
    fates: VecDeque<Fate>,
    /// Ordered by arrival, then by sending.
    on_its_way: BTreeMap<(Duration, u64), Packet>,
    sent: u64,
}

impl Network {
    /// Returns an undisturbed network. It has no dice to seed.
    pub fn new(_: u64) -> Self {
        Self::default()
    }

    /// Sets the fates of the next packets, one byte for each receiver.
    pub fn misbehave(&mut self, fates: &[u8]) {
        self.fates = fates.iter().map(|fate| Fate(*fate)).collect();
    }

    /// Sends a datagram to the group with this many nodes.
    pub fn send(&mut self, now: Duration, from: usize, nodes: usize, bytes: &Rc<[u8]>) {
        for to in (0..nodes).filter(|to| *to != from) {
            let fate = self.fates.pop_front().unwrap_or(Fate(2));
            for takes in fate.arrivals() {
                let bytes = bytes.clone();
                self.sent += 1;
                let place = (now + takes, self.sent);
                let packet = Packet {
                    from,
                    to,
                    reflected: false,
                    bytes,
                };
                self.on_its_way.insert(place, packet);
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
}
