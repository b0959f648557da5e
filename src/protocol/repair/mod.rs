//! Loss repair: every packet that somebody still keeps arrives.
//!
//! | rule | here |
//! | --- | --- |
//! | who misses packets asks for them, after a random wait | [`nak`], [`backoff`] |
//! | who has sent them keeps them for a while and sends them again, within limits | [`sent`], [`token_bucket`] |
//! | who is silent says how much it has sent | [`heartbeat`] |
//! | whatever order packets arrive in, the latest wins | [`announce_order`], [`recent`], [`departures`] |

mod announce_order;
mod backoff;
mod corrections;
mod departures;
mod entry;
mod heartbeat;
mod marks;
mod nak;
mod nak_senders;
mod placement;
mod recent;
mod reissue;
mod sent;
mod token_bucket;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

pub(super) use self::announce_order::{AnnounceOrder, FETCHED, PeerHash};
use self::backoff::backoff;
pub(super) use self::departures::{Left, Name};
use self::heartbeat::Rhythm;
pub(super) use self::placement::{Holds, ListOrigin, Restatement};
use self::reissue::Reissue;
pub(super) use self::reissue::{REISSUED_WITHIN, Reissued};
use self::sent::Sent;
use self::token_bucket::{Meter, TokenBucket};
use super::counters::RepairCounters;
use super::inbound::Stream;
use super::number::Number;
use super::outbound::{Datagram, Destination, Kind};
use super::timers::{Timer, Timers};
use crate::config::Config;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Header, Heartbeat, Nak, Trailer};

/// Packets sent again take this part of the bytes per second that we send anyway at most,
const RETRANSMIT_PART: u64 = 5;

/// or this, if that is more.
const RETRANSMIT_LEAST: u64 = 512 << 10;

/// How many bytes of NAKs per second we send at most.
const NAKS: u64 = 64 << 10;

/// How many bytes of announces per second we restate at most.
const RESTATED: u64 = 64 << 10;

/// Gaps that are due so soon are asked for, too, when one is.
const SOON: Duration = Duration::from_millis(60);

/// Within this time whoever is new gets a heartbeat from everybody; so long there is no
/// second one, however many are new.
const GREETING: Duration = Duration::from_millis(100);

/// Where packets get lost, those that left in this time before a stop are sent twice, for so
/// long it takes as a rule until a packet is recovered,
const LATELY: Duration = Duration::from_millis(500);

/// and there are so many last heartbeats.
const LAST_HEARTBEATS: usize = 4;

/// How many packets are sent again at once, however many are asked for and allowed,
const RETRANSMIT_AT_ONCE: usize = 32;

/// of those so few that are told again, since each is sealed,
const REISSUED_AT_ONCE: usize = 4;

/// and how long it takes until there are more.
const RETRANSMIT_PAUSE: Duration = Duration::from_millis(1);

/// What it takes to keep a packet, beside its bytes.
const KEPT_EACH: usize = 128;

/// The loss repair of one node. Time is what has passed here, jumps back left out.
#[derive(Debug)]
pub(super) struct Repair {
    /// Whether we say anything ourselves.
    speaks: bool,
    sent: Sent,
    pub(super) order: AnnounceOrder,
    rhythm: Rhythm,
    /// When our last heartbeat left.
    beat: Time,
    meter: Meter,
    retransmitted: TokenBucket,
    reissue: Reissue,
    naks: TokenBucket,
    restated: TokenBucket,
    rng: Rng,
    pub(super) counters: RepairCounters,
}

impl Repair {
    pub(super) fn new(rng: Rng, config: &Config, timers: &mut Timers) -> Self {
        let now = timers.elapsed();
        let (speaks, window) = (config.speak, config.repair_window);
        if speaks {
            timers.set_after(Timer::Heartbeat, Duration::ZERO);
        }
        Self {
            speaks,
            sent: Sent::new(window),
            order: AnnounceOrder::new(now, window, Rng::with_seed(!rng.get_seed())),
            rhythm: Rhythm::new(now),
            beat: Time::START,
            meter: Meter::new(now),
            retransmitted: TokenBucket::new(now, RETRANSMIT_LEAST),
            reissue: Reissue::new(now),
            naks: TokenBucket::new(now, NAKS),
            restated: TokenBucket::new(now, RESTATED),
            rng,
            counters: RepairCounters::default(),
        }
    }

