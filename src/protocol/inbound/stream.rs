//! The numbered packets of one sender in one epoch, as far as they have arrived.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::KEPT_FOR;
use super::delay::Delay;
use super::fingerprints::{Fingerprints, Seen};
use super::gaps::Gaps;
use super::highest::{Highest, MAX_JUMP};
use super::listener::{Arrival, Listener, PacketOrigin};
use super::objections::Objections;
use super::tally::{Account, Tally};
use crate::time::Time;
use crate::wire::{Frame, Heartbeat, Nak, Trailer};

/// Time for which a stream is new: its first packet may have been forged.
const NEW_FOR: Duration = Duration::from_secs(1);

/// The packets of one epoch of a sender. The time is what has passed here, without jumps back.
#[derive(Debug)]
pub(in crate::protocol) struct Stream {
    origin: PacketOrigin,
    epoch: u32,
    serial: u16,
    began: Time,
    heard: Time,
    highest: Highest,
    /// True if numbers before the first one may be missing.
    has_history: bool,
    fingerprints: Fingerprints,
    objections: Objections,
    /// True if it stands beside an older stream of its id and epoch; only that one sends NAKs.
    is_beside: bool,
    gaps: Gaps,
    delay: Delay,
    /// The time at which the last packet without a number was sent.
    unnumbered: Option<u32>,
    account: Account,
}

impl Stream {
    /// Begins a stream with the packet of this trailer. Without a history, nothing before that
    /// packet is missing. `serial` counts the streams under one id; it wraps.
    pub(super) fn new(
        now: Time,
        origin: PacketOrigin,
        trailer: &Trailer,
        (has_history, serial): (bool, u16),
    ) -> Self {
        Self {
            origin,
            epoch: trailer.epoch,
            serial,
            began: now,
            heard: now,
            highest: Highest::new(now),
            has_history,
            fingerprints: Fingerprints::default(),
            objections: Objections::default(),
            is_beside: false,
            gaps: Gaps::new(),
            delay: Delay::new(now, trailer),
            unnumbered: None,
            account: Account::new(),
        }
    }

    /// Returns where its packets come from.
    pub(super) fn origin(&self) -> PacketOrigin {
        self.origin
    }

    /// Notes that its packets come from elsewhere now.
    pub(super) fn move_to(&mut self, origin: PacketOrigin) {
        self.origin = origin;
    }

    pub(in crate::protocol) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns its serial number among the streams under its id; it wraps.
    pub(in crate::protocol) fn serial(&self) -> u16 {
        self.serial
    }

    /// Returns when it was last heard.
    pub(super) fn heard(&self) -> Time {
        self.heard
    }

    /// Returns by how much its last packet was slower than the fastest.
    pub(super) fn lag(&self) -> Duration {
        self.delay.lag()
    }

    /// Notes that a packet of it arrives, used or not.
    pub(super) fn note_heard(&mut self, now: Time) {
        self.heard = now;
    }

    /// Handles a numbered packet, retransmitted or not. `nak_due` is called if it shows a gap.
    pub(super) fn arrives(
        &mut self,
        listener: Listener,
        frame: &Frame<'_>,
        trailer: &Trailer,
        nak_due: impl FnOnce() -> Time,
    ) -> Arrival {
        let (now, seq) = (listener.now, trailer.seq);
        self.gaps.note_numbered();
        self.sent_until(listener, trailer.sent, seq - 1, nak_due);
        let new = self.highest.is_below(seq);
        if new {
            self.highest.raise(now, seq);
        } else if !self.fill(seq) {
            return self.known(frame, trailer);
        }
        self.fingerprints.keep(frame, trailer);
        let restated = trailer.has(Trailer::RESTATED);
        if !restated {
            self.measure(now, trailer, frame.retransmitted);
        }
        if new && (!frame.retransmitted || restated) {
            Arrival::New
        } else {
            Arrival::Late(now.before(self.lag()))
        }
    }

    /// Handles a number that was heard already, or is lost. If another packet had it, another
    /// sender uses this id and epoch. If that is unknown, such a sender may have used up numbers.
    fn known(&mut self, frame: &Frame<'_>, trailer: &Trailer) -> Arrival {
        match self.fingerprints.seen(frame, trailer) {
            Seen::Same => return Arrival::Known,
            Seen::Other => self.object(),
            Seen::Unknown if frame.retransmitted => return Arrival::Known,
            Seen::Unknown => {
                self.object_to_highest();
                return Arrival::Known;
            }
        }
        if frame.retransmitted {
            return Arrival::Known;
        }
        // The next copy of this packet is a duplicate.
        self.fingerprints.keep(frame, trailer);
        Arrival::Disputed
    }

