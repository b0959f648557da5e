//! What a datagram goes through before it is used: the checks, in their order.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::node::Node;
use super::received::Source;
use super::repair::{Arrival, KEPT_FOR, Listener, Number, Stream};
use super::timers::Timer;
use crate::reject::Reject;
use crate::time::Time;
use crate::wire::{Frame, Packet, Trailer};

/// A packet that is to be used.
pub(super) struct Arrived<'a> {
    pub(super) frame: Frame<'a>,
    /// Which one it is, and how it comes, if it is numbered.
    pub(super) order: Option<(Number, Arrival)>,
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
        let frame = Frame::parse(datagram)?;
        if frame.packet.is_probe(frame.header.id) {
            return Ok(Arrived { frame, order: None });
        }
        let proven = self.prove(&frame)?;
        if frame.header.id == self.id {
            self.draw_new_id();
        }
        let order = self.put_in_order(&frame, proven)?;
        self.heard(source, &frame, proven);
        Ok(Arrived { frame, order })
    }

    fn allows(&self, source: Ipv4Addr) -> bool {
        // Unspecified is what has no IPv4 address.
        !source.is_unspecified() && self.allow.iter().any(|network| network.contains(&source))
    }

    /// Whether a key proves where a packet comes from, and that it is sent now.
    fn prove(&mut self, frame: &Frame<'_>) -> Result<bool, Reject> {
        let Some(authentication) = &self.authentication else {
            return Ok(false);
        };
        let tagged = frame.trailer.filter(|trailer| trailer.has(Trailer::TAGGED));
        let genuine = tagged.filter(|trailer| authentication.is_genuine(frame, trailer));
        let Some(trailer) = genuine else {
            if authentication.is_required() {
                let bad = tagged.map(|_| Reject::BadTag);
                return Err(bad.unwrap_or(Reject::Untagged));
            }
            self.counters.packets_unproven += 1;
            return Ok(false);
        };
        let ahead = self.ahead_ms(&trailer);
        if Duration::from_millis(ahead.unsigned_abs()) > authentication.max_skew() {
            return Err(Reject::Skewed);
        }
        // What was sent before we came up may have been recorded by whomever: we cannot know
        // whether we have heard it.
        let listened = self.listened().as_millis() as i64;
        let is_ours = frame.header.id == self.id && self.epoch() == Some(trailer.epoch);
        if ahead < -listened || is_ours {
            return Err(Reject::Replayed);
        }
        Ok(true)
    }

    /// Finds the place of a packet among those of its sender. Each is used once.
    fn put_in_order(
        &mut self,
        frame: &Frame<'_>,
        proven: bool,
    ) -> Result<Option<(Number, Arrival)>, Reject> {
        let Frame {
            again,
            ref packet,
            trailer,
            ..
        } = *frame;
        let from = frame.header.id;
        let numbered = trailer.is_some_and(|trailer| trailer.seq > 0);
        match packet {
            Packet::Live(_) | Packet::ScrapeTell(_) if numbered || !again => {}
            Packet::ScrapeBeacon(_) | Packet::ScrapeInquire(_) if !numbered && !again => {}
            Packet::Heartbeat(_) | Packet::Nak(_) if trailer.is_some() && !numbered => {}
            _ => return Err(Reject::BadNumbers),
        }
        if again && self.repair.is_none() {
            return Err(Reject::Duplicate);
        }
        let Some(trailer) = trailer else {
            return Ok(None);
        };
        if self.repair.is_none() && !proven {
            return Ok(None);
        }
        let now = self.timers.elapsed();
        let listened = self.listened();
        let members = self.nodes.len();
        let sender = self.nodes.get(from);
        match &sender.stream {
            Some(stream) if stream.epoch == trailer.epoch => {}
            Some(stream)
                if is_before(trailer.epoch, stream.epoch)
                    && (proven || now.since(stream.heard) < KEPT_FOR) =>
            {
                return Err(known(proven));
            }
            _ if again => return Err(Reject::Duplicate),
            _ => {
                let old = sender.stream.replace(Stream::new(now, &trailer));
                old.into_iter().for_each(|old| self.nodes.end(old));
            }
        }
        let Some(stream) = self.nodes.stream(from) else {
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
        if numbered {
            let number = Number {
                id: from,
                epoch: trailer.epoch,
                seq: trailer.seq,
            };
            return match stream.arrives(listener, &trailer, again, ask) {
                Arrival::Known => Err(known(proven && !again)),
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

    fn heard(&mut self, source: Source, frame: &Frame<'_>, proven: bool) {
        let packets_out = self.counters.packets_out;
        self.company.heard(packets_out, &mut self.timers);
        let in_time = frame.trailer.filter(|_| !frame.again);
        let ahead = in_time.map(|trailer| self.ahead_ms(&trailer));
        let heard = &mut self.nodes.get(frame.header.id).heard;
        heard.last = self.timers.now();
        heard.address = source.address;
        heard.packets += 1;
        heard.proven = proven;
        heard.ahead_ms = ahead.unwrap_or(heard.ahead_ms);
        heard.count(&frame.packet);
    }

    /// By how much the clock of a packet's sender is ahead of ours.
    fn ahead_ms(&self, trailer: &Trailer) -> i64 {
        let now = self.timers.elapsed();
        self.wall.ahead(now, trailer.epoch, trailer.sent)
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

/// Whether an epoch is before another one, by the arithmetic of serial numbers.
fn is_before(epoch: u32, other: u32) -> bool {
    (epoch.wrapping_sub(other) as i32) < 0
}
