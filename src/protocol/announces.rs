//! How a node handles announces: those of its own host, and those heard from other nodes.

use std::time::Duration;

use super::inbound::{Arrival, Arrived};
use super::node::Node;
use super::number::Number;
use super::outbound::{Batch, Datagram, Kind, Trailers, millis};
use super::received::{Made, Received};
use super::repair::{AnnounceOrder, FETCHED, ListOrigin, Name, PeerHash, Restatement};
use super::rest::{Progress, Rest};
use super::timers::Timer;
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{Announce, ByFamily};
use crate::wire::{Header, PacketType, PeerList, Record, Trailer};

/// Upper bound for the lead of another node's clock that this node follows, in milliseconds.
const MAX_FOLLOWED_LEAD: i64 = 10_000;

/// Largest difference of two clocks, in milliseconds, at which the sender's own time is used.
const MAX_CLOCK_DIFFERENCE: u64 = 200;

impl Node {
    /// Hands the node an announce that its host received, to be sent to the other nodes.
    pub fn announce(&mut self, now: Time, announce: Announce) {
        self.begin_announces(now);
        let peer = self.order().map(|order| order.peer(&announce));
        let peer = peer.unwrap_or_default();
        let restatement = self.announce_one(Made::now(now), announce, peer, self.flush_after);
        self.restate(restatement.into_iter().collect());
        self.flush_if_due();
    }

    /// Hands the node announces that its host received, in order, each with the moment it was made.
    ///
    /// `waited` is how long the first one has waited already. Its packet leaves that much sooner.
    /// It does not complete the packets: a caller calls it for each portion that it has at hand,
    /// and then [`flush_if_due`](Self::flush_if_due).
    pub fn announce_some(
        &mut self,
        now: Time,
        waited: Duration,
        announces: impl IntoIterator<Item = (Made, Announce)>,
    ) {
        self.begin_announces(now);
        let wait = self.flush_after.saturating_sub(waited);
        let mut restatements = Vec::new();
        let mut announces = announces.into_iter();
        let mut some = Vec::with_capacity(FETCHED);
        loop {
            some.extend(announces.by_ref().take(FETCHED));
            if some.is_empty() {
                break;
            }
            let peers = some.iter().map(|(_, announce)| announce);
            let none = [PeerHash::default(); FETCHED];
            let peers = self.order().map_or(none, |order| order.peers(peers));
            for (peer, (made, announce)) in peers.into_iter().zip(some.drain(..)) {
                restatements.extend(self.announce_one(made, announce, peer, wait));
            }
        }
        self.restate(restatements);
    }

    fn begin_announces(&mut self, now: Time) {
        self.timers.set_now(now);
        if let Some(repair) = &mut self.repair {
            repair.order.set_now(self.timers.elapsed());
        }
    }

    /// Puts one announce, which may wait for `wait`, into a packet. Returns what to restate of it.
    fn announce_one(
        &mut self,
        made: Made,
        announce: Announce,
        peer: PeerHash,
        wait: Duration,
    ) -> Option<Restatement> {
        if self.ipv4.is_empty() && self.ipv6.is_empty() {
            self.timers.set_after(Timer::Flush, wait);
        }
        self.counters.records_announced += 1;
        let restatement = self.order_own(made, announce, peer);
        self.fill(announce);
        restatement
    }

    /// Completes the packets that are being filled, if their announces have waited long enough.
    pub fn flush_if_due(&mut self) {
        if self.timers.take_due(Timer::Flush) {
            self.flush();
        }
    }

    fn order(&self) -> Option<&AnnounceOrder> {
        self.repair.as_ref().map(|repair| &repair.order)
    }

    /// Appends an announce to the packet that is being filled, and queues that packet once it is
    /// full.
    fn fill(&mut self, announce: Announce) {
        let complete = match announce.into() {
            ByFamily::V4(announce) => self.ipv4.push(&announce).then(|| self.ipv4.take()),
            ByFamily::V6(announce) => self.ipv6.push(&announce).then(|| self.ipv6.take()),
        };
        if let Some(datagram) = complete.flatten() {
            self.queue.post(datagram);
            if self.ipv4.is_empty() && self.ipv6.is_empty() {
                self.timers.stop(Timer::Flush);
            }
        }
    }

