//! Who was heard.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Packet;

/// How many trackers are known at most; the longest silent one makes room.
pub const MAX_NODES: usize = 256;

/// Who was silent for so long has gone, or goes by another id now.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Another tracker, as far as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The id under which it speaks.
    pub id: TrackerId,
    /// Where its last packet came from.
    pub address: SocketAddrV4,
    /// When that was.
    pub last: Time,
    /// Packets of it that were used.
    pub packets: u64,
    /// Announces in them.
    pub records: u64,
    /// Beacons among them.
    pub beacons: u64,
    /// How many torrents it had at its last beacon; 0 before the first.
    pub torrents: u64,
}

impl Heard {
    /// What is in its packet.
    pub(super) fn count(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Live(peers) => self.records += peers.len() as u64,
            Packet::ScrapeBeacon(beacon) => {
                self.beacons += 1;
                self.torrents = beacon.torrents;
            }
            Packet::ScrapeInquire(_) | Packet::ScrapeTell(_) => {}
        }
    }
}

/// The trackers that were heard, in no order.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    heard: Vec<Heard>,
}

impl Nodes {
    /// A packet of `id` that is used; what is known of its sender, to be added to.
    pub(super) fn heard(&mut self, now: Time, id: TrackerId, address: SocketAddrV4) -> &mut Heard {
        let at = self.place_of(id);
        let node = &mut self.heard[at];
        node.last = now;
        node.address = address;
        node.packets += 1;
        node
    }

    /// Those that are not forgotten.
    pub(super) fn all(&self, now: Time) -> impl Iterator<Item = Heard> {
        let known = move |node: &Heard| now.since(node.last) < FORGET_AFTER;
        self.heard.iter().copied().filter(known)
    }

    fn place_of(&mut self, id: TrackerId) -> usize {
        if let Some(at) = self.heard.iter().position(|node| node.id == id) {
            return at;
        }
        let new = Heard {
            id,
            address: SocketAddrV4::new([0; 4].into(), 0),
            last: Time::START,
            packets: 0,
            records: 0,
            beacons: 0,
            torrents: 0,
        };
        if self.heard.len() < MAX_NODES {
            self.heard.push(new);
            return self.heard.len() - 1;
        }
        let longest_silent = (0..MAX_NODES)
            .min_by_key(|at| self.heard[*at].last)
            .unwrap_or(0);
        self.heard[longest_silent] = new;
        longest_silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_for_an_hour_is_forgotten() {
        let mut nodes = Nodes::default();
        let address = SocketAddrV4::new([10, 0, 0, 1].into(), 9696);
        nodes.heard(Time::START, TrackerId([1; 4]), address);
        let hour = Time::START + FORGET_AFTER;
        nodes.heard(hour, TrackerId([2; 4]), address);
        assert_eq!(nodes.all(hour.before(Duration::from_nanos(1))).count(), 2);
        assert_eq!(nodes.all(hour).count(), 1);
    }

    #[test]
    fn the_longest_silent_makes_room() {
        let mut nodes = Nodes::default();
        let address = SocketAddrV4::new([10, 0, 0, 1].into(), 9696);
        let id = |number: usize| TrackerId((number as u32).to_be_bytes());
        for number in 0..MAX_NODES {
            nodes.heard(Time::from_nanos(number as u64), id(number), address);
        }
        nodes.heard(Time::from_nanos(1000), id(0), address);
        nodes
            .heard(Time::from_nanos(1001), id(MAX_NODES), address)
            .records += 7;
        let all: Vec<Heard> = nodes.all(Time::from_nanos(1001)).collect();
        assert_eq!(all.len(), MAX_NODES);
        assert!(all.iter().any(|node| node.id == id(0) && node.packets == 2));
        assert!(all.iter().all(|node| node.id != id(1)));
        let newest = all.iter().find(|node| node.id == id(MAX_NODES)).unwrap();
        assert_eq!((newest.packets, newest.records), (1, 7));
    }
}
