//! The other nodes that were heard.

use std::net::SocketAddr;
use std::time::Duration;

use super::repair::{Stream, Streams, Tally};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Packet;

/// How many trackers are known at most; the longest silent one makes room, of those that
/// have told of no peer if there are any.
pub const MAX_NODES: usize = 256;

/// Who was silent for so long has gone, or goes by another id now.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Who repairs is heard every 30 seconds at least. Silent for so long it asks no more.
const ASKS_UNTIL: Duration = Duration::from_secs(120);

/// A node that has sent a good tag within this time is believed with one only: one that runs
/// sends a heartbeat every 30 seconds at least.
const PROVEN_FOR: Duration = Duration::from_secs(120);

/// How old the number of those that ask may be.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// Another tracker, as far as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The id under which it speaks.
    pub id: TrackerId,
    /// Where its last packet came from.
    pub address: SocketAddr,
    /// When that was.
    pub last: Time,
    /// When its first packet was used.
    pub first: Time,
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
    /// When its last good tag was heard.
    proven: Option<Time>,
    /// Its packets with a trailer.
    pub(super) streams: Streams,
}

impl Known {
    /// A packet of it is used.
    pub(super) fn uses(&mut self, now: Time, elapsed: Time, proven: bool) -> &mut Heard {
        let heard = &mut self.heard;
        if heard.packets == 0 {
            heard.first = now;
        }
        heard.last = now;
        heard.packets += 1;
        heard.proven = proven;
        if proven {
            self.proven = Some(elapsed);
        }
        heard
    }

    fn is_proven(&self, now: Time) -> bool {
        self.proven.is_some_and(|at| now.since(at) < PROVEN_FOR)
    }

    fn heard(&self) -> Heard {
        let tally = self.streams.tally();
        Heard {
            lag: self.streams.lag(),
            missing: self.streams.missing(),
            repaired: tally.repaired,
            given_up: tally.given_up,
            ..self.heard
        }
    }
}

/// Where a tracker stands among those that are known: it is looked up once for each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sender(usize);

/// The trackers that were heard, in no order.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    known: Vec<Known>,
    /// Their ids, which are looked for with each packet.
    ids: Vec<TrackerId>,
    /// How many of them asked for what they miss when they were counted,
    asking: usize,
    /// unless somebody is new since.
    counted: Option<Time>,
    /// Of streams that have ended.
    ended: Tally,
    /// Whose turn it was last.
    turn: usize,
}

impl Nodes {
    /// The sender of a packet, if it is known.
    pub(super) fn find(&self, id: TrackerId) -> Option<Sender> {
        let place = self.ids.iter().position(|known| *known == id);
        place.map(Sender)
    }

    /// What is known of a sender, to be added to. It was found for the packet that arrives now.
    pub(super) fn known(&mut self, sender: Sender) -> &mut Known {
        &mut self.known[sender.0]
    }

    /// Whether there is room for one more.
    pub(super) fn have_room(&self) -> bool {
        self.known.len() < MAX_NODES
    }

    /// Whether a sender has proven lately where its packets come from.
    pub(super) fn is_proven(&self, now: Time, sender: Sender) -> bool {
        self.known[sender.0].is_proven(now)
    }

    /// Those that are not forgotten.
    pub(super) fn all(&self, now: Time) -> impl Iterator<Item = Heard> {
        let heard = self.known.iter().map(Known::heard);
        heard.filter(move |node| now.since(node.last) < FORGET_AFTER)
    }

    /// How many were heard lately that may ask for what they miss: those that number their
    /// packets. It is asked for every packet, and so not counted each time.
    pub(super) fn asking(&mut self, now: Time) -> usize {
        if self.counted.is_none_or(|at| now.since(at) >= COUNTED_FOR) {
            let lately = |known: &&Known| known.streams.are_heard_within(now, ASKS_UNTIL);
            self.asking = self.known.iter().filter(lately).count();
            self.counted = Some(now);
        }
        self.asking
    }

    /// The packets with a trailer of a sender.
    pub(super) fn streams(&mut self, sender: Sender) -> &mut Streams {
        &mut self.known[sender.0].streams
    }

