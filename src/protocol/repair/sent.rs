//! What we have sent, for those who missed it.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use super::KEPT_EACH;
use super::marks::Marks;
use super::nak_senders::NakSenders;
use crate::protocol::inbound::KEPT_FOR;
use crate::protocol::number::Number;
use crate::protocol::outbound::Destination;
use crate::time::Time;
use crate::types::TrackerId;

/// A packet is sent again at most once in this time.
const PAUSE: Duration = Duration::from_millis(40);

/// Who asks for a packet the second time hears it twice, and so on, up to this.
const MOST: u8 = 4;

/// A packet that we have sent.
#[derive(Debug)]
struct Packet {
    sent: Time,
    bytes: Arc<[u8]>,
    /// When it was last sent again.
    retransmitted: Option<Time>,
    /// How often somebody has asked for it.
    naks: u8,
    /// How often it is still to be sent.
    due: u8,
}

/// A packet to send again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Retransmission {
    pub(super) bytes: Arc<[u8]>,
    pub(super) to: Destination,
}

/// Packets with successive numbers of one id and epoch. Number 0 would have this place.
#[derive(Debug)]
struct Run {
    id: TrackerId,
    epoch: u32,
    zero: u64,
    /// The place of the first one. Its number may be higher than 1.
    begin: u64,
}

/// The packets that we have sent, under whatever ids and in whatever epochs, as long as they are
/// kept. Each has a place, one more than the one before.
#[derive(Debug)]
pub(super) struct Sent {
    packets: VecDeque<Packet>,
    bytes: usize,
    /// How many bytes there are at most.
    window: usize,
    /// The place of the first one.
    first: u64,
    /// In their order.
    runs: VecDeque<Run>,
    /// What somebody has asked for, and was not sent since.
    requested: Marks,
    /// Where to look for it: all that is asked for has its turn.
    next: u64,
    /// Who has asked for what.
    nak_senders: NakSenders,
    /// What was sent again, and is to be sent once more, and when; in this order.
    repeats: VecDeque<(Time, u64)>,
}

impl Sent {
    /// None yet, and so many bytes at most.
    pub(super) fn new(window: usize) -> Self {
        Self {
            packets: VecDeque::new(),
            bytes: 0,
            window,
            // So that there are places before it.
            first: 1 << 32,
            runs: VecDeque::new(),
            // No two packets that are kept share a mark.
            requested: Marks::new(window / KEPT_EACH),
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
        let goes_on = |run: &Run| (run.id, run.epoch, run.zero) == (id, epoch, zero);
        if !self.runs.back().is_some_and(goes_on) {
            self.runs.push_back(Run {
                id,
                epoch,
                zero,
                begin,
            });
        }
        self.bytes += bytes.len() + KEPT_EACH;
        self.packets.push_back(Packet {
            sent: now,
            bytes,
            retransmitted: None,
            naks: 0,
            due: 0,
        });
        self.forget(now);
    }

    /// The packet with this number, if it is kept.
    pub(super) fn get(&self, number: Number) -> Option<&[u8]> {
        let seq = number.seq;
        let places = self.places(number.id, number.epoch, seq..=seq);
        let packet = self.packet(places.start).filter(|_| !places.is_empty());
        packet.map(|packet| &*packet.bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Forgets what is too old, or too much.
    pub(super) fn forget(&mut self, now: Time) {
        while let Some(oldest) = self.packets.front()
            && (self.bytes > self.window || now.since(oldest.sent) > KEPT_FOR)
        {
            self.bytes -= oldest.bytes.len() + KEPT_EACH;
            self.packets.pop_front();
            self.requested.clear(self.first);
            self.first += 1;
        }
        while self.runs.get(1).is_some_and(|run| run.begin <= self.first) {
            self.runs.pop_front();
        }
    }

    /// A node misses these numbers, of this id and epoch. However many they are, it takes no
    /// longer than a few hundred packets do to be written down.
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

    /// What left since then is to be sent again; whether anything did.
    pub(super) fn request_since(&mut self, time: Time) -> bool {
        let since = self.since(time);
        let any = !since.is_empty();
        self.requested.set(since);
        self.nak_senders.forget_all();
        any
    }

    /// The places of what left since then.
    pub(super) fn since(&self, time: Time) -> Range<u64> {
        let before = self.packets.partition_point(|packet| packet.sent < time);
        self.first + before as u64..self.end()
    }

    /// The packet at a place, as it left, if it is kept.
    pub(super) fn at(&self, place: u64) -> Option<Arc<[u8]>> {
        self.packet(place).map(|packet| packet.bytes.clone())
    }

    /// The next packet to send again, which `may` take so many bytes. Who asks for the same again
    /// hears it more than once, since the network seems to lose much; but only while there is
    /// `plenty`.
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
            packet.naks = (packet.naks + 1).min(MOST);
            packet.due = packet.naks;
            self.requested.clear(place);
            self.next = place + 1;
        } else {
            self.repeats.pop_front();
        }
        packet.retransmitted = Some(now);
        packet.due = if plenty { packet.due - 1 } else { 0 };
        if packet.due > 0 {
            self.repeats.push_back((now + PAUSE, place));
        }
        Ok(Some(Retransmission {
            bytes: packet.bytes.clone(),
            to: self.nak_senders.of(place),
        }))
    }

    /// When something is to be sent again, that was not due by now.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.repeats.front().map(|(due, _)| *due)
    }

    /// The place of what is to be sent again now.
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
                    .is_some_and(|retransmitted| now.since(retransmitted) < PAUSE);
                if packet.due == 0 && !just_sent {
                    return Some(place);
                }
                self.requested.clear(place);
                from = place + 1;
            }
        }
        None
    }

    /// The place behind the last one.
    fn end(&self) -> u64 {
        self.first + self.packets.len() as u64
    }

    fn packet(&self, place: u64) -> Option<&Packet> {
        let at = place.checked_sub(self.first)?;
        self.packets.get(usize::try_from(at).ok()?)
    }

    /// The places of those of these numbers that are kept.
    fn places(&self, id: TrackerId, epoch: u32, numbers: RangeInclusive<u32>) -> Range<u64> {
        let is_it = |run: &Run| (run.id, run.epoch) == (id, epoch);
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
