//! The missing numbers of a stream, and when to send NAKs for them.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::KEPT_FOR;
use crate::time::Time;

/// Upper bound for the gaps in one stream; the oldest is lost for a new one.
const MAX_GAPS: usize = 512;

/// Shortest time between two NAKs for the same numbers.
const NAK_INTERVAL: Duration = Duration::from_millis(80);

/// Upper bound for the times that NAKs of other nodes, which may be forged, put ours off.
const MAX_PUT_OFF: u8 = 2;

/// A range of missing numbers.
#[derive(Clone, Debug)]
struct Gap {
    first: u32,
    last: u32,
    since: Time,
    /// The time at which the next NAK for them is due.
    nak_due: Time,
    /// The number of times that NAKs of other nodes have put ours off since our last one.
    put_off: u8,
}

impl Gap {
    fn numbers(&self) -> RangeInclusive<u32> {
        self.first..=self.last
    }
}

/// The gaps of a stream, in ascending order and with the oldest first.
#[derive(Debug)]
pub(super) struct Gaps {
    gaps: VecDeque<Gap>,
    /// The number of NAKs that may be sent before a numbered packet is heard: one for each
    /// heartbeat, so that forged heartbeats cause no more NAKs than there are of them. `None`
    /// afterwards.
    unheard: Option<u8>,
}

impl Gaps {
    /// Creates the gaps of a stream of which no numbered packet was heard: none.
    pub(super) fn new() -> Self {
        Self {
            gaps: VecDeque::new(),
            unheard: Some(0),
        }
    }

    /// Notes that a numbered packet is heard.
    pub(super) fn note_numbered(&mut self) {
        self.unheard = None;
    }

    /// Notes that a heartbeat is heard.
    pub(super) fn note_heartbeat(&mut self) {
        if let Some(unheard) = &mut self.unheard {
            *unheard = unheard.saturating_add(1);
        }
    }

    /// Opens a gap of numbers that are missing from now on, for which a NAK is due at `nak_due`.
    /// Returns the gap that is lost in exchange, if there is one too many.
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

    /// Closes the gap at one number. Returns `None` if that was not missing, and otherwise the gap
    /// that is lost for a split, if any.
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

    /// Returns whether this number is missing.
    pub(super) fn contains(&self, seq: u32) -> bool {
        let at = self.gaps.partition_point(|gap| gap.last < seq);
        self.gaps.get(at).is_some_and(|gap| gap.first <= seq)
    }

    /// Returns how many numbers are missing.
    pub(super) fn len(&self) -> u64 {
        let len = |gap: &Gap| u64::from(gap.last - gap.first) + 1;
        self.gaps.iter().map(len).sum()
    }

    /// Returns the number of gaps.
    pub(super) fn count(&self) -> usize {
        self.gaps.len()
    }

    /// Returns whether a NAK is due.
    pub(super) fn has_due(&self, now: Time) -> bool {
        self.gaps.iter().any(|gap| gap.nak_due <= now)
    }

    /// Takes the numbers for which a NAK is due until `then`, and puts off their next one. The
    /// result is empty if no NAK may be sent.
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

    /// Puts off our NAK for these numbers, because another node has sent one.
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
            if gap.put_off < MAX_PUT_OFF {
                gap.put_off += 1;
                gap.nak_due = gap.nak_due.max(now + NAK_INTERVAL + wait());
            }
        }
    }

    /// Returns when the next NAK is due, or the next gap lost.
    pub(super) fn due(&self) -> Time {
        let due = |gap: &Gap| gap.nak_due.min(gap.since + KEPT_FOR);
        self.gaps.iter().map(due).min().unwrap_or(Time::NEVER)
    }

    /// Takes the first gap, if no sender keeps its packets any longer. Both halves of a split gap
    /// are equally old, so the first gap is always the oldest.
    pub(super) fn take_old(&mut self, now: Time) -> Option<RangeInclusive<u32>> {
        let is_old = |gap: &Gap| now.since(gap.since) >= KEPT_FOR;
        self.gaps.front().filter(|gap| is_old(gap))?;
        self.take_first()
    }

    /// Takes the first gap.
    pub(super) fn take_first(&mut self) -> Option<RangeInclusive<u32>> {
        self.gaps.pop_front().map(|gap| gap.numbers())
    }

    /// Takes the oldest gap if there is one too many.
    fn bound(&mut self) -> Option<RangeInclusive<u32>> {
        let is_too_much = self.gaps.len() > MAX_GAPS;
        is_too_much.then(|| self.take_first()).flatten()
    }
}