    /// Handles a heartbeat, in which the sender says how much it has sent.
    pub(super) fn on_heartbeat(
        &mut self,
        listener: Listener,
        heartbeat: Heartbeat,
        sent: u32,
        nak_due: impl FnOnce() -> Time,
    ) {
        self.gaps.note_heartbeat();
        self.sent_until(listener, sent, heartbeat.highest, nak_due);
    }

    /// Objects if a heartbeat, used or not, names less than was known for a while: then another
    /// sender has used up numbers.
    pub(super) fn check_heartbeat(&mut self, now: Time, heartbeat: Heartbeat) {
        if self.highest.is_contradicted(now, heartbeat.highest) {
            self.object_to_highest();
        }
    }

    /// Opens a gap if packets up to `last` are missing; the sender's clock shows `sent`.
    fn sent_until(
        &mut self,
        listener: Listener,
        sent: u32,
        last: u32,
        nak_due: impl FnOnce() -> Time,
    ) {
        let known = self.highest.number();
        let highest = known.unwrap_or_else(|| self.begin(listener, sent, last));
        self.highest.raise(listener.now, highest.max(last));
        if last <= highest {
            return;
        }
        // Before a stream beside another begins, packets may be overtaken, or heard in the other.
        let was_heard = known.is_none() && !self.has_history;
        let nak_due = match was_heard || self.is_beside {
            true => Time::NEVER,
            false => nak_due(),
        };
        let lost = self.gaps.open(listener.now, highest + 1..=last, nak_due);
        lost.into_iter().for_each(|gap| self.lose(gap));
    }

    /// Returns whether packets up to this number can belong to the stream.
    pub(super) fn fits(&self, last: u32) -> bool {
        self.highest.fits(last, self.gaps.len())
    }

    /// Returns whether this number is beyond all known ones.
    pub(super) fn is_below(&self, last: u32) -> bool {
        self.highest.is_below(last)
    }

    pub(super) fn highest(&self) -> u32 {
        self.highest.number().unwrap_or(0)
    }

    /// Objects, because two senders use the id and the epoch of this stream.
    pub(super) fn object(&mut self) {
        self.objections.object();
    }

    /// Names the highest known number to the sender: another one may use its id in a later epoch.
    pub(super) fn object_to_highest(&mut self) {
        self.objections.object_to(self.highest().max(1));
    }

    /// Returns whether a packet from another address was heard here, too. If its number has another
    /// packet here, that is another sender's.
    pub(super) fn check_heard(&mut self, frame: &Frame<'_>, trailer: &Trailer) -> bool {
        let heard = match trailer.seq {
            0 => self.unnumbered == Some(trailer.sent),
            _ => match self.fingerprints.seen(frame, trailer) {
                Seen::Same => true,
                Seen::Unknown => false,
                Seen::Other => {
                    if !frame.retransmitted {
                        self.object();
                    }
                    false
                }
            },
        };
        if heard {
            self.objections.acquit();
        }
        heard
    }

    /// Notes whether an older stream stands beside this one, and has the arriving packet as well.
    pub(super) fn note_beside(&mut self, now: Time, is_beside: bool, is_copy: bool) {
        self.is_beside = is_beside;
        if is_beside && !is_copy {
            self.objections.suspect(now);
        } else {
            self.objections.acquit();
        }
    }

    /// Returns the number to name in an objection, if there is one to make now.
    pub(super) fn take_objection(&mut self, now: Time) -> Option<u32> {
        self.objections.take(now)
    }

    /// Handles a packet without a number. Returns whether it comes after all others of its kind.
    /// One from the future is not used, since those that leave until then would not be used either.
    pub(super) fn arrives_unnumbered(&mut self, now: Time, trailer: &Trailer) -> bool {
        let is_new = now.since(self.began) < NEW_FOR;
        if is_new && self.delay.began_too_early(now, trailer) {
            self.delay = Delay::new(now, trailer);
            self.unnumbered = None;
        }
        if self.is_too_early(now, trailer) {
            return false;
        }
        let news = self.unnumbered.is_none_or(|last| trailer.sent > last);
        if news {
            self.unnumbered = Some(trailer.sent);
        }
        news
    }

