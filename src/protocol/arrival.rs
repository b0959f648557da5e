//! What a datagram goes through before it is used: the checks, in their order.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::node::Node;
use super::received::Source;
use super::repair::{Arrival, Listener, Number, Stream, can_still_come};
use super::timers::Timer;
use crate::reject::Reject;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Header, Packet, Trailer};

/// A packet that is to be used.
pub(super) struct Arrived<'a> {
    pub(super) from: TrackerId,
    pub(super) packet: Packet<'a>,
    /// Which one it is, and how it comes, if it is numbered.
    pub(super) order: Option<(Number, Arrival)>,
}

/// What the bytes around a packet say.
#[derive(Clone, Copy)]
struct Envelope {
    from: TrackerId,
    trailer: Option<Trailer>,
    /// It was sent before.
    again: bool,
    /// A key proves it.
    proven: bool,
}

impl Node {
    /// "A datagram is used only if (1) its source address is blessed by the
    /// host, (2) it is at least a header long, (3) its tracker id is not ours." What
    /// comes from our own address is our own, blessed or not. Our id from anywhere
    /// else means that two trackers drew the same one: then we draw another, and use
    /// the datagram.
    pub(super) fn accept<'a>(
        &mut self,
        source: Source,
        datagram: &'a [u8],
    ) -> Result<Arrived<'a>, Reject> {
        if source.address == self.address {
            return Err(Reject::OwnPacket);
        }
        if !source.blessed && !self.allows(*source.address.ip()) {
            return Err(Reject::NotBlessed);
        }
        let (header, payload) = Header::parse(datagram)?;
        let first = header.first();
        let header = first.unwrap_or(header);
        let (payload, trailer) = Trailer::split(header, payload);
        let packet = Packet::parse(header, payload)?;
        let from = header.id;
        if packet.is_probe(from) {
            let order = None;
            return Ok(Arrived {
                from,
                packet,
                order,
            });
        }
        let proven = self.prove(header, payload, trailer.as_ref())?;
        if from == self.id {
            self.draw_new_id();
        }
        let envelope = Envelope {
            from,
            trailer,
            again: first.is_some(),
            proven,
        };
        let order = self.put_in_order(envelope, &packet)?;
        self.heard(source, envelope, &packet);
        Ok(Arrived {
            from,
            packet,
            order,
        })
    }

    fn allows(&self, source: Ipv4Addr) -> bool {
        // Unspecified is what has no IPv4 address.
        !source.is_unspecified() && self.allow.iter().any(|network| network.contains(&source))
    }

    /// Whether a key proves where a packet comes from, and that it is sent now.
    fn prove(
        &mut self,
        header: Header,
        payload: &[u8],
        trailer: Option<&Trailer>,
    ) -> Result<bool, Reject> {
        let Some(authentication) = &self.authentication else {
            return Ok(false);
        };
        let tagged = trailer.filter(|trailer| trailer.flags & Trailer::TAGGED != 0);
        let genuine = tagged.filter(|trailer| authentication.is_genuine(header, payload, trailer));
        let Some(trailer) = genuine else {
            if authentication.is_required() {
                let bad = tagged.map(|_| Reject::BadTag);
                return Err(bad.unwrap_or(Reject::Untagged));
            }
            self.counters.packets_unproven += 1;
            return Ok(false);
        };
        let ahead = self.ahead_ms(trailer);
        if Duration::from_millis(ahead.unsigned_abs()) > authentication.max_skew() {
            return Err(Reject::Skewed);
        }
        // What was sent before we came up may have been recorded by whomever: we cannot know
        // whether we have heard it.
        let listened = self.listened().as_millis() as i64;
        let is_ours = header.id == self.id && self.epoch() == Some(trailer.epoch);
        if ahead < -listened || is_ours {
            return Err(Reject::Replayed);
        }
        Ok(true)
    }

    /// Finds the place of a packet among those of its sender. Each is used once.
    fn put_in_order(
        &mut self,
        envelope: Envelope,
        packet: &Packet<'_>,
    ) -> Result<Option<(Number, Arrival)>, Reject> {
        let Envelope {
            from,
            again,
            proven,
            ..
        } = envelope;
        let numbered = envelope.trailer.is_some_and(|trailer| trailer.seq > 0);
        match packet {
            Packet::Live(_) | Packet::ScrapeTell(_) if numbered || !again => {}
            Packet::ScrapeBeacon(_) | Packet::ScrapeInquire(_) if !numbered && !again => {}
            Packet::Heartbeat(_) | Packet::Nak(_) if envelope.trailer.is_some() && !numbered => {}
            _ => return Err(Reject::BadNumbers),
        }
        if again && self.repair.is_none() {
            return Err(Reject::Duplicate);
        }
        let Some(trailer) = envelope.trailer else {
            return Ok(None);
        };
        if self.repair.is_none() && !proven {
            return Ok(None);
        }
        let now = self.timers.elapsed();
        let listened = self.listened();
        let members = self.nodes.len();
        let known = self.nodes.get(from);
        match &known.stream {
            Some(stream) if stream.epoch == trailer.epoch => {}
            Some(stream)
                if is_before(trailer.epoch, stream.epoch)
                    && (proven || can_still_come(now, stream.heard)) =>
            {
                return Err(Reject::Replayed);
            }
            _ if again => return Err(Reject::Duplicate),
            _ => {
                let old = known.stream.replace(Stream::new(now, &trailer));
                old.into_iter().for_each(|old| self.nodes.end(old));
            }
        }
        let Some(stream) = self.nodes.stream(from) else {
            return Ok(None);
        };
        stream.heard = now;
        let (timers, repair) = (&mut self.timers, &mut self.repair);
        let ask = || match repair {
            Some(repair) if trailer.flags & Trailer::UNKEPT == 0 => {
                let wait = repair.wait(members);
                timers.set_no_later(Timer::Ask, wait);
                now + wait
            }
            _ => Time::NEVER,
        };
        let listener = Listener { now, listened };
        if numbered {
            let number = Number {
                id: from,
                epoch: trailer.epoch,
                seq: trailer.seq,
            };
            return match stream.arrives(listener, &trailer, again, ask) {
                Arrival::Known if proven && !again => Err(Reject::Replayed),
                Arrival::Known => Err(Reject::Duplicate),
                arrival => Ok(Some((number, arrival))),
            };
        }
        if !stream.arrives_unnumbered(now, &trailer) && proven {
            return Err(Reject::Replayed);
        }
        if let Packet::Heartbeat(heartbeat) = packet
            && heartbeat.epoch == trailer.epoch
        {
            stream.sent_until(listener, trailer.sent, heartbeat.highest, ask);
        }
        Ok(None)
    }

    fn heard(&mut self, source: Source, envelope: Envelope, packet: &Packet<'_>) {
        let packets_out = self.counters.packets_out;
        self.company.heard(packets_out, &mut self.timers);
        let in_time = envelope.trailer.filter(|_| !envelope.again);
        let ahead = in_time.map(|trailer| self.ahead_ms(&trailer));
        let heard = &mut self.nodes.get(envelope.from).heard;
        heard.last = self.timers.now();
        heard.address = source.address;
        heard.packets += 1;
        heard.proven = envelope.proven;
        heard.ahead_ms = ahead.unwrap_or(heard.ahead_ms);
        heard.count(packet);
    }

    /// By how much the clock of a packet's sender is ahead of ours.
    fn ahead_ms(&self, trailer: &Trailer) -> i64 {
        let now = self.timers.elapsed();
        self.wall.ahead(now, trailer.epoch, trailer.sent)
    }

    fn listened(&self) -> Duration {
        self.timers.elapsed().since(self.began)
    }

    fn epoch(&self) -> Option<u32> {
        self.trailers
            .as_ref()
            .map(|trailers| trailers.numbering.epoch())
    }
}

/// Whether an epoch is before another one, by the arithmetic of serial numbers.
fn is_before(epoch: u32, other: u32) -> bool {
    (epoch.wrapping_sub(other) as i32) < 0
}
