//! The checks that a datagram passes before it is used, in their order.

use std::time::Duration;

use super::KEPT_FOR;
use super::arrived::Arrived;
use super::listener::{Arrival, Listener, PacketOrigin};
use super::nodes::NodeIndex;
use super::objections::NEVER_USED;
use super::streams::{Arriving, StreamPlace};
use crate::protocol::identity::NewId;
use crate::protocol::node::Node;
use crate::protocol::number::Number;
use crate::protocol::received::{Source, Waited};
use crate::protocol::timers::Timer;
use crate::reject::Reject;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Frame, Packet, Trailer};

/// Upper bound for the payload of a packet whose tag is checked: a jumbo frame.
const MAX_TAGGED_LEN: usize = 9000;

/// The place of a packet among the packets of its sender.
#[derive(Default)]
struct Placed {
    order: Option<(Number, Arrival)>,
    node: Option<NodeIndex>,
    stream: Option<usize>,
}

impl Node {
    /// Checks a datagram, and returns its frame and what is known of it; `None` for a probe.
    ///
    /// "A datagram is used only if (1) its source address is blessed by the host, (2) it is at
    /// least a header long, (3) its tracker id is not ours."
    ///
    /// A packet that this node sent is its own, from whatever address it comes back. Any other
    /// packet under its id shows that two trackers drew the same one: this node then draws another
    /// id, and uses the datagram. A probe changes nothing.
    pub(in crate::protocol) fn accept<'a>(
        &mut self,
        source: Source,
        waited: Waited,
        datagram: &'a [u8],
    ) -> Result<Option<(Frame<'a>, Arrived)>, Reject> {
        if self.is_own(waited, datagram) {
            return Err(Reject::OwnPacket);
        }
        if !source.allowed && !self.allow.contains(source.address.ip()) {
            return Err(Reject::NotAllowed);
        }
        let frame = Frame::parse(datagram)?;
        if frame.packet.is_probe(frame.header.id) {
            return Ok(None);
        }
        let found = self.nodes.find(frame.header.id);
        let authenticated = self.authenticate(&frame, found, waited)?;
        if frame.header.id == self.identity.id {
            self.id_is_used(NewId::SameId);
        }
        let placed = self.put_in_order(source, &frame, found, authenticated)?;
        let Placed { order, stream, .. } = placed;
        let (now, from) = (self.timers.elapsed(), frame.header.id);
        let begin = || self.nodes.begin(now, from);
        let node = placed.node.or(found).unwrap_or_else(begin);
        self.heard(source, &frame, node, authenticated);
        if let Some(trailer) = frame.trailer.filter(|_| !frame.retransmitted)
            // With a key the clocks agree already, and no single node may set them.
            && self.authentication.is_none()
        {
            self.follow(&trailer);
        }
        let arrived = Arrived {
            from,
            trailer: frame.trailer,
            order,
            node,
            stream,
        };
        Ok(Some((frame, arrived)))
    }

    /// Returns whether a key authenticates a packet, and as one sent shortly before it arrived.
    /// Otherwise the packet is refused, or counted as unauthenticated.
    fn authenticate(
        &mut self,
        frame: &Frame<'_>,
        found: Option<NodeIndex>,
        waited: Waited,
    ) -> Result<bool, Reject> {
        let Some(authentication) = &self.authentication else {
            return Ok(false);
        };
        let waited = waited.least.as_millis() as i64;
        let ahead = |trailer| self.ahead_ms(trailer) + waited;
        let reject = match frame.trailer.filter(|trailer| trailer.has(Trailer::TAGGED)) {
            None => Reject::Untagged,
            // Checking a longer packet would hold up others.
            Some(_) if frame.payload.len() > MAX_TAGGED_LEN => Reject::BadTag,
            Some(trailer) if !authentication.is_genuine(frame, &trailer) => Reject::BadTag,
            Some(trailer) if self.may_be_ours(frame.header.id, &trailer) => {
                return Err(Reject::Replayed);
            }
            Some(trailer) if authentication.is_skewed(ahead(&trailer)) => {
                self.refuse_skewed(frame.header.id, &trailer, ahead(&trailer));
                Reject::Skewed
            }
            Some(trailer) => {
                if self.was_refused(frame.header.id, found, &trailer) {
                    self.object_to_refused(frame.header.id, trailer.epoch);
                    return Err(Reject::Replayed);
                }
                return Ok(true);
            }
        };
        let Some(authentication) = &mut self.authentication else {
            return Ok(false);
        };
        // A node that has a key uses it for all that it sends.
        let now = self.timers.elapsed();
        let is_authenticated = |node| self.nodes.get(node).is_authenticated(now);
        if authentication.is_required() || found.is_some_and(is_authenticated) {
            return Err(reject);
        }
        authentication.note_unauthenticated();
        self.counters.packets_unauthenticated += 1;
        Ok(false)
    }

    fn refuse_skewed(&mut self, id: TrackerId, trailer: &Trailer, ahead_ms: i64) {
        let left_at = self.left_at(trailer);
        let now = self.wall.shows(self.timers.elapsed());
        if let Some(authentication) = &mut self.authentication {
            authentication.refuse_skewed(now, id, trailer, ahead_ms, left_at);
        }
    }

    /// Returns whether a packet may have been refused earlier because it came from the future.
    fn was_refused(&self, id: TrackerId, found: Option<NodeIndex>, trailer: &Trailer) -> bool {
        // A stream knows by itself which packets were used.
        let knows = |node| (self.nodes.get(node).streams()).is_authenticated(trailer.epoch);
        if found.is_some_and(knows) {
            return false;
        }
        let at = self.left_at(trailer);
        let authentication = self.authentication.as_ref();
        authentication.is_some_and(|known| known.was_refused(id, trailer, at))
    }

    fn object_to_refused(&mut self, id: TrackerId, epoch: u32) {
        let now = self.timers.elapsed();
        if let Some(authentication) = &mut self.authentication
            && authentication.take_objection(now, id)
        {
            self.object(id, epoch, NEVER_USED);
        }
    }

    /// Returns when a packet left, by the clock of its sender.
    fn left_at(&self, trailer: &Trailer) -> i64 {
        self.wall.shows(self.timers.elapsed()) + self.ahead_ms(trailer)
    }

    /// Finds the place of a packet among those of its sender, and its stream. Each packet is used
    /// once.
    fn put_in_order(
        &mut self,
        source: Source,
        frame: &Frame<'_>,
        found: Option<NodeIndex>,
        authenticated: bool,
    ) -> Result<Placed, Reject> {
        if !is_numbered_rightly(frame) {
            return Err(Reject::BadNumbers);
        }
        if frame.retransmitted && self.repair.is_none() {
            return Err(Reject::Duplicate);
        }
        let Some(trailer) = frame.trailer else {
            return Ok(Placed::default());
        };
        if self.repair.is_none() && !authenticated {
            return Ok(Placed::default());
        }
        let id = frame.header.id;
        // Anybody may have recorded a packet that was sent before we started, and we cannot know
        // whether we used it; but a packet that is missing was not used.
        let is_missing = |node| {
            self.nodes
                .get(node)
                .streams()
                .is_missing_authenticated(&trailer)
        };
        if authenticated && self.was_sent_before_us(&trailer) && !found.is_some_and(is_missing) {
            return Err(Reject::Replayed);
        }
        if found.is_none() && frame.retransmitted {
            return Err(Reject::Duplicate);
        }
        let now = self.timers.elapsed();
        let packet = Arriving {
            listener: Listener {
                now,
                listened: self.listened(),
            },
            origin: match authenticated {
                true => PacketOrigin::Authenticated,
                false => PacketOrigin::Address(source.address),
            },
            frame,
            trailer: &trailer,
            has_room: self.nodes.has_room() || found.is_some(),
        };
        let node = found.unwrap_or_else(|| self.nodes.begin(now, id));
        let (stream, arrival) = self.put_into_stream(node, &packet);
        // Objections are made whether the packet is used or not.
        for (epoch, number) in self.nodes.get_mut(node).streams_mut().take_objections(now) {
            self.object(id, epoch, number);
        }
        let Trailer { epoch, seq, .. } = trailer;
        let number = |arrival| (Number { id, epoch, seq }, arrival);
        Ok(Placed {
            order: arrival?.map(number),
            node: Some(node),
            stream,
        })
    }

    /// Puts a packet into its stream, or into a new one. Returns which stream that is, if there is
    /// room for one, and how the packet arrives, if it is numbered.
    fn put_into_stream(
        &mut self,
        node: NodeIndex,
        packet: &Arriving<'_>,
    ) -> (Option<usize>, Result<Option<Arrival>, Reject>) {
        let now = packet.listener.now;
        let stream = match self.nodes.get_mut(node).streams_mut().place(packet) {
            Ok(StreamPlace::Known(stream)) => stream,
            Ok(StreamPlace::New(stream)) => {
                // If there are more nodes than fit into the table, each of them is new time and
                // again.
                if let Some(repair) = &mut self.repair
                    && packet.has_room
                {
                    repair.greet(&mut self.timers);
                }
                stream
            }
            Ok(StreamPlace::Nowhere) => return (None, Ok(None)),
            Err(reject) => return (None, Err(reject)),
        };
        let repairing = self.nodes.repairing(now);
        let (timers, repair) = (&mut self.timers, &mut self.repair);
        let nak_due = || match repair {
            Some(repair) if !packet.trailer.has(Trailer::UNKEPT) => {
                let wait = repair.wait(repairing);
                timers.set_no_later(Timer::Nak, wait);
                now + wait
            }
            _ => {
                timers.set_no_later(Timer::Nak, KEPT_FOR);
                Time::NEVER
            }
        };
        let streams = self.nodes.get_mut(node).streams_mut();
        (Some(stream), streams.arrives(stream, packet, nak_due))
    }

    fn heard(&mut self, source: Source, frame: &Frame<'_>, node: NodeIndex, authenticated: bool) {
        let packets_out = self.queue.posted().packets;
        self.isolation.heard(packets_out, &mut self.timers);
        let in_time = frame.trailer.filter(|_| !frame.retransmitted);
        let ahead = in_time.map(|trailer| self.ahead_ms(&trailer));
        let times = (self.timers.now(), self.timers.elapsed());
        let node = self.nodes.get_mut(node);
        node.uses(times, (source.address, authenticated), ahead, &frame.packet);
    }

    /// Returns by how many milliseconds the clock of a packet's sender is ahead of ours.
    fn ahead_ms(&self, trailer: &Trailer) -> i64 {
        let now = self.timers.elapsed();
        self.wall.ahead(now, trailer.epoch, trailer.sent)
    }

    pub(in crate::protocol) fn was_sent_before_us(&self, trailer: &Trailer) -> bool {
        self.ahead_ms(trailer) < -(self.listened().as_millis() as i64)
    }

    fn listened(&self) -> Duration {
        self.timers.elapsed().since(self.began)
    }
}

/// Returns whether a packet has a number exactly where one belongs. Lists may have one, and must
/// have one as a retransmission; no other packet has one. Heartbeats and NAKs have a trailer.
fn is_numbered_rightly(frame: &Frame<'_>) -> bool {
    let numbered = frame.trailer.is_some_and(|trailer| trailer.seq > 0);
    match frame.packet {
        Packet::Live(_) | Packet::ScrapeTell(_) => numbered || !frame.retransmitted,
        Packet::ScrapeBeacon(_) | Packet::ScrapeInquire(_) => !numbered && !frame.retransmitted,
        Packet::Heartbeat(_) | Packet::Nak(_) => frame.trailer.is_some() && !numbered,
    }
}
