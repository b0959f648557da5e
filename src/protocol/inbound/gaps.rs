//! Which numbers of a stream are missing, and when to ask for them.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::KEPT_FOR;
use crate::time::Time;

/// How many gaps are known of one sender at most; the oldest is lost for a new one.
const MAX_GAPS: usize = 512;

/// The shortest time between two NAKs for the same.
const NAK_INTERVAL: Duration = Duration::from_millis(80);

/// How often NAKs of others put ours off, until we send one: they may be forged.
const PUT_OFF: u8 = 2;

/// Numbers that are missing.
#[derive(Clone, Debug)]
struct Gap {
    first: u32,
    last: u32,
    since: Time,
    /// When to ask for them.
    nak_due: Time,
    /// How often others have put that off since we asked last.
    put_off: u8,
}

impl Gap {
    fn numbers(&self) -> RangeInclusive<u32> {
        self.first..=self.last
    }
}

/// The gaps of a stream, in ascending order, and the older ones first.
#[derive(Debug)]
pub(super) struct Gaps {
    gaps: VecDeque<Gap>,
    /// How many NAKs it may cause until a numbered packet is heard: one for each heartbeat, so
    /// that forged heartbeats cause no more NAKs than there are of them. Nothing afterwards.
    unheard: Option<u8>,
}

impl Gaps {
    /// None, of a stream of which no numbered packet was heard.
    pub(super) fn new() -> Self {
        Self {
            gaps: VecDeque::new(),
            unheard: Some(0),
        }
    }

    /// A numbered packet is heard.
    pub(super) fn note_numbered(&mut self) {
        self.unheard = None;
    }

    /// A heartbeat is heard.
    pub(super) fn note_heartbeat(&mut self) {
        if let Some(unheard) = &mut self.unheard {
            *unheard = unheard.saturating_add(1);
        }
    }

    /// These are missing from now on, and asked for then. The gap that is lost for it, if
    /// there is one too many.
    pub(super) fn open(
        &mut self,
        now: Time,
        numbers: RangeInclusive<u32>,
        nak_due: Time,
    ) -> Option<RangeInclusive<u32>> {
        self.gaps.push_back(Gap {
            first: *numbers.start(),
            last: *numbers.end(),
            since: now,
            nak_due,
            put_off: 0,
        });
        self.bound()
    }

    /// A number is not missing any more, if it was; and the gap that is lost for that.
    pub(super) fn fill(&mut self, seq: u32) -> Option<Option<RangeInclusive<u32>>> {
        let at = self.gaps.partition_point(|gap| gap.last < seq);
        let gap = self.gaps.get_mut(at).filter(|gap| gap.first <= seq)?;
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
                return Some(self.bound());
            }
        }
        Some(None)
    }

    /// Whether this number is missing.
    pub(super) fn contain(&self, seq: u32) -> bool {
        let at = self.gaps.partition_point(|gap| gap.last < seq);
        self.gaps.get(at).is_some_and(|gap| gap.first <= seq)
    }

    /// How many numbers are missing.
    pub(super) fn len(&self) -> u64 {
        let len = |gap: &Gap| u64::from(gap.last - gap.first) + 1;
        self.gaps.iter().map(len).sum()
    }

    /// In how many gaps.
    pub(super) fn count(&self) -> usize {
        self.gaps.len()
    }

    /// Whether it is time to ask for one.
    pub(super) fn are_due(&self, now: Time) -> bool {
        self.gaps.iter().any(|gap| gap.nak_due <= now)
    }

    /// Asks for all that are due until `then`, and again after a while. The answer is empty if
    /// it may not ask.
    pub(super) fn take_due(
        &mut self,
        now: Time,
        then: Time,
        mut wait: impl FnMut() -> Duration,
    ) -> Vec<RangeInclusive<u32>> {
        let may_nak = match &mut self.unheard {
            Some(left) => left.checked_sub(1).map(|less| *left = less).is_some(),
            None => true,
        };
        let due = self.gaps.iter_mut().filter(|gap| gap.nak_due <= then);
        let ranges = due.map(|gap| {
            gap.nak_due = now + NAK_INTERVAL + wait();
            gap.put_off = 0;
            gap.numbers()
        });
        let ranges = ranges.collect();
        if may_nak { ranges } else { Vec::new() }
    }

    /// Somebody else asks for these numbers: we wait as if we had.
    pub(super) fn put_off(
        &mut self,
        now: Time,
        numbers: RangeInclusive<u32>,
        mut wait: impl FnMut() -> Duration,
    ) {
        let begin = self
            .gaps
            .partition_point(|gap| gap.first < *numbers.start());
        let gaps = self.gaps.range_mut(begin..);
        for gap in gaps.take_while(|gap| gap.last <= *numbers.end()) {
            if gap.put_off < PUT_OFF {
                gap.put_off += 1;
                gap.nak_due = gap.nak_due.max(now + NAK_INTERVAL + wait());
            }
        }
    }

    /// When there is something to do about one.
    pub(super) fn due(&self) -> Time {
        let due = |gap: &Gap| gap.nak_due.min(gap.since + KEPT_FOR);
        self.gaps.iter().map(due).min().unwrap_or(Time::NEVER)
    }

    /// Takes one that nobody keeps any longer. One that was split is as old as its other half, so
    /// they are in this order.
    pub(super) fn take_old(&mut self, now: Time) -> Option<RangeInclusive<u32>> {
        let is_old = |gap: &Gap| now.since(gap.since) >= KEPT_FOR;
        self.gaps.front().filter(|gap| is_old(gap))?;
        self.take_first()
    }

    /// Takes the first one.
    pub(super) fn take_first(&mut self) -> Option<RangeInclusive<u32>> {
        self.gaps.pop_front().map(|gap| gap.numbers())
    }

    /// The oldest is lost if there is one too many.
    fn bound(&mut self) -> Option<RangeInclusive<u32>> {
        let is_too_much = self.gaps.len() > MAX_GAPS;
        is_too_much.then(|| self.take_first()).flatten()
    }
}