    /// Sets the number of the delivery by which the host is handed what comes next.
    ///
    /// Deliveries count from 1, and the number wraps. A host that makes announces during a delivery
    /// names the number in [`Made::delivery`]. Without numbers, every announce counts as made after
    /// all that was handed over.
    pub fn set_delivery(&mut self, delivery: u32) {
        if let Some(repair) = &mut self.repair {
            repair.order.set_delivery(delivery);
        }
    }

    /// Returns at most `most` announces that the host applies once more, in this order, because it
    /// has applied older ones after them.
    pub fn poll_corrections(&mut self, most: usize) -> Vec<Announce> {
        let order = self.repair.as_mut().map(|repair| &mut repair.order);
        order.map_or_else(Vec::new, |order| order.take_corrections(most))
    }

    /// Returns whether [`poll_corrections`](Self::poll_corrections) has any.
    pub fn has_corrections(&self) -> bool {
        self.order().is_some_and(AnnounceOrder::has_corrections)
    }

    /// Handles a list of peers. Those of its announces that nothing supersedes go to the host, in
    /// order.
    pub(super) fn handle_peers<'a>(
        &mut self,
        peers: PeerList<'a>,
        packet: &Arrived,
    ) -> Result<Progress<'a>, Reject> {
        if matches!(peers, PeerList::V6(_)) && !self.hears_ipv6 {
            return Err(Reject::Ipv6Unsupported);
        }
        self.count_tail(peers.tail());
        if self.repair.is_none() {
            self.counters.records_heard += peers.len() as u64;
            return Ok(Progress::Done(Received::Peers(peers)));
        }
        let now = self.timers.elapsed();
        let heard = self.place_of(now, packet);
        let Some(repair) = &mut self.repair else {
            return Ok(Progress::Done(Received::Nothing));
        };
        repair.order.set_now(now);
        let mut is_late = false;
        if let Some((_, Arrival::Late(at))) = packet.order {
            if !repair.order.reaches_back_to(at) {
                return Err(Reject::TooLate);
            }
            is_late = true;
        }
        Ok(self.order_some(Rest::new(peers, heard, is_late)))
    }

    /// Continues with a list that [`handle_datagram_after`](Self::handle_datagram_after) has begun.
    pub fn handle_rest<'a>(&mut self, now: Time, rest: Rest<'a>) -> Progress<'a> {
        self.timers.set_now(now);
        if let Some(repair) = &mut self.repair {
            repair.order.set_now(self.timers.elapsed());
        }
        self.order_some(rest)
    }

    /// Finds the places of as many announces as fit into one step.
    fn order_some<'a>(&mut self, mut rest: Rest<'a>) -> Progress<'a> {
        let (now, name) = (self.timers.elapsed(), self.name());
        let Some(repair) = &mut self.repair else {
            return Progress::Done(Received::Nothing);
        };
        let restatements = rest.order_some(repair, now, name);
        self.restate(restatements);
        let progress = rest.progress();
        if let Progress::Done(received) = &progress {
            self.counters.records_heard += received.records() as u64;
        }
        progress
    }

    /// Counts records of a list that were not used because nobody can connect to their peers.
    pub fn drop_bad_peers(&mut self, records: u64) {
        self.counters.records_heard = self.counters.records_heard.saturating_sub(records);
        self.counters.drops.add(Reject::BadPeer, records);
    }

    /// Returns the id and the epoch under which this node sends.
    pub(super) fn name(&self) -> Name {
        let epoch = |trailers: &Trailers| trailers.numbering.epoch();
        Name {
            id: self.id(),
            epoch: self.trailers.as_ref().map_or(0, epoch),
        }
    }

    /// Returns by how many milliseconds the time that orders announces is ahead of our clock.
    fn offset(&self) -> i64 {
        let offset = |trailers: &Trailers| trailers.numbering.offset();
        self.trailers.as_ref().map_or(self.wall.offset(), offset)
    }

    /// Follows the clock of another node if it is ahead of ours, but not too far ahead.
    pub(super) fn follow(&mut self, trailer: &Trailer) {
        let now = self.timers.elapsed();
        let ahead = self.wall.ahead(now, trailer.epoch, trailer.sent);
        let offset = self.wall.offset() + ahead;
        let ends = |trailers: &Trailers| trailers.numbering.ends_to_follow(offset);
        if ahead > MAX_FOLLOWED_LEAD {
            return;
        }
        if self.trailers.as_ref().is_some_and(ends) {
            self.end_epoch();
        }
        if let Some(trailers) = &mut self.trailers {
            trailers.numbering.follow(now, self.wall, offset);
        }
    }

    /// Returns the place of a packet in the order of announces. It is the time at which the packet
    /// left: by the sender's clock if a trailer gives that time and the clock agrees with ours,
    /// otherwise by our own.
    fn place_of(&self, now: Time, packet: &Arrived) -> ListOrigin {
        let Some(((number, arrival), trailer)) = packet.order.zip(packet.trailer) else {
            let (id, at) = (packet.from, millis(now));
            let (epoch, seq, stream) = (0, 0, 0);
            return ListOrigin {
                at,
                number: Number { id, epoch, seq },
                stream,
                restated: false,
                late: false,
            };
        };
        let ahead = self.wall.ahead(now, trailer.epoch, trailer.sent);
        let left = millis(now) + ahead + self.wall.offset() - self.offset();
        let agrees = |at: i64| left.abs_diff(at) <= MAX_CLOCK_DIFFERENCE;
        let restated = trailer.has(Trailer::RESTATED);
        let is_new = arrival == Arrival::New && !restated;
        let streams = self.nodes.get(packet.node).streams();
        let stream = packet.stream.and_then(|place| streams.get(place));
        let at = if is_new && agrees(millis(now)) {
            left
        } else {
            // It may have been under way for long.
            let here = (stream.as_ref()).map_or(now, |stream| stream.left(now, &trailer));
            let here = millis(here);
            if agrees(here) { left } else { here }
        };
        ListOrigin {
            at,
            number,
            stream: stream.map_or(0, |stream| stream.serial()),
            restated,
            late: matches!(arrival, Arrival::Late(_)),
        }
    }

    /// Finds the place of an announce of our host. Returns what to restate if it is not the newest.
    fn order_own(&mut self, made: Made, announce: Announce, peer: PeerHash) -> Option<Restatement> {
        let name = self.name();
        let repair = self.repair.as_mut()?;
        let now = self.timers.elapsed();
        let at = now.before(self.timers.now().since(made.at));
        let made = Made { at, ..made };
        let (order, may_restate) = repair.ordering(now);
        let packet = match announce.into() {
            ByFamily::V4(_) => begin(&mut self.ipv4, order),
            ByFamily::V6(_) => begin(&mut self.ipv6, order),
        };
        let made = order.announce(made, &announce, peer, (packet, name), may_restate);
        made.map(|made| Restatement { made, announce })
    }

    /// Queues packets that say when our host made these announces, behind the packets that carry
    /// them.
    fn restate(&mut self, restatements: Vec<Restatement>) {
        if restatements.is_empty() {
            return;
        }
        self.flush();
        for Restatement { made, announce } in restatements {
            let packet = match announce.into() {
                ByFamily::V4(announce) => self.list(PacketType::Live, &announce),
                ByFamily::V6(announce) => self.list(PacketType::LIVE_IPV6, &announce),
            };
            let datagram = Datagram::new(&packet, Kind::Restated { made });
            self.queue.post(datagram);
        }
    }

    /// Returns a packet with a single announce.
    fn list(&self, packet_type: PacketType, announce: &impl Record) -> Vec<u8> {
        let header = Header::new(self.id(), packet_type).emit();
        [&header, announce.emit().as_ref()].concat()
    }
}

/// Returns the serial number of the packet into which the next announce goes.
fn begin<R: Record>(batch: &mut Batch<R>, order: &mut AnnounceOrder) -> u32 {
    let begin = || Kind::Announces {
        packet: order.begin_packet(),
    };
    match batch.begin(begin) {
        Kind::Announces { packet } => packet,
        _ => 0,
    }
}
