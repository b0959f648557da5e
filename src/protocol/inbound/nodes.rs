//! The table of the other nodes that were heard.

use std::time::Duration;

use super::remote::{RemoteNode, RemoteStats};
use super::stream::Stream;
use super::tally::Tally;
use crate::time::Time;
use crate::types::TrackerId;

/// Upper bound for known nodes. A new node replaces the one silent for longest, of those that are
/// neither authenticated nor have announced peers if there are any.
pub const MAX_NODES: usize = 256;

/// Time for which a silent node stays known: after that it has gone, or uses another id.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Time for which a silent node counts as one that may send NAKs: a node with repair sends
/// something every 30 seconds at least.
const REPAIRING_FOR: Duration = Duration::from_secs(120);

/// Upper bound for the age of the count of those nodes.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// The place of a node in the table, which is looked up once for each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct NodeIndex(usize);

/// The nodes that were heard, in no order.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Nodes {
    nodes: Vec<RemoteNode>,
    /// Their ids, which are searched for each packet.
    ids: Vec<TrackerId>,
    /// The number of them that might send NAKs, at the last count.
    repairing: usize,
    /// The time of that count; `None` if there is a new node since.
    counted: Option<Time>,
    /// The tally of streams that have ended.
    ended: Tally,
    /// The node whose turn it was last.
    turn: usize,
}

impl Nodes {
    /// Returns the place of the node with this id, if it is known.
    pub(in crate::protocol) fn find(&self, id: TrackerId) -> Option<NodeIndex> {
        let place = self.ids.iter().position(|known| *known == id);
        place.map(NodeIndex)
    }

    /// Returns the node at a place that was found for the packet that arrives now.
    pub(in crate::protocol) fn get(&self, node: NodeIndex) -> &RemoteNode {
        &self.nodes[node.0]
    }

    pub(in crate::protocol) fn get_mut(&mut self, node: NodeIndex) -> &mut RemoteNode {
        &mut self.nodes[node.0]
    }

    /// Returns whether there is room for one more node.
    pub(super) fn has_room(&self) -> bool {
        self.nodes.len() < MAX_NODES
    }

    /// Returns the nodes that are not forgotten.
    pub(in crate::protocol) fn all(&self, now: Time) -> impl Iterator<Item = RemoteStats> {
        let heard = self.nodes.iter().map(RemoteNode::heard);
        heard.filter(move |node| now.since(node.last) < FORGET_AFTER)
    }

    /// Returns how many nodes heard lately may send NAKs: those that number their packets. It is
    /// called for every packet, so the count is kept for a while.
    pub(in crate::protocol) fn repairing(&mut self, now: Time) -> usize {
        if self.counted.is_none_or(|at| now.since(at) >= COUNTED_FOR) {
            let lately = |node: &&RemoteNode| node.streams().was_heard_within(now, REPAIRING_FOR);
            self.repairing = self.nodes.iter().filter(lately).count();
            self.counted = Some(now);
        }
        self.repairing
    }

    /// Visits the streams of the nodes in turn, from where the last call stopped, until it has seen
    /// `gaps` gaps. Returns whether it has come round.
    pub(in crate::protocol) fn take_turns(
        &mut self,
        gaps: usize,
        mut visit: impl FnMut(TrackerId, &mut Stream),
    ) -> bool {
        let mut left = gaps;
        for visited in 1..=self.nodes.len() {
            self.turn = (self.turn + 1) % self.nodes.len();
            let node = &mut self.nodes[self.turn];
            let id = node.id();
            for stream in node.streams_mut().iter_mut() {
                left = left.saturating_sub(stream.gaps());
                visit(id, stream);
            }
            if left == 0 && visited < self.nodes.len() {
                return false;
            }
        }
        true
    }

    /// Forgets streams that are silent, where there are later ones.
    pub(in crate::protocol) fn forget_streams(&mut self, now: Time) {
        for node in &mut self.nodes {
            node.streams_mut().forget(now);
        }
    }

    /// Returns what became of all packets that were missing.
    pub(in crate::protocol) fn tally(&self) -> Tally {
        let all = self.nodes.iter().map(|node| node.streams().tally());
        all.fold(self.ended, Tally::and)
    }

    /// Adds a new node. The time is what has passed here.
    pub(super) fn begin(&mut self, now: Time, id: TrackerId) -> NodeIndex {
        self.counted = None;
        let new = RemoteNode::new(id);
        if self.has_room() {
            self.nodes.push(new);
            self.ids.push(id);
            return NodeIndex(self.nodes.len() - 1);
        }
        // A flood of unknown ids must not push out nodes that are authenticated, or that announce
        // peers.
        let worth = |node: &RemoteNode| {
            (
                node.is_authenticated(now),
                node.tells_of_peers(),
                node.last(),
            )
        };
        let least = (0..MAX_NODES)
            .min_by_key(|at| worth(&self.nodes[*at]))
            .unwrap_or(0);
        let old = std::mem::replace(&mut self.nodes[least], new);
        self.ids[least] = id;
        self.ended = self.ended.and(old.end(now));
        NodeIndex(least)
    }
}

