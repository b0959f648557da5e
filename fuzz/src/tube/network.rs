//! A network that loses, doubles and delays each packet as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// How long a packet takes, if nothing happens to it.
pub const USUAL: Duration = Duration::from_micros(500);

/// How long it takes at most.
pub const SLOWEST: Duration = Duration::from_micros(500 + 63 * 1000);

/// What becomes of a packet on its way to one receiver, told by a byte.
#[derive(Clone, Copy, Debug)]
struct Fate(u8);

impl Fate {
    /// When the copies of it arrive.
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
    /// It never comes by way of a reflector.
    pub reflected: bool,
    pub bytes: Rc<[u8]>,
}

/// All that is on its way, and what will become of it.
#[derive(Debug, Default)]
pub struct Network {
    /// What becomes of the next packets; nothing happens to those behind.
    fates: VecDeque<Fate>,
    /// By arrival, then in the order of sending.
    on_its_way: BTreeMap<(Duration, u64), Packet>,
    sent: u64,
}

impl Network {
    /// A network to which nothing happens. It has no dice to seed.
    pub fn new(_: u64) -> Self {
        Self::default()
    }

    /// Tells what becomes of the packets that are sent next, one byte for each receiver.
    pub fn misbehave(&mut self, fates: &[u8]) {
        self.fates = fates.iter().map(|fate| Fate(*fate)).collect();
    }

    /// Sends a datagram to the group, which has so many members.
    pub fn send(&mut self, now: Duration, from: usize, members: usize, bytes: &Rc<[u8]>) {
        for to in (0..members).filter(|to| *to != from) {
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

    /// When the next packet arrives.
    pub fn next_arrival(&self) -> Option<Duration> {
        let ((arrival, _), _) = self.on_its_way.first_key_value()?;
        Some(*arrival)
    }

    /// The packet that arrives next.
    pub fn receive(&mut self) -> Option<Packet> {
        Some(self.on_its_way.pop_first()?.1)
    }
}
