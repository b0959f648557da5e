//! What a datagram goes through before it is used: the checks, in their order.

use std::time::Duration;

use super::arrived::Arrived;
use super::identity::NewId;
use super::node::Node;
use super::nodes::Sender;
use super::received::{Source, Waited};
use super::repair::{Arrival, Arriving, KEPT_FOR, Listener, NEVER_USED, Number, Origin, Place};
use super::timers::Timer;
use crate::reject::Reject;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Frame, Packet, Trailer};

/// How long a packet with a tag is at most, without header and trailer: a jumbo frame.
const LONGEST_TAGGED: usize = 9000;

/// The place of a packet among those of its sender.
#[derive(Default)]
struct Placed {
    order: Option<(Number, Arrival)>,
    sender: Option<Sender>,
    stream: Option<usize>,
}

impl Node {
    /// "A datagram is used only if (1) its source address is blessed by the
    /// host, (2) it is at least a header long, (3) its tracker id is not ours." What
    /// we have sent ourselves is our own, from whatever address it comes back. Any other
    /// packet under our id means that two trackers drew the same one: then we draw another,
    /// and use the datagram. A probe says nothing.
    pub(super) fn accept<'a>(
        &mut self,
        source: Source,
        waited: Waited,
        datagram: &'a [u8],
    ) -> Result<Option<Arrived<'a>>, Reject> {
        if self.is_own(waited, datagram) {
            return Err(Reject::OwnPacket);
        }
        if !source.blessed && !self.allow.contains(source.address.ip()) {
            return Err(Reject::NotBlessed);
        }
        let frame = Frame::parse(datagram)?;
        if frame.packet.is_probe(frame.header.id) {
            return Ok(None);
        }
        let found = self.nodes.find(frame.header.id);
        let proven = self.prove(&frame, found, waited)?;
        if frame.header.id == self.identity.id {
            self.id_is_used(NewId::SameId);
        }
        let placed = self.put_in_order(source, &frame, found, proven)?;
        let Placed { order, stream, .. } = placed;
        let now = self.timers.elapsed();
        let begin = || self.nodes.begin(now, frame.header.id);
        let sender = placed.sender.or(found).unwrap_or_else(begin);
        self.heard(source, &frame, sender, proven);
        if let Some(trailer) = frame.trailer.filter(|_| !frame.again)
            // With a key the clocks agree already, and a member must not set them.
            && self.authentication.is_none()
        {
            self.follow(&trailer);
        }
        Ok(Some(Arrived {
            frame,
            order,
            sender,
            stream,
        }))
    }

    /// Whether a key proves where a packet comes from, and that it was sent shortly before it
    /// arrived. Without a proof it is refused, or counted.
    fn prove(
        &mut self,
        frame: &Frame<'_>,
        sender: Option<Sender>,
        waited: Waited,
    ) -> Result<bool, Reject> {
        let Some(authentication) = &self.authentication else {
            return Ok(false);
        };
        let waited = waited.least.as_millis() as i64;
        let ahead = |trailer| self.ahead_ms(trailer) + waited;
        let reject = match frame.trailer.filter(|trailer| trailer.has(Trailer::TAGGED)) {
            None => Reject::Untagged,
            // To look at more would hold up others.
            Some(_) if frame.payload.len() > LONGEST_TAGGED => Reject::BadTag,
            Some(trailer) if !authentication.is_genuine(frame, &trailer) => Reject::BadTag,
            Some(trailer) if self.may_be_ours(frame.header.id, &trailer) => {
                return Err(Reject::Replayed);
            }
            Some(trailer) if authentication.is_skewed(ahead(&trailer)) => {
                self.skew_ms = ahead(&trailer);
                self.note_skewed(frame.header.id, &trailer);
                Reject::Skewed
            }
            Some(trailer) => {
                if self.was_refused(frame.header.id, sender, &trailer) {
                    self.object_to_refused(frame.header.id, trailer.epoch);
                    return Err(Reject::Replayed);
                }
                return Ok(true);
            }
        };
        let Some(authentication) = &self.authentication else {
            return Ok(false);
        };
        // A node that has a key uses it for all that it sends.
        let now = self.timers.elapsed();
        let is_proven = |sender| self.nodes.is_proven(now, sender);
        if authentication.is_required() || sender.is_some_and(is_proven) {
            return Err(reject);
        }
        self.counters.packets_unproven += 1;
        self.unproven = true;
        Ok(false)
    }

    /// A packet that has left in the future was refused: it must not be used when that has come.
    fn note_skewed(&mut self, id: TrackerId, trailer: &Trailer) {
        let at = self.left_at(trailer);
        let now = self.wall.shows(self.timers.elapsed());
        if let Some(authentication) = &mut self.authentication
            && at > now
        {
            authentication.ahead.note(now, id, trailer, at);
        }
    }

    /// Whether a packet may have been refused because it had left in the future then.
    fn was_refused(&mut self, id: TrackerId, sender: Option<Sender>, trailer: &Trailer) -> bool {
        // A stream knows itself what was used.
        let streams = sender.map(|sender| self.nodes.streams(sender));
        if streams.is_some_and(|streams| streams.is_authenticated(trailer.epoch)) {
            return false;
        }
        let at = self.left_at(trailer);
        let authentication = self.authentication.as_ref();
        authentication.is_some_and(|known| known.ahead.was_refused(id, trailer, at))
    }

    fn object_to_refused(&mut self, id: TrackerId, epoch: u32) {
        let now = self.timers.elapsed();
        if let Some(authentication) = &mut self.authentication
            && authentication.ahead.objects(now, id)
        {
            self.object(id, epoch, NEVER_USED);
        }
    }

    /// When a packet has left, by the clock of its sender.
    fn left_at(&self, trailer: &Trailer) -> i64 {
        self.wall.shows(self.timers.elapsed()) + self.ahead_ms(trailer)
    }

    /// Finds the place of a packet among those of its sender, and of which of its streams. Each is
    /// used once.
    fn put_in_order(
        &mut self,
        source: Source,
        frame: &Frame<'_>,
        found: Option<Sender>,
        proven: bool,
    ) -> Result<Placed, Reject> {
        if !is_numbered_rightly(frame) {
            return Err(Reject::BadNumbers);
        }
        if frame.again && self.repair.is_none() {
            return Err(Reject::Duplicate);
        }
        let Some(trailer) = frame.trailer else {
            return Ok(Placed::default());
        };
        if self.repair.is_none() && !proven {
            return Ok(Placed::default());
        }
        let (sender, stream) = self.place(source, frame, found, &trailer, proven)?;
        let Some(place) = stream else {
            return Ok(Placed {
                sender: Some(sender),
                ..Placed::default()
            });
        };
        let arrival = self.put_into_stream((sender, place), frame, &trailer, proven);
        let id = frame.header.id;
        self.object_to_streams_of(id, sender);
        let Trailer { epoch, seq, .. } = trailer;
        let number = |arrival| (Number { id, epoch, seq }, arrival);
        Ok(Placed {
            order: arrival?.map(number),
            sender: Some(sender),
            stream,
        })
    }

    /// Puts a packet into its stream; how it comes, if it is numbered.
    fn put_into_stream(
        &mut self,
        (sender, place): (Sender, usize),
        frame: &Frame<'_>,
        trailer: &Trailer,
        proven: bool,
    ) -> Result<Option<Arrival>, Reject> {
        let now = self.timers.elapsed();
        let members = self.nodes.asking(now);
        let listened = self.listened();
        let streams = self.nodes.streams(sender);
        let is_copy = !proven && streams.is_copy(now, place, frame, trailer);
        let Some(stream) = streams.get(place) else {
            return Ok(None);
        };
        stream.heard = now;
        let (timers, repair) = (&mut self.timers, &mut self.repair);
        let ask = || match repair {
            Some(repair) if !trailer.has(Trailer::UNKEPT) => {
                let wait = repair.wait(members);
                timers.set_no_later(Timer::Ask, wait);
                now + wait
            }
            _ => {
                timers.set_no_later(Timer::Ask, KEPT_FOR);
                Time::NEVER
            }
        };
        let listener = Listener { now, listened };
        if trailer.seq > 0 {
            return match stream.arrives(listener, frame, trailer, ask) {
                arrival if is_copy => {
                    if matches!(arrival, Arrival::Late(_)) {
                        stream.settle(trailer.seq, true);
                    }
                    Err(Reject::Duplicate)
                }
                Arrival::Known => Err(known(proven && !frame.again)),
                // Both are used, since nobody can tell which one is the sender's own.
                Arrival::Disputed => Ok(None),
                arrival => Ok(Some(arrival)),
            };
        }
        let heartbeat = match frame.packet {
            Packet::Heartbeat(heartbeat) if heartbeat.epoch == trailer.epoch => Some(heartbeat),
            _ => None,
        };
        heartbeat
            .iter()
            .for_each(|heartbeat| stream.compare(now, *heartbeat));
        if !stream.arrives_unnumbered(now, trailer) && proven {
            return Err(Reject::Replayed);
        }
        stream.measure(now, trailer, frame.again);
        if let Some(heartbeat) = heartbeat {
            stream.beats(listener, heartbeat, trailer.sent, ask);
        }
        if is_copy {
            return Err(Reject::Duplicate);
        }
        Ok(None)
    }

    /// The sender of a packet that can be used, which may begin to be known by it, and the stream to
    /// which it belongs; it may begin one.
    fn place(
        &mut self,
        source: Source,
        frame: &Frame<'_>,
        found: Option<Sender>,
        trailer: &Trailer,
        proven: bool,
    ) -> Result<(Sender, Option<usize>), Reject> {
        let from = frame.header.id;
        let now = self.timers.elapsed();
        let before_us = self.was_sent_before_us(trailer);
        let has_room = self.nodes.have_room();
        // What was sent before we came up may have been recorded by whomever, and we cannot know
        // whether we have heard it; but if it is missing we have not.
        let is_missing = |sender| self.nodes.streams(sender).miss_authenticated(trailer);
        if proven && before_us && !found.is_some_and(is_missing) {
            return Err(Reject::Replayed);
        }
        if found.is_none() && frame.again {
            return Err(Reject::Duplicate);
        }
        let last = match frame.packet {
            Packet::Heartbeat(heartbeat) if heartbeat.epoch == trailer.epoch => heartbeat.highest,
            _ => trailer.seq,
        };
        let packet = Arriving {
            now,
            origin: match proven {
                true => Origin::Authenticated,
                false => Origin::Address(source.address),
            },
            frame,
            trailer,
            last,
            has_room: has_room || found.is_some(),
        };
        let sender = found.unwrap_or_else(|| self.nodes.begin(now, from));
        match self.nodes.streams(sender).place(&packet) {
            Ok(Place::Known(place)) => Ok((sender, Some(place))),
            Ok(Place::New(place)) => {
                // Where there are more nodes than are known, each is new again and again.
                if let Some(repair) = &mut self.repair
                    && packet.has_room
                {
                    repair.greet(&mut self.timers);
                }
                Ok((sender, Some(place)))
            }
            Ok(Place::Nowhere) => Ok((sender, None)),
            Err(reject) => {
                self.object_to_streams_of(from, sender);
                Err(reject)
            }
        }
    }

    /// Makes the objections that there are to streams of this id.
    fn object_to_streams_of(&mut self, id: TrackerId, sender: Sender) {
        let now = self.timers.elapsed();
        let streams = self.nodes.streams(sender).iter_mut();
        let objections =
            streams.filter_map(|stream| Some((stream.epoch, stream.take_objection(now)?)));
        for (epoch, number) in objections.collect::<Vec<_>>() {
            self.object(id, epoch, number);
        }
    }

    fn heard(&mut self, source: Source, frame: &Frame<'_>, sender: Sender, proven: bool) {
        let packets_out = self.queue.posted().packets;
        self.company.heard(packets_out, &mut self.timers);
        let in_time = frame.trailer.filter(|_| !frame.again);
        let ahead = in_time.map(|trailer| self.ahead_ms(&trailer));
        let (now, elapsed) = (self.timers.now(), self.timers.elapsed());
        let known = self.nodes.known(sender);
        let heard = known.uses(now, elapsed, proven);
        heard.address = source.address;
        heard.ahead_ms = ahead.unwrap_or(heard.ahead_ms);
        heard.count(&frame.packet);
    }

    /// By how much the clock of a packet's sender is ahead of ours.
    fn ahead_ms(&self, trailer: &Trailer) -> i64 {
        let now = self.timers.elapsed();
        self.wall.ahead(now, trailer.epoch, trailer.sent)
    }

    pub(super) fn was_sent_before_us(&self, trailer: &Trailer) -> bool {
        self.ahead_ms(trailer) < -(self.listened().as_millis() as i64)
    }

    fn listened(&self) -> Duration {
        self.timers.elapsed().since(self.began)
    }
}

/// Why something is not used that was heard before. With a proof of its origin somebody
/// has recorded it; without one, or sent again by its sender, it is a duplicate.
fn known(recorded: bool) -> Reject {
    if recorded {
        Reject::Replayed
    } else {
        Reject::Duplicate
    }
}

/// Lists may have a number, and have one if they are sent again; nothing else has. What is
/// ours has a trailer.
fn is_numbered_rightly(frame: &Frame<'_>) -> bool {
    let numbered = frame.trailer.is_some_and(|trailer| trailer.seq > 0);
    match frame.packet {
        Packet::Live(_) | Packet::ScrapeTell(_) => numbered || !frame.again,
        Packet::ScrapeBeacon(_) | Packet::ScrapeInquire(_) => !numbered && !frame.again,
        Packet::Heartbeat(_) | Packet::Nak(_) => frame.trailer.is_some() && !numbered,
    }
}