#[cfg(test)]
mod tests {
    use super::super::listener::{Listener, PacketOrigin};
    use super::super::streams::{Arriving, StreamPlace};
    use super::*;
    use crate::wire::{Frame, Header, Heartbeat, Packet, PacketType, Trailer};

    fn node(nodes: &mut Nodes, now: Time, id: TrackerId) -> NodeIndex {
        let found = nodes.find(id);
        found.unwrap_or_else(|| nodes.begin(now, id))
    }

    /// Hears a packet with so many announces.
    fn hear(nodes: &mut Nodes, now: Time, id: TrackerId, records: usize) {
        let list = [0; 28].repeat(records);
        let list = [&Header::new(id, PacketType::Live).emit()[..], &list].concat();
        let packet = match records {
            0 => Packet::Heartbeat(Heartbeat {
                epoch: 0,
                highest: 0,
            }),
            _ => Frame::parse(&list).expect("a list").packet,
        };
        let node = node(nodes, now, id);
        let address = ([10, 0, 0, 2], 4444).into();
        let node = nodes.get_mut(node);
        node.uses((now, now), (address, false), None, &packet);
    }

    /// Hears a packet with a trailer.
    fn speak(nodes: &mut Nodes, now: Time, id: TrackerId) {
        let list = [&Header::new(id, PacketType::Live).emit()[..], &[0; 28]].concat();
        let packet = Arriving {
            listener: Listener {
                now,
                listened: Duration::ZERO,
            },
            origin: PacketOrigin::Authenticated,
            frame: &Frame::parse(&list).expect("a list"),
            trailer: &Trailer {
                sent: (now.as_nanos() / 1_000_000) as u32,
                ..Trailer::default()
            },
            has_room: true,
        };
        let node = node(nodes, now, id);
        let streams = nodes.get_mut(node).streams_mut();
        let (Ok(StreamPlace::Known(place)) | Ok(StreamPlace::New(place))) = streams.place(&packet)
        else {
            panic!("no stream");
        };
        streams
            .arrives(place, &packet, || Time::NEVER)
            .expect("it is used");
    }

    #[test]
    fn who_is_silent_for_an_hour_is_forgotten() {
        let mut nodes = Nodes::default();
        hear(&mut nodes, Time::START, TrackerId([1; 4]), 0);
        let hour = Time::START + FORGET_AFTER;
        hear(&mut nodes, hour, TrackerId([2; 4]), 0);
        assert_eq!(nodes.all(hour.before(Duration::from_nanos(1))).count(), 2);
        assert_eq!(nodes.all(hour).count(), 1);
    }

    #[test]
    fn only_those_heard_lately_that_number_their_packets_may_ask() {
        let mut nodes = Nodes::default();
        let seconds = |seconds| Time::START + Duration::from_secs(seconds);
        // The last one is a C module.
        for number in 1..=10 {
            hear(&mut nodes, Time::START, TrackerId([number; 4]), 0);
            if number < 10 {
                speak(&mut nodes, Time::START, TrackerId([number; 4]));
            }
        }
        assert_eq!(nodes.repairing(Time::START), 9);
        for number in 1..=2 {
            speak(&mut nodes, seconds(60), TrackerId([number; 4]));
        }
        assert_eq!(nodes.repairing(seconds(119)), 9);
        assert_eq!(nodes.repairing(seconds(120)), 2);
        assert_eq!(nodes.repairing(seconds(180)), 0);
    }

    #[test]
    fn the_longest_silent_makes_room() {
        let mut nodes = Nodes::default();
        let id = |number: usize| TrackerId((number as u32).to_be_bytes());
        for number in 0..MAX_NODES {
            hear(&mut nodes, Time::from_nanos(number as u64), id(number), 0);
        }
        hear(&mut nodes, Time::from_nanos(1000), id(0), 0);
        hear(&mut nodes, Time::from_nanos(1001), id(MAX_NODES), 7);
        let all: Vec<RemoteStats> = nodes.all(Time::from_nanos(1001)).collect();
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
        hear(&mut nodes, Time::START, id(0), 1);
        for number in 1..=2 * MAX_NODES {
            hear(&mut nodes, Time::from_nanos(number as u64), id(number), 0);
        }
        let all: Vec<RemoteStats> = nodes.all(Time::from_nanos(1000)).collect();
        assert_eq!(all.len(), MAX_NODES);
        assert!(all.iter().any(|node| node.id == id(0)));
        assert!(all.iter().any(|node| node.id == id(2 * MAX_NODES)));
    }
}
