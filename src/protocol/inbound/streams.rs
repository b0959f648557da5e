//! The streams of one id. As a rule there is one. There are more after a new epoch, or if several
//! senders use the same id: the packets of each then have a stream of their own, and none takes
//! another's place in it.

use std::time::Duration;

use super::KEPT_FOR;
use super::listener::{Arrival, Listener, PacketOrigin};
use super::stream::Stream;
use super::tally::Tally;
use crate::protocol::number::is_before;
use crate::reject::Reject;
use crate::time::Time;
use crate::wire::{Frame, Heartbeat, Packet, Trailer};

/// Upper bound for the streams of one id.
const MAX_STREAMS: usize = 4;

/// The streams of one id.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Streams {
    streams: Vec<Stream>,
    /// The number of streams begun; it wraps.
    begun: u16,
    /// The tally of streams that have ended.
    ended: Tally,
}

/// The stream to which a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamPlace {
    /// A known stream.
    Known(usize),
    /// A new stream, which begins with this packet.
    New(usize),
    /// There is no room for a stream: the packet is used like one without a trailer.
    Nowhere,
}

/// A packet for which the stream is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arriving<'a> {
    pub(super) listener: Listener,
    pub(super) origin: PacketOrigin,
    pub(super) frame: &'a Frame<'a>,
    pub(super) trailer: &'a Trailer,
    /// False for a new sender while the table is full: it may have been known before.
    pub(super) has_room: bool,
}

impl Arriving<'_> {
    /// Returns the packet if it is a heartbeat of the epoch in its trailer.
    fn heartbeat(&self) -> Option<Heartbeat> {
        match self.frame.packet {
            Packet::Heartbeat(heartbeat) if heartbeat.epoch == self.trailer.epoch => {
                Some(heartbeat)
            }
            _ => None,
        }
    }

    /// Returns the highest number that the packet names, or 0.
    fn last(&self) -> u32 {
        (self.heartbeat()).map_or(self.trailer.seq, |heartbeat| heartbeat.highest)
    }
}

impl Streams {
    /// Finds the stream of a packet, or begins one.
    pub(super) fn place(&mut self, packet: &Arriving<'_>) -> Result<StreamPlace, Reject> {
        let Arriving {
            listener: Listener { now, .. },
            origin,
            trailer,
            ..
        } = *packet;
        let (epoch, last) = (trailer.epoch, packet.last());
        let of_it = |stream: &&Stream| stream.origin() == origin && stream.epoch() == epoch;
        let fits = |stream: &&Stream| last == 0 || stream.fits(last);
        let is_it = |stream: &Stream| of_it(&stream) && fits(&stream);
        // If several would do, it is the one heard last.
        let places = (0..self.streams.len()).filter(|at| is_it(&self.streams[*at]));
        if let Some(place) = places.max_by_key(|at| self.streams[*at].heard()) {
            self.doubt_later_than(epoch, now);
            return Ok(StreamPlace::Known(place));
        }
        let jumps = |stream: &&Stream| stream.is_below(last) && is_heard(stream, now);
        if last > 0
            && self
                .streams
                .iter()
                .filter(of_it)
                .any(|stream| jumps(&stream))
        {
            return Err(Reject::BadNumbers);
        }
        if packet.frame.retransmitted || self.check_other_ways(None, packet.frame, trailer) {
            return Err(Reject::Duplicate);
        }
        if origin.is_authenticated() {
            self.refuse_replay(epoch, last)?;
        } else if let Some(place) = self.adopt(packet) {
            return Ok(StreamPlace::Known(place));
        }
        Ok(self.begin(packet))
    }

    /// Puts a packet into the stream at this place, and returns how it arrives, if it is numbered.
    /// Each packet is used once. `nak_due` says when a NAK is due if a gap shows.
    pub(super) fn arrives(
        &mut self,
        place: usize,
        packet: &Arriving<'_>,
        nak_due: impl FnOnce() -> Time,
    ) -> Result<Option<Arrival>, Reject> {
        let Arriving {
            listener,
            frame,
            trailer,
            ..
        } = *packet;
        let now = listener.now;
        let authenticated = packet.origin.is_authenticated();
        let is_copy = !authenticated && self.check_copy(now, place, frame, trailer);
        let Some(stream) = self.streams.get_mut(place) else {
            return Ok(None);
        };
        stream.note_heard(now);
        if trailer.seq > 0 {
            return match stream.arrives(listener, frame, trailer, nak_due) {
                arrival if is_copy => {
                    if matches!(arrival, Arrival::Late(_)) {
                        stream.settle(trailer.seq, true);
                    }
                    Err(Reject::Duplicate)
                }
                Arrival::Known => Err(known(authenticated && !frame.retransmitted)),
                // Both are used, since nobody can tell which one comes from the sender itself.
                Arrival::Disputed => Ok(None),
                arrival => Ok(Some(arrival)),
            };
        }
        let heartbeat = packet.heartbeat();
        if let Some(heartbeat) = heartbeat {
            stream.check_heartbeat(now, heartbeat);
        }
        if !stream.arrives_unnumbered(now, trailer) && authenticated {
            return Err(Reject::Replayed);
        }
        stream.measure(now, trailer, frame.retransmitted);
        if let Some(heartbeat) = heartbeat {
            stream.on_heartbeat(listener, heartbeat, trailer.sent, nak_due);
        }
        if is_copy {
            return Err(Reject::Duplicate);
        }
        Ok(None)
    }

