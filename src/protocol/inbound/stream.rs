//! The numbered packets of one sender, as far as they have arrived.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::KEPT_FOR;
use super::delay::Delay;
use super::fingerprints::{Fingerprints, Seen};
use super::gaps::Gaps;
use super::highest::{Highest, MAX_JUMP};
use super::listener::{Arrival, Listener, Origin};
use super::objections::Objections;
use super::tally::{Account, Tally};
use crate::time::Time;
use crate::wire::{Frame, Heartbeat, Nak, Trailer};

/// For so long a stream is new: nothing of it was used before, and its first packet may be forged.
const BEGINNING: Duration = Duration::from_secs(1);

/// The packets of one epoch of a sender. Time is what has passed here, without jumps back.
#[derive(Debug)]
pub(in crate::protocol) struct Stream {
    origin: Origin,
    epoch: u32,
    serial: u16,
    began: Time,
    heard: Time,
    highest: Highest,
    /// Whether numbers before the first one may be missing.
    has_history: bool,
    fingerprints: Fingerprints,
    objections: Objections,
    /// It stands beside an older one of the same id and epoch. Its packets may be those of that one,
    /// that come another way: what is missing of them is asked for there.
    is_beside: bool,
    gaps: Gaps,
    delay: Delay,
    /// When the last packet without number was sent.
    unnumbered: Option<u32>,
    account: Account,
}

impl Stream {
    /// The stream of a sender that is heard first, or in a new epoch. Without a history nothing
    /// before its first packet is missing. `serial` says which one it is of those that were begun
    /// under its id; it wraps.
    pub(super) fn new(
        now: Time,
        origin: Origin,
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

    /// Where its packets come from.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// They come from elsewhere now.
    pub(super) fn move_to(&mut self, origin: Origin) {
        self.origin = origin;
    }

    pub(in crate::protocol) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Which one it is of those that were begun under its id; it wraps.
    pub(in crate::protocol) fn serial(&self) -> u16 {
        self.serial
    }

    /// When it was last heard.
    pub(super) fn heard(&self) -> Time {
        self.heard
    }

    /// How long the last packet took longer than the fastest.
    pub(super) fn lag(&self) -> Duration {
        self.delay.lag()
    }

    /// A packet of it arrives, which may be used or not.
    pub(super) fn note_heard(&mut self, now: Time) {
        self.heard = now;
    }

    /// A numbered packet arrives, sent again or not. `ask` says when to ask for what turns
    /// out to be missing, if anything does.
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

    /// A number that was heard already, or lost. If it was on another packet, another
    /// sender uses the same id and epoch; if we do not know, that sender may have used up the
    /// numbers of this one.
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
        // The next copy of it is a duplicate.
        self.fingerprints.keep(frame, trailer);
        Arrival::Disputed
    }

    /// The sender says in a heartbeat how much it has sent.
    pub(super) fn beats(
        &mut self,
        listener: Listener,
        heartbeat: Heartbeat,
        sent: u32,
        nak_due: impl FnOnce() -> Time,
    ) {
        self.gaps.note_heartbeat();
        self.sent_until(listener, sent, heartbeat.highest, nak_due);
    }

    /// A heartbeat arrives, to be used or not. If it says less than we have known for a while,
    /// somebody else has used up numbers.
    pub(super) fn compare(&mut self, now: Time, heartbeat: Heartbeat) {
        if self.highest.is_contradicted(now, heartbeat.highest) {
            self.object_to_highest();
        }
    }

