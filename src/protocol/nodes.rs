//! Who was heard.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::repair::{Stream, Tally};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Packet;

/// How many trackers are known at most; the longest silent one makes room, of those that
/// have told of no peer if there are any.
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
    /// Whether its last packet that was used proved by a key where it comes from.
    pub proven: bool,
    /// How many milliseconds its clock is ahead of ours, as far as packets have told:
    /// the time that they take makes it look late.
    pub ahead_ms: i64,
    /// How long its last packet took longer than the fastest: the replication lag.
    pub lag: Duration,
    /// Packets of it that are missing and may still come.
    pub missing: u64,
    /// Packets of it that were missing, and came after all.
    pub repaired: u64,
    /// Packets of it that were missing, and did not come in time.
    pub given_up: u64,
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
            Packet::ScrapeInquire(_)
            | Packet::ScrapeTell(_)
            | Packet::Heartbeat(_)
            | Packet::Nak(_) => {}
        }
    }
}

/// A tracker that was heard.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) heard: Heard,
    /// Its numbered packets, if it numbers them.
    pub(super) stream: Option<Stream>,
}

impl Known {
    fn heard(&self) -> Heard {
        let Some(stream) = &self.stream else {
            return self.heard;
        };
        Heard {
            lag: stream.lag,
            missing: stream.missing(),
            repaired: stream.tally.repaired,
            given_up: stream.tally.given_up,
            ..self.heard
        }
    }
}

/// The trackers that were heard, in no order.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    known: Vec<Known>,
    /// Of streams that have ended.
    ended: Tally,
}

impl Nodes {
    /// What is known of the sender of a packet, to be added to.
    pub(super) fn get(&mut self, id: TrackerId) -> &mut Known {
        let at = self.place_of(id);
        &mut self.known[at]
    }

    /// Those that are not forgotten.
    pub(super) fn all(&self, now: Time) -> impl Iterator<Item = Heard> {
        let heard = self.known.iter().map(Known::heard);
        heard.filter(move |node| now.since(node.last) < FORGET_AFTER)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The numbered packets of one sender, if any were heard.
    pub(super) fn stream(&mut self, id: TrackerId) -> Option<&mut Stream> {
        let known = self.known.iter_mut().find(|known| known.heard.id == id)?;
        known.stream.as_mut()
    }

    /// The numbered packets of all senders.
    pub(super) fn streams(&mut self) -> impl Iterator<Item = (TrackerId, &mut Stream)> {
        let known = self.known.iter_mut();
        known.filter_map(|known| Some((known.heard.id, known.stream.as_mut()?)))
    }

    /// A stream has ended.
    pub(super) fn end(&mut self, stream: Stream) {
        let tally = stream.end();
        self.ended.repaired += tally.repaired;
        self.ended.given_up += tally.given_up;
    }

    /// What became of all packets that were missing.
    pub(super) fn tally(&self) -> Tally {
        let streams = self.known.iter().filter_map(|known| known.stream.as_ref());
        streams.fold(self.ended, |sum, stream| Tally {
            repaired: sum.repaired + stream.tally.repaired,
            given_up: sum.given_up + stream.tally.given_up,
        })
    }

    fn place_of(&mut self, id: TrackerId) -> usize {
        if let Some(at) = self.known.iter().position(|node| node.heard.id == id) {
            return at;
        }
        let new = Known {
            heard: Heard {
                id,
                address: SocketAddrV4::new([0; 4].into(), 0),
                last: Time::START,
                packets: 0,
                records: 0,
                beacons: 0,
                torrents: 0,
                proven: false,
                ahead_ms: 0,
                lag: Duration::ZERO,
                missing: 0,
                repaired: 0,
                given_up: 0,
            },
            stream: None,
        };
        if self.known.len() < MAX_NODES {
            self.known.push(new);
            return self.known.len() - 1;
        }
        // A flood of ids that nobody knows must not push out those who tell of peers.
        let worth = |heard: &Heard| (heard.records > 0, heard.last);
        let least = (0..MAX_NODES)
            .min_by_key(|at| worth(&self.known[*at].heard))
            .unwrap_or(0);
        let old = std::mem::replace(&mut self.known[least], new);
        if let Some(stream) = old.stream {
            self.end(stream);
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(nodes: &mut Nodes, now: Time, id: TrackerId) -> &mut Heard {
        let heard = &mut nodes.get(id).heard;
        heard.last = now;
        heard.packets += 1;
        heard
    }

    #[test]
    fn who_is_silent_for_an_hour_is_forgotten() {
        let mut nodes = Nodes::default();
        hear(&mut nodes, Time::START, TrackerId([1; 4]));
        let hour = Time::START + FORGET_AFTER;
        hear(&mut nodes, hour, TrackerId([2; 4]));
        assert_eq!(nodes.all(hour.before(Duration::from_nanos(1))).count(), 2);
        assert_eq!(nodes.all(hour).count(), 1);
    }

    #[test]
    fn the_longest_silent_makes_room() {
        let mut nodes = Nodes::default();
        let id = |number: usize| TrackerId((number as u32).to_be_bytes());
        for number in 0..MAX_NODES {
            hear(&mut nodes, Time::from_nanos(number as u64), id(number));
        }
        hear(&mut nodes, Time::from_nanos(1000), id(0));
        hear(&mut nodes, Time::from_nanos(1001), id(MAX_NODES)).records += 7;
        let all: Vec<Heard> = nodes.all(Time::from_nanos(1001)).collect();
        assert_eq!(all.len(), MAX_NODES);
        assert!(all.iter().any(|node| node.id == id(0) && node.packets == 2));
        assert!(all.iter().all(|node| node.id != id(1)));
        let newest = all.iter().find(|node| node.id == id(MAX_NODES)).unwrap();
        assert_eq!((newest.packets, newest.records), (1, 7));
    }

    #[test]
    fn who_has_told_of_no_peer_makes_room_first() {
        let mut nodes = Nodes::default();
        let id = |number: usize| TrackerId((number as u32).to_be_bytes());
        hear(&mut nodes, Time::START, id(0)).records = 1;
        for number in 1..=2 * MAX_NODES {
            hear(&mut nodes, Time::from_nanos(number as u64), id(number));
        }
        let all: Vec<Heard> = nodes.all(Time::from_nanos(1000)).collect();
        assert_eq!(all.len(), MAX_NODES);
        assert!(all.iter().any(|node| node.id == id(0)));
        assert!(all.iter().any(|node| node.id == id(2 * MAX_NODES)));
    }
}