    /// Notes that a packet arrives for the stream at this place. Returns whether it came another
    /// way before.
    fn check_copy(
        &mut self,
        now: Time,
        place: usize,
        frame: &Frame<'_>,
        trailer: &Trailer,
    ) -> bool {
        let is_copy = self.check_other_ways(Some(place), frame, trailer);
        let is_beside = self.is_beside_another(now, place);
        self.streams[place].note_beside(now, is_beside, is_copy);
        is_copy
    }

    /// Returns whether a packet was heard in another stream than this one. Without a key, streams
    /// are told apart by address, and a packet may come from several: by way of a bridge, or of a
    /// second interface.
    fn check_other_ways(
        &mut self,
        place: Option<usize>,
        frame: &Frame<'_>,
        trailer: &Trailer,
    ) -> bool {
        let streams = self.streams.iter_mut().enumerate();
        let is_other = |at: usize, stream: &Stream| {
            Some(at) != place
                && stream.epoch() == trailer.epoch
                && !stream.origin().is_authenticated()
        };
        streams.fold(false, |heard, (at, stream)| {
            heard | (is_other(at, stream) && stream.check_heard(frame, trailer))
        })
    }

    /// Returns whether an older stream of the same epoch is still heard.
    fn is_beside_another(&self, now: Time, place: usize) -> bool {
        let one = &self.streams[place];
        let is_older = |other: &Stream| (one.serial().wrapping_sub(other.serial()) as i16) > 0;
        !one.origin().is_authenticated()
            && self.streams.iter().any(|other| {
                other.epoch() == one.epoch() && is_older(other) && is_heard(other, now)
            })
    }