    /// The sender says, at `sent` by its clock, that it has sent packets up to this one.
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
        // What came before another stream of the same packets began may have been overtaken; but it
        // may have been heard, too.
        let was_heard = known.is_none() && !self.has_history;
        let nak_due = match was_heard || self.is_beside {
            true => Time::NEVER,
            false => nak_due(),
        };
        let lost = self.gaps.open(listener.now, highest + 1..=last, nak_due);
        lost.into_iter().for_each(|gap| self.lose(gap));
    }

    /// Whether packets up to this number can belong to the stream.
    pub(super) fn fits(&self, last: u32) -> bool {
        self.highest.fits(last, self.gaps.len())
    }

    /// Whether this number is beyond all that are known.
    pub(super) fn is_below(&self, last: u32) -> bool {
        self.highest.is_below(last)
    }

    pub(super) fn highest(&self) -> u32 {
        self.highest.number().unwrap_or(0)
    }

    /// Two senders use the id and the epoch of this stream.
    pub(super) fn object(&mut self) {
        self.objections.object();
    }

    /// Somebody else may use the id of this stream in a later epoch: the sender is told the highest
    /// number that we know.
    pub(super) fn object_to_highest(&mut self) {
        self.objections.object_to(self.highest().max(1));
    }

    /// Whether a packet from another address has been heard here, too. Another one under its
    /// number is another sender's.
    pub(super) fn has_heard(&mut self, frame: &Frame<'_>, trailer: &Trailer) -> bool {
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

    /// A packet arrives; whether there is an older stream of its id and epoch, and whether it came
    /// another way before.
    pub(super) fn stands_beside(&mut self, now: Time, is_beside: bool, is_copy: bool) {
        self.is_beside = is_beside;
        if is_beside && !is_copy {
            self.objections.suspect(now);
        } else {
            self.objections.acquit();
        }
    }

    /// The number to name in an objection, if there is one to make now.
    pub(super) fn take_objection(&mut self, now: Time) -> Option<u32> {
        self.objections.take(now)
    }

    /// A packet without number arrives; whether it comes after all others of its kind. If it says
    /// that it left in the future, it is not used: those that leave until then would not be.
    pub(super) fn arrives_unnumbered(&mut self, now: Time, trailer: &Trailer) -> bool {
        let is_new = now.since(self.began) < BEGINNING;
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

    /// Whether a packet says that it left in the future. Then another sender uses the same id; or
    /// our clock stood still, and a new id of the sender is what helps us, too.
    fn is_too_early(&mut self, now: Time, trailer: &Trailer) -> bool {
        let is_too_early = self.delay.is_too_early(now, trailer);
        if is_too_early {
            self.object();
        }
        is_too_early
    }

    /// Somebody else asks for the same: for gaps that he has, too, that is as if we had.
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

    /// When there is something to do about what is missing.
    pub(in crate::protocol) fn due(&self) -> Time {
        self.gaps.due()
    }

    /// Gives up what nobody keeps any longer.
    pub(in crate::protocol) fn give_up(&mut self, now: Time) {
        while let Some(gap) = self.gaps.take_old(now) {
            self.lose(gap);
        }
    }

    /// A packet that was late was of use, or not.
    pub(super) fn settle(&mut self, seq: u32, used: bool) {
        self.account.settle(seq, used);
    }

    /// What became of what was missing, if nothing comes any more. A stream that makes room for
    /// another one so early may have been forged: its gaps do not count.
    pub(super) fn end(mut self, now: Time) -> Tally {
        if now.since(self.began) >= KEPT_FOR {
            while let Some(gap) = self.gaps.take_first() {
                self.lose(gap);
            }
        }
        self.account.tally()
    }

    /// What became of what was missing so far.
    pub(super) fn tally(&self) -> Tally {
        self.account.tally()
    }

    /// What to ask for, if it is time to ask: all that will be due within `soon`, too.
    pub(in crate::protocol) fn take_due(
        &mut self,
        now: Time,
        soon: Duration,
        wait: impl FnMut() -> Duration,
    ) -> Vec<RangeInclusive<u32>> {
        if !self.gaps.are_due(now) {
            return Vec::new();
        }
        self.gaps.take_due(now, now + soon, wait)
    }

    /// Whether this packet is missing.
    pub(super) fn misses(&self, trailer: &Trailer) -> bool {
        self.epoch == trailer.epoch && self.gaps.contain(trailer.seq)
    }

    /// In how many gaps.
    pub(super) fn gaps(&self) -> usize {
        self.gaps.count()
    }

    /// How many packets are missing that may still come.
    pub(super) fn missing(&self) -> u64 {
        match self.is_beside {
            true => 0,
            false => self.gaps.len(),
        }
    }

    /// The number from which on packets count that are sent up to this one.
    fn begin(&mut self, listener: Listener, sent: u32, last: u32) -> u32 {
        if self.has_history && last <= MAX_JUMP && listener.has_listened(sent) {
            return 0;
        }
        self.account.begin(last.saturating_add(1));
        let is_replay = self.origin == Origin::Authenticated && !self.has_history;
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

    /// When a packet left, by our own clock: as long ago as it took longer than the fastest.
    pub(in crate::protocol) fn left(&self, now: Time, trailer: &Trailer) -> Time {
        now.before(self.delay.longer(now, trailer))
    }

    /// How long a packet took that is used.
    pub(super) fn measure(&mut self, now: Time, trailer: &Trailer, retransmitted: bool) {
        if !self.is_too_early(now, trailer) {
            self.delay.measure(now, trailer, retransmitted);
        }
    }
}
