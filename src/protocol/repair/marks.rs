//! Marks on places that go on for ever, of which only the last ones matter.

use std::ops::Range;

const WORD: u64 = u64::BITS as u64;

/// Marks, and where to look for them: of how many there may be hardly anything depends.
#[derive(Debug)]
pub(super) struct Marks {
    places: Ring,
    /// Which words of these have a mark.
    words: Ring,
}

impl Marks {
    /// So many places in a row have a mark of their own, or more.
    pub(super) fn new(places: usize) -> Self {
        // So that the words fill some themselves.
        let words = places.div_ceil(WORD as usize).max(WORD as usize);
        let words = words.next_power_of_two();
        Self {
            places: Ring::new(words),
            words: Ring::new(words / WORD as usize),
        }
    }

    /// Marks these places.
    pub(super) fn set(&mut self, places: Range<u64>) {
        if !places.is_empty() {
            self.words
                .set(places.start / WORD..places.end.div_ceil(WORD));
            self.places.set(places);
        }
    }

    /// Takes a mark away.
    pub(super) fn clear(&mut self, place: u64) {
        if self.places.clear(place) {
            self.words.clear(place / WORD);
        }
    }

    /// The first of these places that is marked.
    pub(super) fn first_in(&self, places: Range<u64>) -> Option<u64> {
        let words = places.start / WORD..places.end.div_ceil(WORD);
        let begin = places.start..places.end.min((words.start + 1) * WORD);
        self.places.first_in(begin).or_else(|| {
            let word = self.words.first_in(words.start + 1..words.end)?;
            self.places
                .first_in(word * WORD..places.end.min((word + 1) * WORD))
        })
    }
}

/// A ring of bits.
#[derive(Debug)]
struct Ring(Box<[u64]>);

impl Ring {
    /// Of so many words, a power of two.
    fn new(words: usize) -> Self {
        Self(vec![0; words].into())
    }

    /// Where a word of the places lies.
    fn at(&self, word: u64) -> usize {
        word as usize & (self.0.len() - 1)
    }

    /// Sets some bits: at the ends one for another, and in between by words.
    fn set(&mut self, places: Range<u64>) {
        let (first, last) = (places.start / WORD, (places.end - 1) / WORD);
        let (from, to) = (self.at(first), self.at(last));
        let (begin, end) = (bits_from(places.start), bits_to(places.end - 1));
        if first == last {
            self.0[from] |= begin & end;
            return;
        }
        self.0[from] |= begin;
        self.0[to] |= end;
        let between = (last - first - 1) as usize;
        let start = self.at(first + 1);
        let unwrapped = between.min(self.0.len() - start);
        self.0[start..start + unwrapped].fill(u64::MAX);
        self.0[..between - unwrapped].fill(u64::MAX);
    }

    /// Clears a bit; whether its word has none any more.
    fn clear(&mut self, place: u64) -> bool {
        let at = self.at(place / WORD);
        self.0[at] &= !(1 << (place % WORD));
        self.0[at] == 0
    }

    /// The first of these bits that is set, looked for word by word.
    fn first_in(&self, places: Range<u64>) -> Option<u64> {
        let Range { start, end } = places;
        (start / WORD..end.div_ceil(WORD)).find_map(|word| {
            let mut bits = self.0[self.at(word)];
            if word == start / WORD {
                bits &= bits_from(start);
            }
            let found = word * WORD + u64::from(bits.trailing_zeros());
            (bits != 0 && found < end).then_some(found)
        })
    }
}

/// The bits of a word from this place on.
fn bits_from(place: u64) -> u64 {
    u64::MAX << (place % WORD)
}

/// The bits of a word up to this place.
fn bits_to(place: u64) -> u64 {
    u64::MAX >> (WORD - 1 - place % WORD)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn marks_are_where_they_were_set() {
        for places in [
            0..1,
            3..64,
            60..70,
            64..128,
            65_500..65_600,
            7..7,
            60..64 * 64 + 3,
            65_000..130_000,
            1 << 32..(1 << 32) + 65,
        ] {
            let mut marks = Marks::new(1 << 16);
            marks.set(places.clone());
            let all = places.start.saturating_sub(99)..places.end + 99;
            let mut found = Vec::new();
            while let Some(place) = marks.first_in(all.clone()) {
                marks.clear(place);
                found.push(place);
            }
            assert_eq!(found, Vec::from_iter(places));
        }
    }

    #[test]
    fn they_are_those_of_a_set_while_the_places_go_on() {
        const KEPT: u64 = 4096;
        let (mut marks, mut set) = (Marks::new(1), BTreeSet::new());
        let mut rng = fastrand::Rng::with_seed(1);
        for first in (1 << 32..(1 << 32) + 3 * KEPT).step_by(7) {
            let mut some = || {
                let start = first + rng.u64(..KEPT);
                start..start + rng.u64(..=(first + KEPT - start).min(300))
            };
            (first.saturating_sub(7)..first).for_each(|place| {
                marks.clear(place);
                set.remove(&place);
            });
            let marked = some();
            marks.set(marked.clone());
            set.extend(marked);
            for place in some() {
                marks.clear(place);
                set.remove(&place);
            }
            let (looked, all) = (some(), first..first + KEPT);
            for looked in [looked, all] {
                let found = set.range(looked.clone()).next().copied();
                assert_eq!(marks.first_in(looked), found);
            }
        }
    }
}
