//! What becomes of announces: of our host's, and of those that were heard.

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

/// A clock that is ahead by so many milliseconds at most is followed.
const FOLLOWED: i64 = 10_000;

/// Clocks that are apart by more milliseconds are not compared.
const AGREES: u64 = 200;

impl Node {
    /// An announce that the host received, to be told to the others.
    pub fn announce(&mut self, now: Time, announce: Announce) {
        self.begin_announces(now);
        let peer = self.order().map(|order| order.peer(&announce));
        let peer = peer.unwrap_or_default();
        let restatement = self.announce_one(Made::now(now), announce, peer, self.flush_after);
        self.restate(restatement.into_iter().collect());
        self.flush_if_due();
    }

    /// Announces that the host received, in their order, and when it received each. The first
    /// one has `waited` for so long.
    pub fn announce_all(
        &mut self,
        now: Time,
        waited: Duration,
        announces: impl IntoIterator<Item = (Made, Announce)>,
    ) {
        self.announce_some(now, waited, announces);
        self.flush_if_due();
    }

    /// The same, if more of them follow at once, and then [`flush_if_due`](Self::flush_if_due).
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

    /// Tells one that may wait for so long; what to restate of it.
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

    /// Completes the packets that are being filled, if announces have waited long enough.
    pub fn flush_if_due(&mut self) {
        if self.timers.take_due(Timer::Flush) {
            self.flush();
        }
    }

    fn order(&self) -> Option<&AnnounceOrder> {
        self.repair.as_ref().map(|repair| &repair.order)
    }

    /// Puts an announce into the packet that is being filled.
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

    /// The host is handed what comes next for the time with this number, which counts from 1 and
    /// wraps: a host that makes announces meanwhile says which ones it made before. Without it
    /// all are made after what was handed over.
    pub fn set_delivery(&mut self, delivery: u32) {
        if let Some(repair) = &mut self.repair {
            repair.order.set_delivery(delivery);
        }
    }

    /// Announces that the host is to apply in this order, so many at most, since it has applied
    /// others behind them that are older.
    pub fn poll_corrections(&mut self, most: usize) -> Vec<Announce> {
        let order = self.repair.as_mut().map(|repair| &mut repair.order);
        order.map_or_else(Vec::new, |order| order.take_corrections(most))
    }

    /// Whether [`poll_corrections`](Self::poll_corrections) has some.
    pub fn has_corrections(&self) -> bool {
        self.order().is_some_and(AnnounceOrder::has_corrections)
    }

    /// Announces that are the latest of their peers are for the host, in their order.
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

    /// Goes on with a list.
    pub fn handle_rest<'a>(&mut self, now: Time, rest: Rest<'a>) -> Progress<'a> {
        self.timers.set_now(now);
        if let Some(repair) = &mut self.repair {
            repair.order.set_now(self.timers.elapsed());
        }
        self.order_some(rest)
    }

    /// Finds the places of as many announces as may be at once.
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

    /// So many records of a list were not used, because nobody can connect to their peers.
    pub fn drop_bad_peers(&mut self, records: u64) {
        self.counters.records_heard = self.counters.records_heard.saturating_sub(records);
        self.counters.drops.add(Reject::BadPeer, records);
    }

    /// Under which id and in which epoch we send.
    pub(super) fn name(&self) -> Name {
        let epoch = |trailers: &Trailers| trailers.numbering.epoch();
        Name {
            id: self.id(),
            epoch: self.trailers.as_ref().map_or(0, epoch),
        }
    }

    /// By how many milliseconds the time by which announces are ordered is ahead of our clock.
    fn offset(&self) -> i64 {
        let offset = |trailers: &Trailers| trailers.numbering.offset();
        self.trailers.as_ref().map_or(self.wall.offset(), offset)
    }

    /// Keeps our clock from being behind that of another node, unless that is far ahead.
    pub(super) fn follow(&mut self, trailer: &Trailer) {
        let now = self.timers.elapsed();
        let ahead = self.wall.ahead(now, trailer.epoch, trailer.sent);
        let offset = self.wall.offset() + ahead;
        let ends = |trailers: &Trailers| trailers.numbering.ends_to_follow(offset);
        if ahead > FOLLOWED {
            return;
        }
        if self.trailers.as_ref().is_some_and(ends) {
            self.end_epoch();
        }
        if let Some(trailers) = &mut self.trailers {
            trailers.numbering.follow(now, self.wall, offset);
        }
    }

    /// The place of a packet among all: when it left by its sender's clock, if there is a trailer
    /// that says so, and the clock agrees with ours.
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
        let agrees = |at: i64| left.abs_diff(at) <= AGREES;
        let restated = trailer.has(Trailer::RESTATED);
        let is_new = arrival == Arrival::New && !restated;
        let streams = self.nodes.get(packet.node).streams();
        let stream = packet.stream.and_then(|place| streams.get(place));
        let at = if is_new && agrees(millis(now)) {
            left
        } else {
            // It may have been on its way for long.
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

    /// Finds the place of an announce of our host; what to restate if it is not the latest.
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

    /// Says of announces of ours when they were made, behind the packets that tell of them.
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

    /// A packet with a single announce.
    fn list(&self, packet_type: PacketType, announce: &impl Record) -> Vec<u8> {
        let header = Header::new(self.id(), packet_type).emit();
        [&header, announce.emit().as_ref()].concat()
    }
}

/// The serial number of the packet into which the next announce goes.
fn begin<R: Record>(batch: &mut Batch<R>, order: &mut AnnounceOrder) -> u32 {
    let begin = || Kind::Announces {
        packet: order.begin_packet(),
    };
    match batch.begin(begin) {
        Kind::Announces { packet } => packet,
        _ => 0,
    }
}