    /// A packet of ours leaves with its number.
    pub(super) fn departs(&mut self, number: Number, packet: Arc<[u8]>, timers: &mut Timers) {
        let now = timers.elapsed();
        self.meter.count(now, packet.len());
        self.sent.keep(now, number, packet);
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

    /// How many packets may be asked for under an id that we draw now, though they left under the
    /// one before.
    pub(super) fn reissued(&self, now: Time) -> u32 {
        Reissue::places(now, &self.sent).count() as u32
    }

    /// We have another id, and say so at once. So many packets that left before have numbers under
    /// it.
    pub(super) fn begins_as(
        &mut self,
        id: TrackerId,
        epoch: u32,
        reissued: u32,
        timers: &mut Timers,
    ) {
        if self.speaks {
            let end = self.sent.since(timers.elapsed()).end;
            let places = end - u64::from(reissued)..end;
            self.reissue.begin((id, epoch), places);
            timers.set_after(Timer::Heartbeat, Duration::ZERO);
        }
    }

    /// Whether, as far as we know, this is the trailer of a packet of ours, that had this id.
    pub(super) fn may_have_sent(&self, id: TrackerId, trailer: &Trailer) -> bool {
        let Trailer { epoch, seq, .. } = *trailer;
        let kept = self.sent.get(Number { id, epoch, seq });
        kept.is_none_or(|packet| packet.ends_with(&trailer.emit()))
    }

    /// Whether the packet that we have sent with this number is this one, the second time or the
    /// first; nothing if it is not kept.
    pub(super) fn has_sent(&self, number: Number, packet: &[u8]) -> Option<bool> {
        let kept = self.sent.get(number)?;
        Some(kept[Header::LEN..] == packet[Header::LEN..])
    }

    /// What orders announces, which knows that it is `now`, and whether one more of ours may be
    /// restated.
    pub(super) fn ordering(&mut self, now: Time) -> (&mut AnnounceOrder, impl FnMut() -> bool) {
        let (speaks, restated) = (self.speaks, &mut self.restated);
        let may_restate = move || speaks && restated.take(now, RESTATED, Restatement::LEN).is_ok();
        (&mut self.order, may_restate)
    }

    /// How long to wait before we ask, one of so many who may miss the same.
    pub(super) fn wait(&mut self, members: usize) -> Duration {
        backoff(&mut self.rng, members)
    }

    /// A node asks for packets of ours, under whichever id they left.
    pub(super) fn on_nak(&mut self, by: TrackerId, nak: &Nak<'_>, timers: &mut Timers) {
        self.counters.naks_heard += 1;
        let now = timers.elapsed();
        for missing in nak.ranges() {
            self.sent
                .request(by, (nak.asked, nak.epoch), missing.clone());
            self.reissue.request(nak.asked, nak.epoch, missing);
        }
        timers.set_no_later(Timer::Retransmit, Duration::ZERO);
        self.rhythm.on_nak(now);
        timers.set_no_later(Timer::Heartbeat, self.rhythm.wait(now));
    }

    /// Somebody asks another one.
    pub(super) fn on_nak_to_another(
        &mut self,
        now: Time,
        nak: &Nak<'_>,
        stream: &mut Stream,
        members: usize,
    ) {
        stream.on_nak_of_another(now, nak, || backoff(&mut self.rng, members));
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
        self.order.forget(now, usize::MAX);
        self.counters.heartbeats_sent += 1;
        self.beat = now;
        timers.set_after(Timer::Heartbeat, self.rhythm.wait(now));
        let heartbeat = Heartbeat { epoch, highest };
        Some(Datagram::new(&heartbeat.emit(id), Kind::Ours))
    }

    /// Sends again what was asked for, as far as that is due and allowed; what is to be told again
    /// under our present id, if nothing else is to be sent.
    pub(super) fn retransmit(
        &mut self,
        timers: &mut Timers,
        mut send: impl FnMut(Datagram),
    ) -> Vec<Reissued> {
        let mut reissued = Vec::new();
        if !timers.take_due(Timer::Retransmit) {
            return reissued;
        }
        let now = timers.elapsed();
        for _ in 0..RETRANSMIT_AT_ONCE {
            match self.next_retransmission(now) {
                Ok(Some(datagram)) => {
                    send(datagram);
                    continue;
                }
                Ok(None) => {}
                Err(wait) => {
                    timers.set_after(Timer::Retransmit, wait);
                    return reissued;
                }
            }
            match self.reissue.next(now, &self.sent) {
                Ok(Some(packet)) => {
                    reissued.push(packet);
                    if reissued.len() == REISSUED_AT_ONCE {
                        break;
                    }
                }
                Ok(None) => {
                    if let Some(due) = self.sent.next_due() {
                        timers.set_after(Timer::Retransmit, due.since(now));
                    }
                    return reissued;
                }
                Err(wait) => {
                    let due = self.sent.next_due().map_or(wait, |due| due.since(now));
                    timers.set_after(Timer::Retransmit, wait.min(due));
                    return reissued;
                }
            }
        }
        timers.set_after(Timer::Retransmit, RETRANSMIT_PAUSE);
        reissued
    }

    /// The next packet to send again; or how long to wait until that is allowed.
    fn next_retransmission(&mut self, now: Time) -> Result<Option<Datagram>, Duration> {
        let rate = (self.meter.rate(now) / RETRANSMIT_PART).max(RETRANSMIT_LEAST);
        let plenty = self.retransmitted.is_half_full(now, rate);
        let bucket = |bytes| self.retransmitted.take(now, rate, bytes);
        let packet = self.sent.retransmit(now, plenty, bucket)?;
        self.counters.packets_retransmitted += u64::from(packet.is_some());
        Ok(packet.map(|retransmitted| {
            Datagram::retransmitted(&retransmitted.bytes).to(retransmitted.to)
        }))
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
        let mut heartbeats = usize::from(!self.sent.is_empty());
        if self.rhythm.is_asked(now) && self.sent.request_since(now.before(LATELY)) {
            while let Ok(Some(datagram)) = self.next_retransmission(now) {
                send(datagram);
            }
            heartbeats = LAST_HEARTBEATS;
        }
        for _ in 0..heartbeats {
            timers.set_after(Timer::Heartbeat, Duration::ZERO);
            let heartbeat = self.heartbeat(id, epoch, highest, timers);
            heartbeat.into_iter().for_each(&mut send);
        }
    }

    /// Asks a sender for what is missing of its stream, as far as that is due.
    pub(super) fn send_naks(
        &mut self,
        now: Time,
        id: TrackerId,
        (asked, stream): (TrackerId, &mut Stream),
        members: usize,
        send: impl FnMut(Datagram),
    ) {
        let missing = stream.take_due(now, SOON, || backoff(&mut self.rng, members));
        if self.speaks {
            let naks = missing.chunks(Nak::MAX_RANGES);
            naks.filter_map(|ranges| self.nak(now, id, asked, stream.epoch(), ranges))
                .for_each(send);
        }
    }

    /// Asks a sender for a number that nobody misses, so that it notices if it has not used that.
    pub(super) fn object(
        &mut self,
        now: Time,
        id: TrackerId,
        (asked, epoch): (TrackerId, u32),
        number: u32,
    ) -> Option<Datagram> {
        if !self.speaks {
            return None;
        }
        self.nak(
            now,
            id,
            asked,
            epoch,
            std::slice::from_ref(&(number..=number)),
        )
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
        Some(Datagram::new(&nak, Kind::Ours).to(Destination::Node(asked)))
    }
}
