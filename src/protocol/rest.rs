//! Finds the places of a received packet's announces in steps, so that announces of our own host
//! need not wait for all of a long list.

use super::received::Received;
use super::repair::{Holds, ListOrigin, Name, Repair, Restatement};
use crate::time::Time;
use crate::types::{Announce, PeerFlags};
use crate::wire::PeerList;

/// Upper bound for one step: the announces placed, and those of their peers looked at. Each may lie
/// where no cache of the processor holds it.
const MAX_STEP: u32 = 128;

/// The progress of a node with a datagram.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// The node has handled all of it.
    Done(Received<'a>),
    /// The node has handled the beginning of a long list. Before the caller hands over the [`Rest`]
    /// it may do something else, but it must not hand over another datagram.
    Rest(Rest<'a>),
}

/// A list of announces of which only the first ones have their places.
///
/// [`Node::handle_rest`](super::Node::handle_rest) finds the places of the others.
#[derive(Clone, Debug)]
pub struct Rest<'a> {
    peers: PeerList<'a>,
    heard: ListOrigin,
    /// The number of announces that have their places.
    placed: usize,
    /// Those of them that the host applies; `None` while it applies each of them.
    some: Option<Vec<Announce>>,
}

impl<'a> Rest<'a> {
    /// Returns a list of which no announce has its place yet; `is_late` if its packet came late.
    pub(super) fn new(peers: PeerList<'a>, heard: ListOrigin, is_late: bool) -> Self {
        Self {
            peers,
            heard,
            placed: 0,
            some: is_late.then(Vec::new),
        }
    }

    /// Finds the places of the next announces. Returns which of ours to restate.
    pub(super) fn order_some(
        &mut self,
        repair: &mut Repair,
        now: Time,
        name: Name,
    ) -> Vec<Restatement> {
        let (order, mut may_restate) = repair.ordering(now);
        let (peers, begun) = (&self.peers, order.looked());
        let mut restatements = Vec::new();
        let (first, mut done) = (self.placed, 0);
        let mut records = peers.bytes().zip(0..).skip(self.placed).peekable();
        while records.peek().is_some() && done < MAX_STEP {
            let hashes = order.peers_of(records.clone().map(|(record, _)| record));
            for (peer, (record, number)) in hashes.into_iter().zip(records.by_ref()) {
                let announce = || peers.get(number).expect("a record");
                let flags = PeerFlags(record[record.len() - 2]).without(PeerFlags::FROM_SYNC);
                let holds = order.hear(&self.heard, (peer, flags), name, |made, flags| {
                    let may = may_restate();
                    if may {
                        let announce = announce().with_flags(flags);
                        restatements.push(Restatement { made, announce });
                    }
                    may
                });
                if let Some(some) = &mut self.some {
                    some.extend(holds.of(announce()));
                } else if holds != Holds::This {
                    let before = peers.clone().take(number);
                    self.some = Some(before.chain(holds.of(announce())).collect());
                }
                self.placed = number + 1;
                let looked = order.looked().wrapping_sub(begun);
                done = looked + (self.placed - first) as u32;
                if done >= MAX_STEP {
                    break;
                }
            }
        }
        restatements
    }

    /// Returns what there is for the host once all have their places, and the rest until then.
    pub(super) fn progress(self) -> Progress<'a> {
        if self.placed < self.peers.len() {
            return Progress::Rest(self);
        }
        Progress::Done(match self.some {
            Some(some) => Received::Late(some),
            None => Received::Peers(self.peers),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::super::{Node, Source};
    use super::*;
    use crate::config::Config;
    use crate::protocol::{LinkInfo, Waited};
    use crate::types::{InfoHash, Peer, TrackerId};
    use crate::wire::{Header, PacketType, Record, Trailer};

    const SOURCE: Source = Source {
        address: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 9696),
        allowed: true,
    };

    fn node() -> Node {
        let address = "10.0.0.1:9696".parse().expect("an address");
        Node::new(
            Time::START,
            TrackerId([1; 4]),
            &[LinkInfo::multicast_ipv4(address)],
            1,
            &Config::default(),
        )
    }

    fn list(id: u8, peers: impl Iterator<Item = u32>, flags: PeerFlags) -> Vec<u8> {
        let mut list = Header::new(TrackerId([id; 4]), PacketType::Live)
            .emit()
            .to_vec();
        for peer in peers {
            let announce = Announce {
                info_hash: InfoHash([0xab; 20]),
                peer: Peer {
                    ip: Ipv4Addr::from(peer),
                    port: 6881,
                    flags,
                },
            };
            list.extend(announce.emit());
        }
        list
    }

    /// Returns the most that one step looked at, and what came of the whole list.
    fn hear<'a>(node: &mut Node, list: &'a [u8]) -> (u32, Received<'a>) {
        let looked = |node: &Node| node.repair.as_ref().expect("repair").order.looked();
        let (mut most, mut before) = (0, looked(node));
        let progress = node.handle_datagram_after(Time::START, Waited::UNKNOWN, SOURCE, list);
        let (mut placed, mut progress) = (0, progress.expect("a list"));
        loop {
            let now = match &progress {
                Progress::Rest(rest) => rest.placed,
                Progress::Done(_) => (list.len() - Header::LEN) / 28,
            };
            most = most.max(looked(node) - before + (now - placed) as u32);
            (placed, before) = (now, looked(node));
            match progress {
                Progress::Rest(rest) => progress = node.handle_rest(Time::START, rest),
                Progress::Done(received) => return (most, received),
            }
        }
    }

