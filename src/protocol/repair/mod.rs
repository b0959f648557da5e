//! Loss repair: every packet that a sender still keeps reaches every receiver.
//!
//! | rule | module |
//! | --- | --- |
//! | A receiver waits at random before it sends a NAK. | [`mod@nak`], [`mod@backoff`] |
//! | A sender keeps and retransmits its packets, within limits. | [`sent`], [`token_bucket`] |
//! | A silent sender says in heartbeats how many packets it has sent. | [`heartbeat`] |
//! | The newest announce of a peer holds at every node. | [`announce_order`], [`recent`] |

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

/// The part of the sending rate that retransmissions may take: one in this many of the bytes per
/// second that this node sends anyway.
const RETRANSMIT_DIVISOR: u64 = 5;

/// The rate that retransmissions may always take, in bytes per second, however little this node
/// sends otherwise.
const RETRANSMIT_MIN_RATE: u64 = 512 << 10;

/// The largest rate of NAKs, in bytes per second.
const NAK_RATE: u64 = 64 << 10;

/// The largest rate of restated announces, in bytes per second.
const RESTATE_RATE: u64 = 64 << 10;

/// A NAK also includes the gaps that are due within this time, which saves a second packet.
const NAK_LOOKAHEAD: Duration = Duration::from_millis(60);

/// A new node gets a heartbeat from every sender within this time. No sender sends a second one in
/// it, however many nodes are new.
const GREETING_PERIOD: Duration = Duration::from_millis(100);

/// Before a stop, packets that left within this time are retransmitted, if others have sent NAKs
/// lately. Recovering a packet usually takes no longer than this.
const STOP_RETRANSMIT_PERIOD: Duration = Duration::from_millis(500);

/// The number of heartbeats before a stop, if others have sent NAKs lately.
const STOP_HEARTBEATS: usize = 4;

/// The largest number of packets that are retransmitted or reissued in a row.
const RETRANSMIT_BATCH: usize = 32;

/// The largest number of packets that are reissued in a row. It is small, since each of them is
/// sealed.
const REISSUE_BATCH: usize = 4;

/// The pause after a full batch of retransmissions.
const RETRANSMIT_BATCH_PAUSE: Duration = Duration::from_millis(1);

/// The memory that a kept packet takes besides its bytes.
const KEPT_OVERHEAD: usize = 128;