    /// Returns the streams, in no order.
    pub(in crate::protocol) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.streams.iter_mut()
    }

    /// Returns the stream at this place, if there is still one.
    pub(in crate::protocol) fn get(&self, place: usize) -> Option<&Stream> {
        self.streams.get(place)
    }

    /// Counts a late packet as recovered if it was used, and as lost if not.
    pub(in crate::protocol) fn settle(&mut self, place: usize, seq: u32, used: bool) {
        if let Some(stream) = self.streams.get_mut(place) {
            stream.settle(seq, used);
        }
    }

    /// Takes the objections to make now: the epoch of each, and the number to name.
    pub(super) fn take_objections(&mut self, now: Time) -> Vec<(u32, u32)> {
        let of = |stream: &mut Stream| Some((stream.epoch(), stream.take_objection(now)?));
        self.streams.iter_mut().filter_map(of).collect()
    }

    /// Returns whether this packet, which has a good tag, is missing.
    pub(super) fn is_missing_authenticated(&self, trailer: &Trailer) -> bool {
        let mut streams = self.streams.iter();
        streams.any(|stream| stream.origin().is_authenticated() && stream.misses(trailer))
    }

    /// Returns what became of all packets that were missing.
    pub(super) fn tally(&self) -> Tally {
        let all = self.streams.iter().map(Stream::tally);
        all.fold(self.ended, Tally::and)
    }

    /// Returns whether there is an authenticated stream of this epoch.
    pub(super) fn is_authenticated(&self, epoch: u32) -> bool {
        let is_it = |stream: &Stream| stream.origin().is_authenticated() && stream.epoch() == epoch;
        self.streams.iter().any(is_it)
    }

    /// Returns how many packets are missing that may still come.
    pub(super) fn missing(&self) -> u64 {
        self.streams.iter().map(Stream::missing).sum()
    }

    /// Returns by how much the last packet was slower than the fastest of its stream.
    pub(super) fn lag(&self) -> Duration {
        let last = self.streams.iter().max_by_key(|stream| stream.heard());
        last.map_or(Duration::ZERO, |stream| stream.lag())
    }

    /// Returns whether a stream was heard within this time.
    pub(super) fn was_heard_within(&self, now: Time, time: Duration) -> bool {
        let mut streams = self.streams.iter();
        streams.any(|stream| now.since(stream.heard()) < time)
    }

    /// Ends streams that are silent, where there are later ones.
    pub(super) fn forget(&mut self, now: Time) {
        while self.streams.len() > 1
            && let Some(at) = self.oldest(now)
        {
            self.end(now, at);
        }
    }

    /// Ends all streams, and returns what became of their missing packets.
    pub(super) fn end_all(mut self, now: Time) -> Tally {
        while !self.streams.is_empty() {
            self.end(now, 0);
        }
        self.ended
    }

    /// Refuses a replay: with a good tag every packet is used once. That is certain in known
    /// streams, in later epochs, and for numbers beyond those of the last epoch.
    fn refuse_replay(&mut self, epoch: u32, last: u32) -> Result<(), Reject> {
        let authenticated = |stream: &&mut Stream| stream.origin().is_authenticated();
        let streams = self.streams.iter_mut().filter(authenticated);
        let Some(newest) = streams.max_by(|one, other| order(one, other)) else {
            return Ok(());
        };
        let is_later = is_before(newest.epoch(), epoch);
        let is_beyond = newest.epoch() == epoch && newest.is_below(last);
        if is_later || is_beyond {
            return Ok(());
        }
        newest.object_to_highest();
        Err(Reject::Replayed)
    }

    /// Objects to streams of later epochs when a packet of this epoch arrives: its sender has not
    /// begun a later one, so another sender has.
    fn doubt_later_than(&mut self, epoch: u32, now: Time) {
        let is_later =
            |stream: &&mut Stream| is_before(epoch, stream.epoch()) && is_heard(stream, now);
        let later = self.streams.iter_mut().filter(is_later);
        later.for_each(Stream::object_to_highest);
    }

    /// Finds the stream of a sender without a key that sends from another address now, and has been
    /// silent at the former one.
    fn adopt(&mut self, packet: &Arriving<'_>) -> Option<usize> {
        let place = self.streams.iter().position(|stream| {
            stream.epoch() == packet.trailer.epoch
                && !stream.origin().is_authenticated()
                && !is_heard(stream, packet.listener.now)
                && stream.fits(packet.last())
        })?;
        self.streams[place].move_to(packet.origin);
        Some(place)
    }

    fn begin(&mut self, packet: &Arriving<'_>) -> StreamPlace {
        let now = packet.listener.now;
        if self.streams.len() == MAX_STREAMS {
            let Some(place) = self.least(packet.origin) else {
                return StreamPlace::Nowhere;
            };
            self.end(now, place);
        }
        let epoch = packet.trailer.epoch;
        let is_first = self.streams.iter().all(|stream| stream.epoch() != epoch);
        let has_history = is_first && packet.has_room;
        self.begun = self.begun.wrapping_add(1);
        let mut new = Stream::new(
            now,
            packet.origin,
            packet.trailer,
            (has_history, self.begun),
        );
        let mut others = self.streams.iter().filter(|stream| stream.epoch() == epoch);
        if packet.origin.is_authenticated()
            && others.any(|stream| stream.origin() != packet.origin && is_heard(stream, now))
        {
            new.object();
        }
        self.streams.push(new);
        StreamPlace::New(self.streams.len() - 1)
    }

    /// Returns the stream that makes room. A sender without a key takes no room from one with a
    /// key. Of authenticated streams the first one goes, since packets later than the others could
    /// be used twice.
    fn least(&self, new: PacketOrigin) -> Option<usize> {
        let places = 0..self.streams.len();
        let is_authenticated = |at: &usize| self.streams[*at].origin().is_authenticated();
        let unauthenticated = places.clone().filter(|at| !is_authenticated(at));
        let unauthenticated = unauthenticated.min_by_key(|at| self.streams[*at].heard());
        let first =
            || places.min_by(|one, other| order(&self.streams[*one], &self.streams[*other]));
        unauthenticated.or_else(|| new.is_authenticated().then(first)?)
    }

    /// Returns a stream that is silent and not the last of its kind. The last one stays, since what
    /// is older must not be used again.
    fn oldest(&self, now: Time) -> Option<usize> {
        let is_last = |stream: &Stream| {
            let authenticated = stream.origin().is_authenticated();
            let of_kind = |other: &&Stream| other.origin().is_authenticated() == authenticated;
            let mut others = self.streams.iter().filter(of_kind);
            others.all(|other| order(other, stream).is_le())
        };
        let is_old = |stream: &Stream| !is_heard(stream, now) && !is_last(stream);
        self.streams.iter().position(is_old)
    }

    fn end(&mut self, now: Time, place: usize) {
        let stream = self.streams.swap_remove(place);
        self.ended = self.ended.and(stream.end(now));
    }
}

/// Compares streams by their epochs, and within one epoch by their highest numbers.
fn order(one: &Stream, other: &Stream) -> std::cmp::Ordering {
    let epochs = one.epoch().wrapping_sub(other.epoch()) as i32;
    epochs.cmp(&0).then(one.highest().cmp(&other.highest()))
}

/// Returns whether a stream was heard lately.
fn is_heard(stream: &Stream, now: Time) -> bool {
    now.since(stream.heard()) < KEPT_FOR
}

/// Returns why a packet is not used that was heard before. With a good tag, an attacker has
/// recorded it; unauthenticated, or as a retransmission, it is a duplicate.
fn known(recorded: bool) -> Reject {
    if recorded {
        Reject::Replayed
    } else {
        Reject::Duplicate
    }
}