    #[test]
    fn however_long_a_list_is_and_whatever_is_known_of_its_peers_little_is_done_at_once() {
        let one = MAX_STEP + 64;
        let mut node = node();
        let longest = list(9, 0..2339, PeerFlags::SEEDING);
        let (most, received) = hear(&mut node, &longest);
        assert!((MAX_STEP..one).contains(&most), "{most}");
        assert!(matches!(received, Received::Peers(peers) if peers.len() == 2339));
        // As many announces are kept of each peer as are looked at, and one more.
        for id in 10..27 {
            let (most, _) = hear(&mut node, &list(id, 0..2339, PeerFlags::COMPLETED));
            assert!((MAX_STEP..one).contains(&most), "{most}");
        }
        let (most, _) = hear(&mut node, &list(8, 0..51, PeerFlags::STOPPED));
        assert!((MAX_STEP..one).contains(&most), "{most}");
    }

    #[test]
    fn in_parts_a_list_is_put_into_the_same_order() {
        let mut node = node();
        let stopped = list(9, 0..500, PeerFlags::STOPPED);
        hear(&mut node, &stopped);
        // At the same time, the node with the higher id comes later in the order.
        let seeding = list(8, 100..900, PeerFlags::SEEDING);
        let (_, received) = hear(&mut node, &seeding);
        let Received::Late(applied) = received else {
            panic!("not each is applied");
        };
        let peers = applied.iter().map(|announce| announce.peer.ip);
        let later = (500..900).map(|peer| IpAddr::V4(peer.into()));
        assert!(peers.eq(later));
        assert_eq!(node.counters().records_heard, 900);
    }

    /// It holds whatever the sender claims, and however much is known.
    #[test]
    fn of_a_packet_that_comes_late_no_more_is_done_than_its_records_need() {
        const OURS: u32 = 300_000;
        let mut node = node();
        let tell = |peer: u32| Announce {
            info_hash: InfoHash([0xab; 20]),
            peer: Peer {
                ip: Ipv4Addr::from(peer).into(),
                port: 6881,
                flags: PeerFlags::SEEDING,
            },
        };
        // As many announces of each peer as are looked at.
        for peer in (0..OURS).map(|number| number % (OURS / 16)) {
            node.announce(Time::START, tell(peer));
            while node.poll_transmit().is_some() {}
        }
        let numbered = |list: &[u8], seq, sent| {
            let trailer = Trailer {
                epoch: 1,
                sent,
                seq,
                ..Trailer::default()
            };
            [list, &trailer.emit()].concat()
        };
        let now = Time::START + Duration::from_secs(5);
        let mut hear = |packet: &[u8]| {
            let looked = |node: &Node| node.repair.as_ref().expect("repair").order.looked();
            let before = looked(&node);
            let heard = node.handle_datagram(now, SOURCE, packet).is_ok();
            (heard, looked(&node) - before)
        };
        let claims = [0, 1, 4_999, 5_000, 14_999, 15_001, 3_600_000, u32::MAX];
        let known = list(9, 0..51, PeerFlags::STOPPED);
        for seq in [1, claims.len() as u32 + 2] {
            assert!(hear(&numbered(&known, seq, 5_000)).0);
        }
        let mut used = 0;
        for (seq, sent) in (2..).zip(claims) {
            let (heard, looked) = hear(&numbered(&known, seq, sent));
            assert!(looked <= 51 * 16, "{sent}: {looked}");
            used += u32::from(heard && looked > 0);
        }
        assert!(used >= 4, "{used}");
    }
}