    /// Visits the packets with a trailer of all senders, from where it left off the last time,
    /// until it has seen so many gaps; whether it has come round.
    pub(super) fn take_turns(
        &mut self,
        gaps: usize,
        mut visit: impl FnMut(TrackerId, &mut Stream),
    ) -> bool {
        let mut left = gaps;
        for visited in 1..=self.known.len() {
            self.turn = (self.turn + 1) % self.known.len();
            let Known { heard, streams, .. } = &mut self.known[self.turn];
            for stream in streams.iter_mut() {
                left = left.saturating_sub(stream.gaps());
                visit(heard.id, stream);
            }
            if left == 0 && visited < self.known.len() {
                return false;
            }
        }
        true
    }

    /// Forgets streams that are silent, where there are later ones.
    pub(super) fn forget_streams(&mut self, now: Time) {
        self.known
            .iter_mut()
            .for_each(|known| known.streams.forget(now));
    }

    /// What became of all packets that were missing.
    pub(super) fn tally(&self) -> Tally {
        let all = self.known.iter().map(|known| known.streams.tally());
        all.fold(self.ended, Tally::and)
    }

    /// A sender that is not known begins to be. Time is what has passed here.
    pub(super) fn begin(&mut self, now: Time, id: TrackerId) -> Sender {
        self.counted = None;
        let new = Known {
            heard: Heard {
                id,
                address: ([0; 4], 0).into(),
                last: Time::START,
                first: Time::START,
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
            proven: None,
            streams: Streams::default(),
        };
        if self.have_room() {
            self.known.push(new);
            self.ids.push(id);
            return Sender(self.known.len() - 1);
        }
        // A flood of ids that nobody knows must not push out those who prove who they are, or tell
        // of peers.
        let worth = |known: &Known| {
            let Heard { records, last, .. } = known.heard;
            (known.is_proven(now), records > 0, last)
        };
        let least = (0..MAX_NODES)
            .min_by_key(|at| worth(&self.known[*at]))
            .unwrap_or(0);
        let old = std::mem::replace(&mut self.known[least], new);
        self.ids[least] = id;
        self.ended = self.ended.and(old.streams.end_all(now));
        Sender(least)
    }
}

#[cfg(test)]
mod tests {
    use super::super::repair::{Arriving, Origin};
    use super::*;
    use crate::wire::{Frame, Header, PacketType, Trailer};

    fn sender(nodes: &mut Nodes, now: Time, id: TrackerId) -> Sender {
        let found = nodes.find(id);
        found.unwrap_or_else(|| nodes.begin(now, id))
    }

    fn hear(nodes: &mut Nodes, now: Time, id: TrackerId) -> &mut Heard {
        let sender = sender(nodes, now, id);
        nodes.known(sender).uses(now, now, false)
    }

    /// A packet with a trailer.
    fn speak(nodes: &mut Nodes, now: Time, id: TrackerId) {
        let list = [&Header::new(id, PacketType::Live).emit()[..], &[0; 28]].concat();
        let packet = Arriving {
            now,
            origin: Origin::Authenticated,
            frame: &Frame::parse(&list).expect("a list"),
            trailer: &Trailer::default(),
            last: 0,
            has_room: true,
        };
        let sender = sender(nodes, now, id);
        let streams = nodes.streams(sender);
        streams.place(&packet).unwrap();
        streams.get(0).unwrap().heard = now;
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
    fn only_those_heard_lately_that_number_their_packets_may_ask() {
        let mut nodes = Nodes::default();
        let seconds = |seconds| Time::START + Duration::from_secs(seconds);
        // The last one is a C module.
        for number in 1..=10 {
            hear(&mut nodes, Time::START, TrackerId([number; 4]));
            if number < 10 {
                speak(&mut nodes, Time::START, TrackerId([number; 4]));
            }
        }
        assert_eq!(nodes.asking(Time::START), 9);
        for number in 1..=2 {
            speak(&mut nodes, seconds(60), TrackerId([number; 4]));
        }
        assert_eq!(nodes.asking(seconds(119)), 9);
        assert_eq!(nodes.asking(seconds(120)), 2);
        assert_eq!(nodes.asking(seconds(180)), 0);
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