/// The loss repair of one node. Its clock counts elapsed time and never jumps back.
#[derive(Debug)]
pub(super) struct Repair {
    /// True if this node may send.
    speaks: bool,
    sent: Sent,
    pub(super) order: AnnounceOrder,
    rhythm: Rhythm,
    /// When the last heartbeat left.
    last_heartbeat: Time,
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
            last_heartbeat: Time::START,
            meter: Meter::new(now),
            retransmitted: TokenBucket::new(now, RETRANSMIT_MIN_RATE),
            reissue: Reissue::new(now),
            naks: TokenBucket::new(now, NAK_RATE),
            restated: TokenBucket::new(now, RESTATE_RATE),
            rng,
            counters: RepairCounters::default(),
        }
    }

    /// Keeps a packet of this node that leaves with this number.
    pub(super) fn departs(&mut self, number: Number, packet: Arc<[u8]>, timers: &mut Timers) {
        let now = timers.elapsed();
        self.meter.count(now, packet.len());
        self.sent.keep(now, number, packet);
        self.rhythm.note_sent(now);
        timers.set_after(Timer::Heartbeat, self.rhythm.wait(now));
    }

    /// Answers a node that is heard for the first time with a heartbeat, so that the new node
    /// notices what it misses from now on. It may not know this node yet.
    pub(super) fn greet(&mut self, timers: &mut Timers) {
        if self.speaks {
            let rest = GREETING_PERIOD.saturating_sub(timers.elapsed().since(self.last_heartbeat));
            let wait = GREETING_PERIOD.mul_f64(self.rng.f64()).max(rest);
            timers.set_no_later(Timer::Heartbeat, wait);
        }
    }

    /// Returns how many packets receivers may request under a new id, if it is drawn now, although
    /// the packets left under the present one.
    pub(super) fn reissued(&self, now: Time) -> u32 {
        Reissue::places(now, &self.sent).count() as u32
    }

    /// Announces a new id by a heartbeat at once. The last `reissued` packets that left before have
    /// numbers under it.
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

    /// Returns whether this may be the trailer of a packet that this node has sent as `id`. For a
    /// packet that is not kept it may be.
    pub(super) fn may_have_sent(&self, id: TrackerId, trailer: &Trailer) -> bool {
        let Trailer { epoch, seq, .. } = *trailer;
        let kept = self.sent.get(Number { id, epoch, seq });
        kept.is_none_or(|packet| packet.ends_with(&trailer.emit()))
    }

    /// Returns whether this node has sent this packet with this number, or `None` if the packet is
    /// not kept. The header does not count, since a retransmission has another type.
    pub(super) fn has_sent(&self, number: Number, packet: &[u8]) -> Option<bool> {
        let kept = self.sent.get(number)?;
        Some(kept[Header::LEN..] == packet[Header::LEN..])
    }

    /// Returns the order of announces, and a function that takes the bytes of one restated announce
    /// out of the token bucket. It returns false if the announce may not be restated.
    pub(super) fn ordering(&mut self, now: Time) -> (&mut AnnounceOrder, impl FnMut() -> bool) {
        let (speaks, restated) = (self.speaks, &mut self.restated);
        let may_restate =
            move || speaks && restated.take(now, RESTATE_RATE, Restatement::LEN).is_ok();
        (&mut self.order, may_restate)
    }

    /// Draws the wait before a NAK, where this many nodes may miss the same packet.
    pub(super) fn wait(&mut self, nodes: usize) -> Duration {
        backoff(&mut self.rng, nodes)
    }

    /// Handles a NAK for packets of this node, under whichever id they left.
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

    /// Handles a NAK for packets of another node, which makes the same NAK of this node unnecessary
    /// for now.
    pub(super) fn on_nak_to_another(
        &mut self,
        now: Time,
        nak: &Nak<'_>,
        stream: &mut Stream,
        nodes: usize,
    ) {
        stream.on_nak_of_another(now, nak, || backoff(&mut self.rng, nodes));
    }

    /// Makes the next heartbeat, if it is due.
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
        self.last_heartbeat = now;
        timers.set_after(Timer::Heartbeat, self.rhythm.wait(now));
        let heartbeat = Heartbeat { epoch, highest };
        Some(Datagram::new(&heartbeat.emit(id), Kind::Ours))
    }

    /// Retransmits the requested packets, as far as that is due and allowed. Returns the packets to
    /// reissue under the present id; there are some only when nothing else is to be retransmitted.
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
        for _ in 0..RETRANSMIT_BATCH {
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
                    if reissued.len() == REISSUE_BATCH {
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
        timers.set_after(Timer::Retransmit, RETRANSMIT_BATCH_PAUSE);
        reissued
    }

    /// Returns the next packet to retransmit, or as an error the wait until the token bucket allows
    /// it.
    fn next_retransmission(&mut self, now: Time) -> Result<Option<Datagram>, Duration> {
        let rate = (self.meter.rate(now) / RETRANSMIT_DIVISOR).max(RETRANSMIT_MIN_RATE);
        let plenty = self.retransmitted.is_half_full(now, rate);
        let bucket = |bytes| self.retransmitted.take(now, rate, bytes);
        let packet = self.sent.retransmit(now, plenty, bucket)?;
        self.counters.packets_retransmitted += u64::from(packet.is_some());
        Ok(packet.map(|retransmitted| {
            Datagram::retransmitted(&retransmitted.bytes).to(retransmitted.to)
        }))
    }

    /// Sends the last packets before a stop: if others have sent NAKs lately, the packets of the
    /// last moments once more; and heartbeats, if any packet is still kept.
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
        if self.rhythm.has_loss(now) && self.sent.request_since(now.before(STOP_RETRANSMIT_PERIOD))
        {
            while let Ok(Some(datagram)) = self.next_retransmission(now) {
                send(datagram);
            }
            heartbeats = STOP_HEARTBEATS;
        }
        for _ in 0..heartbeats {
            timers.set_after(Timer::Heartbeat, Duration::ZERO);
            let heartbeat = self.heartbeat(id, epoch, highest, timers);
            heartbeat.into_iter().for_each(&mut send);
        }
    }

    /// Sends NAKs for what is missing of a sender's stream, as far as they are due.
    pub(super) fn send_naks(
        &mut self,
        now: Time,
        id: TrackerId,
        (asked, stream): (TrackerId, &mut Stream),
        nodes: usize,
        send: impl FnMut(Datagram),
    ) {
        let missing = stream.take_due(now, NAK_LOOKAHEAD, || backoff(&mut self.rng, nodes));
        if self.speaks {
            let naks = missing.chunks(Nak::MAX_RANGES);
            naks.filter_map(|ranges| self.nak(now, id, asked, stream.epoch(), ranges))
                .for_each(send);
        }
    }

    /// Makes a NAK for a number that nobody misses, by which its sender notices that another node
    /// uses its id, if it has not used the number itself.
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
        self.naks.take(now, NAK_RATE, bytes).ok()?;
        self.counters.naks_sent += 1;
        Some(Datagram::new(&nak, Kind::Ours).to(Destination::Node(asked)))
    }
}
