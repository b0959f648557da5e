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
            self.counters.id_collisions += 1;
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

    /// Whether a key proves where a packet comes from, and that it is sent now. Without a
    /// proof it is refused, or counted.
    fn prove(&mut self, frame: &Frame<'_>) -> Result<bool, Reject> {
        let Some(authentication) = &self.authentication else {
            return Ok(false);
        };
        let reject = match frame.trailer.filter(|trailer| trailer.has(Trailer::TAGGED)) {
            None => Reject::Untagged,
            Some(trailer) if !authentication.is_genuine(frame, &trailer) => Reject::BadTag,
            Some(trailer) if frame.header.id == self.id && self.may_be_ours(&trailer) => {
                return Err(Reject::Replayed);
            }
            Some(trailer) if authentication.is_skewed(self.ahead_ms(&trailer)) => {
                self.skew_ms = self.ahead_ms(&trailer);
                Reject::Skewed
            }
            Some(_) => return Ok(true),
        };
        if authentication.is_required() {
            return Err(reject);
        }
        self.counters.packets_unproven += 1;
        self.unproven = true;
        Ok(false)
    }

    /// Finds the place of a packet among those of its sender. Each is used once.
    fn put_in_order(
        &mut self,
        frame: &Frame<'_>,
        proven: bool,
    ) -> Result<Option<(Number, Arrival)>, Reject> {
        if !is_numbered_rightly(frame) {
            return Err(Reject::BadNumbers);
        }
        if frame.again && self.repair.is_none() {
            return Err(Reject::Duplicate);
        }
        let Some(trailer) = frame.trailer else {
            return Ok(None);
        };
        if self.repair.is_none() && !proven {
            return Ok(None);
        }
        self.see_to_stream(frame, &trailer, proven)?;
        let from = frame.header.id;
        let members = self.nodes.len();
        let now = self.timers.elapsed();
        let listened = self.listened();
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
        if trailer.seq > 0 {
            let number = Number {
                id: from,
                epoch: trailer.epoch,
                seq: trailer.seq,
            };
            return match stream.arrives(listener, &trailer, frame.again, ask) {
                Arrival::Known => Err(known(proven && !frame.again)),
                arrival => Ok(Some((number, arrival))),
            };
        }
        if !stream.arrives_unnumbered(&trailer) && proven {
            return Err(Reject::Replayed);
        }
        stream.measure(now, &trailer, frame.again);
        if let Packet::Heartbeat(heartbeat) = frame.packet
            && heartbeat.epoch == trailer.epoch
        {
            stream.sent_until(listener, trailer.sent, heartbeat.highest, ask);
        }
        Ok(None)
    }

    /// Sees that there is a stream to which the packet belongs, if it can be used.
    fn see_to_stream(
        &mut self,
        frame: &Frame<'_>,
        trailer: &Trailer,
        proven: bool,
    ) -> Result<(), Reject> {
        let from = frame.header.id;
        let now = self.timers.elapsed();
        let before_us = self.was_sent_before_us(trailer);
        let stream = self.nodes.stream(from);
        // What was sent before we came up may have been recorded by whomever, and we cannot know
        // whether we have heard it; but if it is missing we have not.
        let missing = stream.as_ref().is_some_and(|stream| stream.misses(trailer));
        if proven && before_us && !missing {
            return Err(Reject::Replayed);
        }
        match stream {
            Some(stream) if stream.epoch == trailer.epoch => return Ok(()),
            Some(stream)
                if is_before(trailer.epoch, stream.epoch)
                    && (proven || now.since(stream.heard) < KEPT_FOR) =>
            {
                return Err(known(proven));
            }
            _ if frame.again => return Err(Reject::Duplicate),
            _ => {}
        }
        let new = Stream::new(now, trailer);
        let old = self.nodes.get(from).stream.replace(new);
        old.into_iter().for_each(|old| self.nodes.end(old));
        if let Some(repair) = &mut self.repair {
            repair.greet(&mut self.timers);
        }
        Ok(())
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

    /// Whether a packet with our id may be one of ours, from this run or one before. Of two
    /// trackers that have drawn the same id it is the one with the older epoch that
    /// notices; if they began in the same tenth of a second, the one that hears of a number
    /// that it has not used, or used for something else.
    fn may_be_ours(&self, trailer: &Trailer) -> bool {
        let Some(trailers) = &self.trailers else {
            return self.was_sent_before_us(trailer);
        };
        if trailer.epoch != trailers.numbering.epoch() {
            return is_before(trailer.epoch, trailers.numbering.epoch())
                || self.was_sent_before_us(trailer);
        }
        let used = trailer.seq <= trailers.numbering.highest();
        let repair = self.repair.as_ref();
        used && repair.is_none_or(|repair| repair.may_have_sent(trailer))
    }

    fn was_sent_before_us(&self, trailer: &Trailer) -> bool {
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

/// Whether an epoch is before another one, by the arithmetic of serial numbers.
fn is_before(epoch: u32, other: u32) -> bool {
    (epoch.wrapping_sub(other) as i32) < 0
}
