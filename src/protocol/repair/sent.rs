//! The packets that this node has sent, kept for receivers that miss them.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use super::KEPT_OVERHEAD;
use super::marks::Marks;
use super::nak_senders::NakSenders;
use crate::protocol::inbound::KEPT_FOR;
use crate::protocol::number::Number;
use crate::protocol::outbound::Destination;
use crate::time::Time;
use crate::types::TrackerId;

/// The shortest time between two retransmissions of the same packet.
const REPEAT_INTERVAL: Duration = Duration::from_millis(40);

/// The first NAK for a packet leads to one retransmission, the second to two, and so on up to
/// this.
const MAX_REPEATS: u8 = 4;

/// A packet that this node has sent.
#[derive(Debug)]
struct SentPacket {
    sent: Time,
    bytes: Arc<[u8]>,
    /// When it was last retransmitted.
    retransmitted: Option<Time>,
    /// How often a NAK was answered with it, up to [`MAX_REPEATS`].
    naks: u8,
    /// How many retransmissions are still to come.
    due: u8,
}

/// A packet to retransmit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Retransmission {
    pub(super) bytes: Arc<[u8]>,
    pub(super) to: Destination,
}

/// Packets with successive numbers under one id and epoch. Number 0 would have the place `zero`.
#[derive(Debug)]
struct NumberRun {
    id: TrackerId,
    epoch: u32,
    zero: u64,
    /// The place of the first packet, whose number may be higher than 1.
    begin: u64,
}

/// The packets that this node has sent, under whatever ids and in whatever epochs, for as long as
/// they are kept. Each has a place, which is one more than that of the packet before.
#[derive(Debug)]
pub(super) struct Sent {
    packets: VecDeque<SentPacket>,
    bytes: usize,
    /// The limit on `bytes`.
    window: usize,
    /// The place of the first packet.
    first: u64,
    /// The runs of packets, in the order of their places.
    runs: VecDeque<NumberRun>,
    /// The places of packets that were requested and not retransmitted since.
    requested: Marks,
    /// Where the search for a requested packet goes on, so that all of them get their turn.
    next: u64,
    /// Which nodes have requested which packets.
    nak_senders: NakSenders,
    /// When to retransmit a packet once more, and its place, in the order of time.
    repeats: VecDeque<(Time, u64)>,
}

impl Sent {
    /// Creates an empty store for at most `window` bytes.
    pub(super) fn new(window: usize) -> Self {
        Self {
            packets: VecDeque::new(),
            bytes: 0,
            window,
            // High enough that no place of a run is negative.
            first: 1 << 32,
            runs: VecDeque::new(),
            // There are so many marks that no two kept packets share one.
            requested: Marks::new(window / KEPT_OVERHEAD),
            next: 1 << 32,
            nak_senders: NakSenders::default(),
            repeats: VecDeque::new(),
        }
    }

    /// Keeps the packet with this number.
    pub(super) fn keep(&mut self, now: Time, number: Number, bytes: Arc<[u8]>) {
        let Number { id, epoch, seq } = number;
        let begin = self.end();
        let zero = begin - u64::from(seq);
        let goes_on = |run: &NumberRun| (run.id, run.epoch, run.zero) == (id, epoch, zero);
        if !self.runs.back().is_some_and(goes_on) {
            self.runs.push_back(NumberRun {
                id,
                epoch,
                zero,
                begin,
            });
        }
        self.bytes += bytes.len() + KEPT_OVERHEAD;
        self.packets.push_back(SentPacket {
            sent: now,
            bytes,
            retransmitted: None,
            naks: 0,
            due: 0,
        });
        self.forget(now);
    }

