//! The numbered packets of one sender, as far as they have arrived.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::KEPT_FOR;
use crate::time::Time;
use crate::wire::{Nak, Trailer};

/// How many gaps are known of one sender at most; the oldest is given up for a new one.
const MAX_GAPS: usize = 512;

/// How many earlier packets may be missing when a sender is heard first,
const MAX_BEFORE: u32 = 64;

/// after we have listened for so long, in milliseconds: before, nobody knew us yet.
const UNKNOWN: u32 = 1000;

/// The shortest time between two NAKs for the same.
const ASK_AGAIN: Duration = Duration::from_millis(80);

/// The shortest delay grows by this part of the time, so that clocks may run so much apart.
const DRIFT: i64 = 1000;

/// What a packet is to us, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Arrival {
    /// The next one, or beyond a gap.
    New,
    /// One that was missing. It would have arrived then.
    Late(Time),
    /// One that was heard already, or given up.
    Known,
}

/// Numbers that are missing.
#[derive(Clone, Debug)]
struct Gap {
    first: u32,
    last: u32,
    since: Time,
    /// When to ask for them.
    ask: Time,
}

impl Gap {
    fn len(&self) -> u64 {
        u64::from(self.last - self.first) + 1
    }
}

/// Who listens.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Listener {
    pub(in crate::protocol) now: Time,
    /// How long it has listened.
    pub(in crate::protocol) listened: Duration,
}

/// The packets of one epoch of a sender. Time is what has passed here, jumps back left
/// out.
#[derive(Debug)]
pub(in crate::protocol) struct Stream {
    pub(in crate::protocol) epoch: u32,
    /// When it was last heard.
    pub(in crate::protocol) heard: Time,
    /// The highest number of which we know, once we know one.
    highest: Option<u32>,
    /// In ascending order, and the older ones first.
    gaps: VecDeque<Gap>,
    /// What is missing before is no loss: it was sent before we listened.
    from: u32,
    /// The shortest time between sent and arrival, in nanoseconds: it contains the
    /// difference of the two clocks. And when it was found.
    delay: (i64, Time),
    /// Whether a numbered packet has shown it, as only those say exactly when they were
    /// sent.
    measured: bool,
    /// When the last packet without number was sent.
    unnumbered: Option<u32>,
    /// How long the last packet took longer than the fastest.
    pub(in crate::protocol) lag: Duration,
    pub(in crate::protocol) tally: Tally,
}

/// What became of the packets that were missing.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocol) struct Tally {
    pub(in crate::protocol) repaired: u64,
    pub(in crate::protocol) given_up: u64,
}

impl Stream {
    /// The stream of a sender that is heard first, or in a new epoch.
    pub(in crate::protocol) fn new(now: Time, trailer: &Trailer) -> Self {
        Self {
            epoch: trailer.epoch,
            heard: now,
            highest: None,
            gaps: VecDeque::new(),
            from: 1,
            delay: (took(now, trailer), now),
            measured: false,
            unnumbered: None,
            lag: Duration::ZERO,
            tally: Tally::default(),
        }
    }

    /// A numbered packet arrives, sent again or not. `ask` says when to ask for what turns
    /// out to be missing, if anything does.
    pub(in crate::protocol) fn arrives(
        &mut self,
        listener: Listener,
        trailer: &Trailer,
        again: bool,
        ask: impl FnOnce() -> Time,
    ) -> Arrival {
        let Listener { now, .. } = listener;
        let seq = trailer.seq;
        self.sent_until(listener, trailer.sent, seq - 1, ask);
        let new = self.highest.is_none_or(|highest| seq > highest);
        if new {
            self.highest = Some(seq);
        } else if !self.fill(seq) {
            return Arrival::Known;
        }
        self.measure(now, trailer, again);
        if new && !again {
            Arrival::New
        } else {
            Arrival::Late(now.before(self.lag))
        }
    }

    /// The sender says, at `sent` by its clock, that it has sent packets up to this one.
    pub(in crate::protocol) fn sent_until(
        &mut self,
        listener: Listener,
        sent: u32,
        last: u32,
        ask: impl FnOnce() -> Time,
    ) {
        let highest = match self.highest {
            Some(highest) => highest,
            None => self.begin(listener.listened, sent, last),
        };
        self.highest = Some(highest.max(last));
        if last <= highest {
            return;
        }
        self.gaps.push_back(Gap {
            first: highest + 1,
            last,
            since: listener.now,
            ask: ask(),
        });
        self.bound();
    }

    /// A packet without number arrives; whether it comes after all others of its kind.
    pub(in crate::protocol) fn arrives_unnumbered(&mut self, trailer: &Trailer) -> bool {
        let news = self.unnumbered.is_none_or(|last| trailer.sent > last);
        if news {
            self.unnumbered = Some(trailer.sent);
        }
        news
    }

