//! Marks on places that go on for ever, of which only the last ones matter.

use std::ops::Range;

/// How many places in a row have a mark of their own.
pub(super) const MARKS: usize = 1 << 16;

const WORD: u64 = u64::BITS as u64;

/// A ring of bits.
#[derive(Debug)]
pub(super) struct Marks(Box<[u64]>);

impl Default for Marks {
    fn default() -> Self {
        Self(vec![0; MARKS / WORD as usize].into())
    }
}

impl Marks {
    /// Marks these places, word by word.
    pub(super) fn set(&mut self, places: Range<u64>) {
        for (word, bits) in words(places) {
            self.0[word] |= bits;
        }
    }

    /// Takes a mark away.
    pub(super) fn clear(&mut self, place: u64) {
        for (word, bits) in words(place..place + 1) {
            self.0[word] &= !bits;
        }
    }

    /// The first of these places that is marked.
    pub(super) fn first_in(&self, places: Range<u64>) -> Option<u64> {
        let start = places.start / WORD;
        words(places).zip(start..).find_map(|((word, bits), at)| {
            let marked = self.0[word] & bits;
            (marked != 0).then(|| at * WORD + u64::from(marked.trailing_zeros()))
        })
    }
}

/// The words in which these places are, and their bits.
fn words(places: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    let Range { start, end } = places;
    let all = if start < end {
        start / WORD..end.div_ceil(WORD)
    } else {
        0..0
    };
    all.map(move |word| {
        let first = start.saturating_sub(word * WORD);
        let behind = end - word * WORD;
        let below = |bits: u64| u64::MAX >> (WORD - bits);
        let from = u64::MAX << first;
        let bits = from & below(behind.min(WORD));
        ((word % (MARKS as u64 / WORD)) as usize, bits)
    })
}

#[cfg(test)]
mod tests {
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
            1 << 32..(1 << 32) + 65,
        ] {
            let mut marks = Marks::default();
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
}