    /// Returns the packet with this number, if it is kept.
    pub(super) fn get(&self, number: Number) -> Option<&[u8]> {
        let seq = number.seq;
        let places = self.places(number.id, number.epoch, seq..=seq);
        let packet = self.packet(places.start).filter(|_| !places.is_empty());
        packet.map(|packet| &*packet.bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Forgets packets that are too old, and the oldest beyond the limit.
    pub(super) fn forget(&mut self, now: Time) {
        while let Some(oldest) = self.packets.front()
            && (self.bytes > self.window || now.since(oldest.sent) > KEPT_FOR)
        {
            self.bytes -= oldest.bytes.len() + KEPT_OVERHEAD;
            self.packets.pop_front();
            self.requested.clear(self.first);
            self.first += 1;
        }
        while self.runs.get(1).is_some_and(|run| run.begin <= self.first) {
            self.runs.pop_front();
        }
    }

    /// Notes that a node misses these numbers of this id and epoch. However many they are, this
    /// costs no more than noting a few hundred packets one by one.
    pub(super) fn request(
        &mut self,
        by: TrackerId,
        (id, epoch): (TrackerId, u32),
        missing: RangeInclusive<u32>,
    ) {
        let places = self.places(id, epoch, missing);
        self.requested.set(places.clone());
        self.nak_senders.note(by, places);
    }

    /// Requests all packets that left since `time` for everyone. Returns whether there are any.
    pub(super) fn request_since(&mut self, time: Time) -> bool {
        let since = self.since(time);
        let any = !since.is_empty();
        self.requested.set(since);
        self.nak_senders.forget_all();
        any
    }

    /// Returns the places of the packets that left since `time`.
    pub(super) fn since(&self, time: Time) -> Range<u64> {
        let before = self.packets.partition_point(|packet| packet.sent < time);
        self.first + before as u64..self.end()
    }

    /// Returns the packet at a place as it left, if it is kept.
    pub(super) fn at(&self, place: u64) -> Option<Arc<[u8]>> {
        self.packet(place).map(|packet| packet.bytes.clone())
    }

    /// Returns the next packet to retransmit, once `may` allows its bytes. After repeated NAKs for
    /// one packet it is retransmitted more than once, since the network seems to lose much; but
    /// only while `plenty` is true.
    pub(super) fn retransmit<E>(
        &mut self,
        now: Time,
        plenty: bool,
        may: impl FnOnce(usize) -> Result<(), E>,
    ) -> Result<Option<Retransmission>, E> {
        let Some(place) = self.due(now) else {
            return Ok(None);
        };
        let first = self.first;
        let packet = &mut self.packets[(place - first) as usize];
        may(packet.bytes.len())?;
        if packet.due == 0 {
            packet.naks = (packet.naks + 1).min(MAX_REPEATS);
            packet.due = packet.naks;
            self.requested.clear(place);
            self.next = place + 1;
        } else {
            self.repeats.pop_front();
        }
        packet.retransmitted = Some(now);
        packet.due = if plenty { packet.due - 1 } else { 0 };
        if packet.due > 0 {
            self.repeats.push_back((now + REPEAT_INTERVAL, place));
        }
        Ok(Some(Retransmission {
            bytes: packet.bytes.clone(),
            to: self.nak_senders.of(place),
        }))
    }

    /// Returns when the next repeated retransmission is due.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.repeats.front().map(|(due, _)| *due)
    }

    /// Returns the place of the packet to retransmit now.
    fn due(&mut self, now: Time) -> Option<u64> {
        while let Some((due, place)) = self.repeats.front().copied()
            && due <= now
        {
            if place >= self.first {
                return Some(place);
            }
            self.repeats.pop_front();
        }
        let end = self.end();
        let start = self.next.clamp(self.first, end);
        for places in [start..end, self.first..start] {
            let mut from = places.start;
            while let Some(place) = self.requested.first_in(from..places.end) {
                let packet = &self.packets[(place - self.first) as usize];
                let just_sent = packet
                    .retransmitted
                    .is_some_and(|retransmitted| now.since(retransmitted) < REPEAT_INTERVAL);
                if packet.due == 0 && !just_sent {
                    return Some(place);
                }
                self.requested.clear(place);
                from = place + 1;
            }
        }
        None
    }

    /// Returns the place behind the last packet.
    fn end(&self) -> u64 {
        self.first + self.packets.len() as u64
    }

    fn packet(&self, place: u64) -> Option<&SentPacket> {
        let at = place.checked_sub(self.first)?;
        self.packets.get(usize::try_from(at).ok()?)
    }

    /// Returns the places of those of these numbers that are kept.
    fn places(&self, id: TrackerId, epoch: u32, numbers: RangeInclusive<u32>) -> Range<u64> {
        let is_it = |run: &NumberRun| (run.id, run.epoch) == (id, epoch);
        let Some(at) = self.runs.iter().rposition(is_it) else {
            return 0..0;
        };
        let run = &self.runs[at];
        let end = self.runs.get(at + 1).map_or(self.end(), |next| next.begin);
        let [start, last] = [*numbers.start(), *numbers.end()].map(|seq| run.zero + u64::from(seq));
        start.max(self.first).max(run.begin).min(end)..(last + 1).min(end)
    }
}

#[cfg(test)]
#[path = "sent_tests.rs"]
mod tests;