    /// Somebody else asks for the same: for gaps that he has, too, that is as if we had.
    pub(super) fn asked_by_another(
        &mut self,
        now: Time,
        nak: &Nak<'_>,
        mut wait: impl FnMut() -> Duration,
    ) {
        for range in nak.ranges() {
            let begin = self.gaps.partition_point(|gap| gap.first < *range.start());
            for gap in self.gaps.range_mut(begin..) {
                if gap.last > *range.end() {
                    break;
                }
                gap.ask = gap.ask.max(now + ASK_AGAIN + wait());
            }
        }
    }

    /// When there is something to do about what is missing.
    pub(in crate::protocol) fn due(&self) -> Time {
        let due = |gap: &Gap| gap.ask.min(gap.since + KEPT_FOR);
        self.gaps.iter().map(due).min().unwrap_or(Time::NEVER)
    }

    /// Gives up what nobody keeps any longer.
    pub(in crate::protocol) fn give_up(&mut self, now: Time) {
        // A gap that was split is as old as its other half, so they are in this order.
        while let Some(oldest) = self.gaps.front()
            && now.since(oldest.since) >= KEPT_FOR
        {
            let oldest = oldest.clone();
            self.gaps.pop_front();
            self.lose(&oldest);
        }
    }

    /// A packet that was late was of use, or not.
    pub(in crate::protocol) fn settle(&mut self, seq: u32, used: bool) {
        if used {
            self.tally.repaired += 1;
        } else {
            self.tally.given_up += u64::from(seq >= self.from);
        }
    }

    /// What became of what was missing, if nothing comes any more.
    pub(in crate::protocol) fn end(mut self) -> Tally {
        for gap in std::mem::take(&mut self.gaps) {
            self.lose(&gap);
        }
        self.tally
    }

    /// What to ask for, if it is time to ask: all that will be due within `soon`, too.
    pub(super) fn ask(
        &mut self,
        now: Time,
        soon: Duration,
        mut wait: impl FnMut() -> Duration,
    ) -> Vec<RangeInclusive<u32>> {
        if self.gaps.iter().all(|gap| gap.ask > now) {
            return Vec::new();
        }
        let due = self.gaps.iter_mut().filter(|gap| gap.ask <= now + soon);
        let ranges = due.map(|gap| {
            gap.ask = now + ASK_AGAIN + wait();
            gap.first..=gap.last
        });
        ranges.collect()
    }

    /// Whether this packet is missing.
    pub(in crate::protocol) fn misses(&self, trailer: &Trailer) -> bool {
        let at = self.gaps.partition_point(|gap| gap.last < trailer.seq);
        let gap = self.gaps.get(at);
        self.epoch == trailer.epoch && gap.is_some_and(|gap| gap.first <= trailer.seq)
    }

    /// How many packets are missing that may still come.
    pub(in crate::protocol) fn missing(&self) -> u64 {
        self.gaps.iter().map(Gap::len).sum()
    }

    /// The number from which on packets count that are sent up to this one.
    fn begin(&mut self, listened: Duration, sent: u32, last: u32) -> u32 {
        let listened = u32::try_from(listened.as_millis()).unwrap_or(u32::MAX);
        if sent <= listened {
            return 0;
        }
        self.from = last.saturating_add(1);
        if listened < UNKNOWN {
            return last;
        }
        last - last.min(MAX_BEFORE)
    }

    fn fill(&mut self, seq: u32) -> bool {
        let at = self.gaps.partition_point(|gap| gap.last < seq);
        let Some(gap) = self.gaps.get_mut(at).filter(|gap| gap.first <= seq) else {
            return false;
        };
        match (gap.first == seq, gap.last == seq) {
            (true, true) => drop(self.gaps.remove(at)),
            (true, false) => gap.first += 1,
            (false, true) => gap.last -= 1,
            (false, false) => {
                let rest = Gap {
                    first: seq + 1,
                    ..gap.clone()
                };
                gap.last = seq - 1;
                self.gaps.insert(at + 1, rest);
                self.bound();
            }
        }
        true
    }

    /// Gives up the oldest gap if there is one too many.
    fn bound(&mut self) {
        if self.gaps.len() > MAX_GAPS
            && let Some(oldest) = self.gaps.pop_front()
        {
            self.lose(&oldest);
        }
    }

    fn lose(&mut self, gap: &Gap) {
        let first = gap.first.max(self.from);
        self.tally.given_up += (u64::from(gap.last) + 1).saturating_sub(first.into());
    }

    /// How long a packet took that is used. Only one with a number that was not sent again
    /// says something of the network.
    pub(in crate::protocol) fn measure(&mut self, now: Time, trailer: &Trailer, again: bool) {
        let took = took(now, trailer);
        let (shortest, found) = self.delay;
        let crept = nanos(now.since(found)) / DRIFT;
        let mut shortest = shortest.saturating_add(crept);
        if trailer.seq > 0 && !again {
            if !std::mem::replace(&mut self.measured, true) || took < shortest {
                shortest = took;
            }
            self.delay = (shortest, now);
        }
        self.lag = Duration::from_nanos((took - shortest).max(0) as u64);
    }
}

fn took(now: Time, trailer: &Trailer) -> i64 {
    nanos(now.since(Time::START)) - i64::from(trailer.sent) * 1_000_000
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
