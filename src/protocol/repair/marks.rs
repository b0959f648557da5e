//! Marks on ever increasing places, of which only the last ones matter.

use std::ops::Range;

const WORD_BITS: u64 = u64::BITS as u64;

/// A set of marks with an index, so that the cost of a search hardly depends on the number of
/// places.
#[derive(Debug)]
pub(super) struct Marks {
    places: Ring,
    /// Which words of `places` have a mark.
    words: Ring,
}

impl Marks {
    /// Creates marks for at least this many successive places.
    pub(super) fn new(places: usize) -> Self {
        // At least so many that the index has a whole word, too.
        let words = places.div_ceil(WORD_BITS as usize).max(WORD_BITS as usize);
        let words = words.next_power_of_two();
        Self {
            places: Ring::new(words),
            words: Ring::new(words / WORD_BITS as usize),
        }
    }

    /// Marks these places.
    pub(super) fn set(&mut self, places: Range<u64>) {
        if !places.is_empty() {
            self.words
                .set(places.start / WORD_BITS..places.end.div_ceil(WORD_BITS));
            self.places.set(places);
        }
    }

    /// Clears the mark of a place.
    pub(super) fn clear(&mut self, place: u64) {
        if self.places.clear(place) {
            self.words.clear(place / WORD_BITS);
        }
    }

    /// Returns the first marked place of these.
    pub(super) fn first_in(&self, places: Range<u64>) -> Option<u64> {
        let words = places.start / WORD_BITS..places.end.div_ceil(WORD_BITS);
        let begin = places.start..places.end.min((words.start + 1) * WORD_BITS);
        self.places.first_in(begin).or_else(|| {
            let word = self.words.first_in(words.start + 1..words.end)?;
            self.places
                .first_in(word * WORD_BITS..places.end.min((word + 1) * WORD_BITS))
        })
    }
}

/// A ring of bits.
#[derive(Debug)]
struct Ring(Box<[u64]>);

impl Ring {
    /// Creates a ring of this many words, a power of two.
    fn new(words: usize) -> Self {
        Self(vec![0; words].into())
    }

    /// Returns the index of a word in the ring.
    fn at(&self, word: u64) -> usize {
        word as usize & (self.0.len() - 1)
    }

    /// Sets the bits of these places: bit by bit at the ends, and by whole words in between.
    fn set(&mut self, places: Range<u64>) {
        let (first, last) = (places.start / WORD_BITS, (places.end - 1) / WORD_BITS);
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

    /// Clears a bit. Returns whether its word has none left.
    fn clear(&mut self, place: u64) -> bool {
        let at = self.at(place / WORD_BITS);
        self.0[at] &= !(1 << (place % WORD_BITS));
        self.0[at] == 0
    }

    /// Returns the first of these places whose bit is set. It searches word by word.
    fn first_in(&self, places: Range<u64>) -> Option<u64> {
        let Range { start, end } = places;
        (start / WORD_BITS..end.div_ceil(WORD_BITS)).find_map(|word| {
            let mut bits = self.0[self.at(word)];
            if word == start / WORD_BITS {
                bits &= bits_from(start);
            }
            let found = word * WORD_BITS + u64::from(bits.trailing_zeros());
            (bits != 0 && found < end).then_some(found)
        })
    }
}

/// Returns the bits of a word from this place on.
fn bits_from(place: u64) -> u64 {
    u64::MAX << (place % WORD_BITS)
}

/// Returns the bits of a word up to this place.
fn bits_to(place: u64) -> u64 {
    u64::MAX >> (WORD_BITS - 1 - place % WORD_BITS)
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
