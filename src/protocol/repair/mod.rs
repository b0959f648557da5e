//! Loss repair: every packet that somebody still keeps arrives.
//!
//! | rule | here |
//! | --- | --- |
//! | who misses packets asks for them, after a random wait | [`stream`], [`backoff`] |
//! | who has sent them keeps them for a while and sends them again, within limits | [`sent`], [`allowance`] |
//! | who is silent says how much it has sent | [`heartbeat`] |
//! | whatever order packets arrive in, the latest wins | [`latest`] |

mod allowance;
mod backoff;
mod heartbeat;
mod latest;
mod sent;
mod stream;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use self::allowance::{Allowance, Meter};
use self::backoff::backoff;
use self::heartbeat::Rhythm;
pub(super) use self::latest::{Latest, Number};
use self::sent::Sent;
pub(super) use self::stream::{Arrival, Listener, Stream, Tally};
use super::counters::RepairCounters;
use super::outbox::{Datagram, Kind};
use super::timers::{Timer, Timers};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Header, Heartbeat, Nak, PacketType, Trailer};

/// How long packets are kept at most, by who has sent them and by who has heard them; so
/// long it makes sense to ask.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(10);

/// How many bytes of packets are kept at most.
const KEPT_BYTES: usize = 8 << 20;

/// Packets sent again take this part of the bytes per second that we send anyway at most,
const AGAIN_PART: u64 = 5;

/// or this, if that is more.
const AGAIN_LEAST: u64 = 512 << 10;

/// How many bytes of NAKs per second we send at most.
const NAKS: u64 = 64 << 10;

/// Gaps that are due so soon are asked for, too, when one is.
const SOON: Duration = Duration::from_millis(60);

/// Within this time whoever is new gets a heartbeat from everybody; so long there is no
/// second one, however many are new.
const GREETING: Duration = Duration::from_millis(100);

/// Where packets get lost, those that left in this time before a stop are sent twice, for so
/// long it takes as a rule until a packet is repaired,
const LATELY: Duration = Duration::from_millis(500);

/// and there are so many last heartbeats.
const LAST_HEARTBEATS: usize = 4;

/// What it takes to keep a packet, beside its bytes.
const KEPT_EACH: usize = 128;

/// The loss repair of one node. Time is what has passed here, jumps back left out.
#[derive(Debug)]
pub(super) struct Repair {
    /// Whether we say anything ourselves.
    speaks: bool,
    sent: Sent,
    pub(super) latest: Latest,
    rhythm: Rhythm,
    /// When our last heartbeat left.
    beat: Time,
    meter: Meter,
    again: Allowance,
    naks: Allowance,
    rng: Rng,
    pub(super) counters: RepairCounters,
}

impl Repair {
    pub(super) fn new(rng: Rng, speaks: bool, timers: &mut Timers) -> Self {
        let now = timers.elapsed();
        if speaks {
            timers.set_after(Timer::Heartbeat, Duration::ZERO);
        }
        Self {
            speaks,
            sent: Sent::default(),
            latest: Latest::new(now),
            rhythm: Rhythm::new(now),
            beat: Time::START,
            meter: Meter::new(now),
            again: Allowance::new(now, AGAIN_LEAST),
            naks: Allowance::new(now, NAKS),
            rng,
            counters: RepairCounters::default(),
        }
    }

    /// A packet of ours leaves with its number.
    pub(super) fn departs(&mut self, number: Number, packet: Arc<[u8]>, timers: &mut Timers) {
        let now = timers.elapsed();
        let tell = PacketType::ScrapeTell as u32;
        let announces = Header::parse(&packet).is_ok_and(|(header, _)| header.packet_type != tell);
        self.meter.count(now, packet.len());
        if announces {
            self.latest.keep(now, now, Some(number), packet.clone());
        }
        self.sent.keep(now, number.seq, packet);
        self.rhythm.speaks(now);
        timers.set_after(Timer::Heartbeat, self.rhythm.wait(now));
    }

    /// Somebody is heard first, and perhaps does not know us: soon he hears how much we
    /// have sent, so that he notices what he misses from now on.
    pub(super) fn greet(&mut self, timers: &mut Timers) {
        if self.speaks {
            let rest = GREETING.saturating_sub(timers.elapsed().since(self.beat));
            let wait = GREETING.mul_f64(self.rng.f64()).max(rest);
            timers.set_no_later(Timer::Heartbeat, wait);
        }
    }

    /// From now on our packets have numbers of another epoch, or another id.
    pub(super) fn begin_epoch(&mut self) {
        self.sent = Sent::default();
    }

    /// Whether, as far as we know, this is the trailer of a packet of ours.
    pub(super) fn may_have_sent(&self, trailer: &Trailer) -> bool {
        let kept = self.sent.get(trailer.seq);
        kept.is_none_or(|packet| packet.ends_with(&trailer.emit()))
    }