    /// Returns whether a packet claims to have left in the future. Then another sender uses the
    /// same id, or our clock stood still; a new id of the sender helps in both cases.
    fn is_too_early(&mut self, now: Time, trailer: &Trailer) -> bool {
        let is_too_early = self.delay.is_too_early(now, trailer);
        if is_too_early {
            self.object();
        }
        is_too_early
    }

    /// Handles a NAK of another node: it puts off ours for the gaps that both have.
    pub(in crate::protocol) fn on_nak_of_another(
        &mut self,
        now: Time,
        nak: &Nak<'_>,
        mut wait: impl FnMut() -> Duration,
    ) {
        for range in nak.ranges() {
            self.gaps.put_off(now, range, &mut wait);
        }
    }

    /// Returns when the next NAK is due, or the next gap lost.
    pub(in crate::protocol) fn due(&self) -> Time {
        self.gaps.due()
    }

    /// Counts gaps as lost that no sender keeps any longer.
    pub(in crate::protocol) fn give_up(&mut self, now: Time) {
        while let Some(gap) = self.gaps.take_old(now) {
            self.lose(gap);
        }
    }

    /// Counts a late packet as recovered if it was used, and as lost if not.
    pub(super) fn settle(&mut self, seq: u32, used: bool) {
        self.account.settle(seq, used);
    }

    /// Ends the stream, and returns its tally. Its open gaps are lost, but do not count in a stream
    /// so young that it may have been forged.
    pub(super) fn end(mut self, now: Time) -> Tally {
        if now.since(self.began) >= KEPT_FOR {
            while let Some(gap) = self.gaps.take_first() {
                self.lose(gap);
            }
        }
        self.account.tally()
    }

    /// Returns its tally so far.
    pub(super) fn tally(&self) -> Tally {
        self.account.tally()
    }

    /// Takes the numbers to send a NAK for once one is due: also those due within `soon`.
    pub(in crate::protocol) fn take_due(
        &mut self,
        now: Time,
        soon: Duration,
        wait: impl FnMut() -> Duration,
    ) -> Vec<RangeInclusive<u32>> {
        if !self.gaps.has_due(now) {
            return Vec::new();
        }
        self.gaps.take_due(now, now + soon, wait)
    }

    /// Returns whether this packet is missing.
    pub(super) fn misses(&self, trailer: &Trailer) -> bool {
        self.epoch == trailer.epoch && self.gaps.contains(trailer.seq)
    }

    /// Returns the number of gaps.
    pub(super) fn gaps(&self) -> usize {
        self.gaps.count()
    }

    /// Returns how many packets are missing that may still come.
    pub(super) fn missing(&self) -> u64 {
        match self.is_beside {
            true => 0,
            false => self.gaps.len(),
        }
    }

    /// Returns the number after which packets up to `last` count as missing.
    fn begin(&mut self, listener: Listener, sent: u32, last: u32) -> u32 {
        if self.has_history && last <= MAX_JUMP && listener.has_listened(sent) {
            return 0;
        }
        self.account.begin(last.saturating_add(1));
        let is_replay = self.origin == PacketOrigin::Authenticated && !self.has_history;
        match is_replay {
            true => last,
            false => listener.may_miss_from(last),
        }
    }

    fn fill(&mut self, seq: u32) -> bool {
        let filled = self.gaps.fill(seq);
        if let Some(Some(gap)) = &filled {
            self.lose(gap.clone());
        }
        filled.is_some()
    }

    fn lose(&mut self, gap: RangeInclusive<u32>) {
        if !self.is_beside {
            self.account.lose(&gap);
        }
    }

    /// Returns when a packet left, by our own clock: before now by its lag behind the fastest.
    pub(in crate::protocol) fn left(&self, now: Time, trailer: &Trailer) -> Time {
        now.before(self.delay.longer(now, trailer))
    }

    /// Measures the delay of a packet that is used.
    pub(super) fn measure(&mut self, now: Time, trailer: &Trailer, retransmitted: bool) {
        if !self.is_too_early(now, trailer) {
            self.delay.measure(now, trailer, retransmitted);
        }
    }
}
