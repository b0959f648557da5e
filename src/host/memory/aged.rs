//! A map whose entries grow old.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;
use std::time::Duration;

use crate::time::Time;

/// A map that knows since when each entry is as it is. Those that are so for as long as
/// their lifetime are not seen any more, but take memory until they are removed.
pub(super) struct Aged<K, V> {
    lifetime: Duration,
    entries: BTreeMap<K, (Time, V)>,
    /// The keys again, the oldest entry's first.
    ages: BTreeSet<(Time, K)>,
    expired: u64,
}

impl<K: Copy + Ord, V: Copy> Aged<K, V> {
    /// What an entry takes at most.
    pub(super) const BYTES: u64 = tree_entry_bytes(size_of::<K>() + size_of::<(Time, V)>())
        + tree_entry_bytes(size_of::<(Time, K)>());

    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            entries: BTreeMap::new(),
            ages: BTreeSet::new(),
            expired: 0,
        }
    }

    /// How many entries take memory.
    pub(super) fn stored(&self) -> u64 {
        self.entries.len() as u64
    }

    /// How many entries have expired and been removed.
    pub(super) fn expired(&self) -> u64 {
        self.expired
    }

    /// Since when the oldest entry is as it is.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.ages.first().map(|(since, _)| *since)
    }

    /// How many entries have not expired.
    #[cfg(any(test, feature = "want_sync_scrape"))]
    pub(super) fn count(&self, now: Time) -> u64 {
        let expired = self
            .ages
            .iter()
            .take_while(|(since, _)| self.is_expired(now, *since));
        self.stored() - expired.count() as u64
    }

    pub(super) fn get(&self, now: Time, key: &K) -> Option<(Time, V)> {
        let (since, value) = *self.entries.get(key)?;
        (!self.is_expired(now, since)).then_some((since, value))
    }

    pub(super) fn range(
        &self,
        now: Time,
        keys: impl RangeBounds<K>,
    ) -> impl Iterator<Item = (K, Time, V)> {
        self.entries
            .range(keys)
            .map(|(key, (since, value))| (*key, *since, *value))
            .filter(move |(_, since, _)| !self.is_expired(now, *since))
    }

    /// Inserts an entry, or replaces it.
    pub(super) fn insert(&mut self, now: Time, key: K, since: Time, value: V) {
        if let Some((before, _)) = self.entries.insert(key, (since, value)) {
            self.forget(now, key, before);
        }
        self.ages.insert((since, key));
    }

    pub(super) fn remove(&mut self, now: Time, key: K) {
        if let Some((since, _)) = self.entries.remove(&key) {
            self.forget(now, key, since);
        }
    }

    /// Removes the oldest entry if it has expired; whether it had.
    pub(super) fn remove_expired(&mut self, now: Time) -> bool {
        let has_expired = self
            .oldest()
            .is_some_and(|since| self.is_expired(now, since));
        if has_expired {
            self.remove_oldest();
            self.expired += 1;
        }
        has_expired
    }

    pub(super) fn remove_oldest(&mut self) {
        if let Some((_, key)) = self.ages.pop_first() {
            self.entries.remove(&key);
        }
    }

    fn forget(&mut self, now: Time, key: K, since: Time) {
        self.ages.remove(&(since, key));
        self.expired += u64::from(self.is_expired(now, since));
    }

    fn is_expired(&self, now: Time, since: Time) -> bool {
        now.since(since) >= self.lifetime
    }
}

/// What an entry of so many bytes takes in a B-tree of the standard library at most,
/// memory that the allocator wastes included: `tests/memory_bound.rs` measures it.
///
/// A node has room for 11 entries. All nodes but the root hold 5 at least, and so an
/// inner one has 6 nodes below it at least.
const fn tree_entry_bytes(entry: usize) -> u64 {
    const ROOM: usize = 11;
    const HELD: usize = 5;
    /// Of a node: its parent, its place there, its length, padding.
    const HEAD: usize = 16;
    /// Of an inner node: the nodes below it.
    const BELOW: usize = (ROOM + 1) * size_of::<usize>();
    /// Of an allocation: its head, and rounding up.
    const WASTE: usize = 16;

    let node = (HEAD + ROOM * entry + WASTE).div_ceil(HELD);
    let below = BELOW.div_ceil(HELD * (HELD + 1));
    (node + below) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_nanos(10);

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn keys(aged: &Aged<u8, char>, now: u64) -> Vec<u8> {
        aged.range(at(now), ..).map(|(key, ..)| key).collect()
    }

    #[test]
    fn what_has_expired_is_not_seen_but_stored_until_it_is_removed() {
        let mut aged = Aged::new(LIFETIME);
        aged.insert(at(1), 7, at(1), 'a');
        aged.insert(at(2), 5, at(2), 'b');
        assert_eq!(keys(&aged, 10), [5, 7]);
        assert!(!aged.remove_expired(at(10)));

        assert_eq!(keys(&aged, 11), [5]);
        assert_eq!((aged.get(at(11), &7), aged.count(at(11))), (None, 1));
        assert_eq!((aged.stored(), aged.expired()), (2, 0));
        assert!(aged.remove_expired(at(11)));
        assert!(!aged.remove_expired(at(11)));
        assert_eq!((aged.stored(), aged.expired()), (1, 1));
        assert_eq!(aged.get(at(11), &5), Some((at(2), 'b')));
    }

    #[test]
    fn what_is_replaced_takes_its_new_place_in_the_order_of_age() {
        let mut aged = Aged::new(LIFETIME);
        aged.insert(at(1), 1, at(1), 'a');
        aged.insert(at(2), 2, at(2), 'b');
        aged.insert(at(3), 1, at(3), 'c');
        assert_eq!((aged.stored(), aged.oldest()), (2, Some(at(2))));
        aged.remove_oldest();
        assert_eq!(aged.get(at(3), &1), Some((at(3), 'c')));
        // Inserted late, but as old as it is.
        aged.insert(at(4), 9, at(2), 'd');
        aged.remove_oldest();
        assert_eq!(keys(&aged, 4), [1]);
        assert_eq!(aged.expired(), 0);
    }

    #[test]
    fn entries_of_the_same_age_do_not_displace_each_other() {
        let mut aged = Aged::new(LIFETIME);
        for key in [3, 1, 2] {
            aged.insert(at(5), key, at(5), 'a');
        }
        aged.remove(at(5), 1);
        aged.remove(at(5), 1);
        assert_eq!((keys(&aged, 5), aged.stored()), (vec![2, 3], 2));
        aged.remove_oldest();
        aged.remove_oldest();
        assert_eq!((aged.stored(), aged.oldest()), (0, None));
        aged.remove_oldest();
    }

    #[test]
    fn what_is_replaced_or_removed_after_its_lifetime_has_expired() {
        let mut aged = Aged::new(LIFETIME);
        aged.insert(at(0), 1, at(0), 'a');
        aged.insert(at(0), 2, at(0), 'a');
        aged.insert(at(10), 1, at(10), 'b');
        aged.remove(at(10), 2);
        assert_eq!((keys(&aged, 10), aged.expired()), (vec![1], 2));
    }
}