    /// How long to wait before we ask, one of so many who may miss the same.
    pub(super) fn wait(&mut self, members: usize) -> Duration {
        backoff(&mut self.rng, members)
    }

    /// Somebody asks us for packets of this epoch.
    pub(super) fn asked(&mut self, nak: &Nak<'_>, timers: &mut Timers) {
        self.counters.naks_heard += 1;
        let now = timers.elapsed();
        for missing in nak.ranges() {
            self.sent.ask(now, missing);
        }
        timers.set_no_later(Timer::Again, Duration::ZERO);
        self.rhythm.asked(now);
        timers.set_no_later(Timer::Heartbeat, self.rhythm.wait(now));
    }

    /// Somebody asks another one.
    pub(super) fn asked_another(
        &mut self,
        now: Time,
        nak: &Nak<'_>,
        stream: &mut Stream,
        members: usize,
    ) {
        stream.asked_by_another(now, nak, || backoff(&mut self.rng, members));
    }

    /// Says how much we have sent, if it is time to.
    pub(super) fn heartbeat(
        &mut self,
        id: TrackerId,
        epoch: u32,
        highest: u32,
        timers: &mut Timers,
    ) -> Option<Datagram> {
        if !timers.take_due(Timer::Heartbeat) {
            return None;
        }
        let now = timers.elapsed();
        self.sent.forget(now);
        self.latest.forget(now);
        self.counters.heartbeats_sent += 1;
        self.beat = now;
        timers.set_after(Timer::Heartbeat, self.rhythm.wait(now));
        let heartbeat = Heartbeat { epoch, highest };
        Some(Datagram::new(&heartbeat.emit(id), Kind::Ours))
    }

    /// Sends again what was asked for, as far as that is due and allowed.
    pub(super) fn send_again(&mut self, timers: &mut Timers, mut send: impl FnMut(Datagram)) {
        if !timers.take_due(Timer::Again) {
            return;
        }
        let now = timers.elapsed();
        let rate = (self.meter.rate(now) / AGAIN_PART).max(AGAIN_LEAST);
        loop {
            let plenty = self.again.is_half_full(now, rate);
            let allowance = |bytes| self.again.take(now, rate, bytes);
            match self.sent.send_again(now, plenty, allowance) {
                Ok(Some(packet)) => {
                    self.counters.packets_sent_again += 1;
                    send(Datagram::again(&packet));
                }
                Ok(None) => break,
                Err(wait) => return timers.set_after(Timer::Again, wait),
            }
        }
        if let Some(due) = self.sent.next_due() {
            timers.set_after(Timer::Again, due.since(now));
        }
    }

    /// Before a stop: sends again what was sent lately, if packets get lost, and says how much
    /// we have sent, if somebody could have asked for some of it.
    pub(super) fn say_last_words(
        &mut self,
        id: TrackerId,
        epoch: u32,
        highest: u32,
        timers: &mut Timers,
        mut send: impl FnMut(Datagram),
    ) {
        let now = timers.elapsed();
        let mut heartbeats = usize::from(self.sent.since(Time::START).is_some());
        if self.rhythm.is_asked(now)
            && let Some(lately) = self.sent.since(now.before(LATELY))
        {
            self.sent.ask(now, lately);
            timers.set_after(Timer::Again, Duration::ZERO);
            self.send_again(timers, &mut send);
            heartbeats = LAST_HEARTBEATS;
        }
        for _ in 0..heartbeats {
            timers.set_after(Timer::Heartbeat, Duration::ZERO);
            let heartbeat = self.heartbeat(id, epoch, highest, timers);
            heartbeat.into_iter().for_each(&mut send);
        }
    }

    /// Asks a sender for what is missing of its stream, as far as that is due.
    pub(super) fn ask(
        &mut self,
        now: Time,
        id: TrackerId,
        (asked, stream): (TrackerId, &mut Stream),
        members: usize,
        send: impl FnMut(Datagram),
    ) {
        let missing = stream.ask(now, SOON, || backoff(&mut self.rng, members));
        if self.speaks {
            let naks = missing.chunks(Nak::MAX_RANGES);
            naks.filter_map(|ranges| self.nak(now, id, asked, stream.epoch, ranges))
                .for_each(send);
        }
    }

    fn nak(
        &mut self,
        now: Time,
        id: TrackerId,
        asked: TrackerId,
        epoch: u32,
        ranges: &[RangeInclusive<u32>],
    ) -> Option<Datagram> {
        let nak = Nak::emit(id, asked, epoch, ranges);
        let bytes = nak.len() + Trailer::LEN;
        self.naks.take(now, NAKS, bytes).ok()?;
        self.counters.naks_sent += 1;
        Some(Datagram::new(&nak, Kind::Ours))
    }
}
