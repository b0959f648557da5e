//! A map whose entries expire.

use std::collections::{BTreeMap, BTreeSet};
#[cfg(any(test, feature = "want_sync_scrape"))]
use std::ops::RangeBounds;
use std::time::Duration;

use crate::time::Time;

/// The most expired entries that one call skips, because they are still stored. More of them are
/// stored only after a pause in which nothing called the table.
pub(super) const MAX_EXPIRED_SKIPPED: usize = 1024;

/// A map that knows the age of each entry. An entry as old as the lifetime has expired, but takes
/// memory until it is removed.
pub(super) struct Aged<K, V> {
    lifetime: Duration,
    entries: BTreeMap<K, (Time, V)>,
    /// The keys of the entries that were announced to this or another tracker, oldest first.
    announced: BTreeSet<(Time, K)>,
    /// The keys of the entries that are known from scrape tells only, oldest first.
    hearsay: BTreeSet<(Time, K)>,
    expired: u64,
}

impl<K: Copy + Ord, V: Copy> Aged<K, V> {
    /// The memory in bytes that an entry takes at most.
    pub(super) const BYTES: u64 = tree_entry_bytes(size_of::<K>() + size_of::<(Time, V)>())
        + tree_entry_bytes(size_of::<(Time, K)>());

    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            entries: BTreeMap::new(),
            announced: BTreeSet::new(),
            hearsay: BTreeSet::new(),
            expired: 0,
        }
    }

    /// Returns the number of stored entries, including expired ones.
    pub(super) fn stored(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Returns how many entries have expired and been removed or replaced.
    pub(super) fn expired(&self) -> u64 {
        self.expired
    }

    /// Returns the time of the oldest entry that was announced.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.announced.first().map(|(since, _)| *since)
    }

    /// Returns the number of live entries. Expired entries beyond the first
    /// [`MAX_EXPIRED_SKIPPED`] count, too.
    #[cfg(any(test, feature = "want_sync_scrape"))]
    pub(super) fn count(&self, now: Time) -> u64 {
        let expired = [&self.announced, &self.hearsay].map(|ages| {
            ages.iter()
                .take(MAX_EXPIRED_SKIPPED)
                .take_while(|(since, _)| self.is_expired(now, *since))
                .count() as u64
        });
        self.stored() - expired.iter().sum::<u64>()
    }

    pub(super) fn get(&self, now: Time, key: &K) -> Option<(Time, V)> {
        let (since, value) = *self.entries.get(key)?;
        (!self.is_expired(now, since)).then_some((since, value))
    }

    /// Iterates over the entries of a range of keys, including expired ones.
    #[cfg(any(test, feature = "want_sync_scrape"))]
    pub(super) fn range(&self, keys: impl RangeBounds<K>) -> impl Iterator<Item = (K, Time, V)> {
        self.entries
            .range(keys)
            .map(|(key, (since, value))| (*key, *since, *value))
    }

    /// Inserts or replaces an entry that is announced.
    pub(super) fn insert(&mut self, now: Time, key: K, since: Time, value: V) {
        self.replace(now, key, since, value);
        self.announced.insert((since, key));
    }

    /// Inserts an entry of a scrape tell. The key must be unknown, or its entry have expired.
    #[cfg(any(test, feature = "want_sync_scrape"))]
    pub(super) fn insert_hearsay(&mut self, now: Time, key: K, since: Time, value: V) {
        self.replace(now, key, since, value);
        self.hearsay.insert((since, key));
    }

    fn replace(&mut self, now: Time, key: K, since: Time, value: V) {
        if let Some((before, _)) = self.entries.insert(key, (since, value)) {
            let age = (before, key);
            let _ = self.announced.remove(&age) || self.hearsay.remove(&age);
            self.expired += u64::from(self.is_expired(now, before));
        }
    }

    /// Changes the value of an entry, and keeps its age.
    #[cfg(any(test, feature = "want_sync_scrape"))]
    pub(super) fn set(&mut self, key: &K, value: V) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.1 = value;
        }
    }

    /// Removes the oldest entry if it has expired. Returns whether it had.
    pub(super) fn remove_expired(&mut self, now: Time) -> bool {
        let has_expired = |ages: &BTreeSet<(Time, K)>| {
            let oldest = ages.first();
            oldest.is_some_and(|(since, _)| self.is_expired(now, *since))
        };
        let removed = if has_expired(&self.announced) {
            self.remove_oldest()
        } else {
            has_expired(&self.hearsay) && self.remove_oldest_hearsay()
        };
        self.expired += u64::from(removed);
        removed
    }

    /// Removes the oldest entry that was announced. Returns whether there was one.
    pub(super) fn remove_oldest(&mut self) -> bool {
        let oldest = self.announced.pop_first();
        oldest.is_some_and(|(_, key)| self.entries.remove(&key).is_some())
    }

    /// Removes the oldest entry that is known from scrape tells only. Returns whether there was
    /// one.
    pub(super) fn remove_oldest_hearsay(&mut self) -> bool {
        let oldest = self.hearsay.pop_first();
        oldest.is_some_and(|(_, key)| self.entries.remove(&key).is_some())
    }

    pub(super) fn is_expired(&self, now: Time, since: Time) -> bool {
        now.since(since) >= self.lifetime
    }
}

/// Returns the memory in bytes that an entry of this size takes at most in a B-tree of the standard
/// library, including what the allocator wastes. `tests/memory_bound.rs` measures it.
///
/// A B-tree node has room for 11 entries. Each one but the root holds at least 5, and so each inner
/// one has at least 6 children.
pub(super) const fn tree_entry_bytes(entry: usize) -> u64 {
    const ROOM: usize = 11;
    const HELD: usize = 5;
    /// The parent, the index there, the length and the padding of a B-tree node.
    const HEAD: usize = 16;
    /// The pointers of an inner B-tree node to its children.
    const BELOW: usize = (ROOM + 1) * size_of::<usize>();
    /// The header of an allocation, and its rounding up.
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
        let entries = aged.range(..);
        let live = entries.filter(|(_, since, _)| !aged.is_expired(at(now), *since));
        live.map(|(key, ..)| key).collect()
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
        // The entry is inserted late, but keeps its age.
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
        aged.remove_oldest();
        assert_eq!((keys(&aged, 5), aged.stored()), (vec![2, 3], 2));
        aged.remove_oldest();
        aged.remove_oldest();
        assert_eq!((aged.stored(), aged.oldest()), (0, None));
        aged.remove_oldest();
    }

    #[test]
    fn hearsay_is_no_more_hearsay_once_it_is_announced() {
        let mut aged = Aged::new(LIFETIME);
        aged.insert_hearsay(at(1), 1, at(0), 'a');
        aged.insert_hearsay(at(1), 2, at(1), 'b');
        aged.set(&2, 'c');
        assert_eq!(
            (aged.get(at(2), &2), aged.oldest()),
            (Some((at(1), 'c')), None)
        );
        aged.insert(at(2), 1, at(2), 'd');
        assert_eq!(aged.oldest(), Some(at(2)));
        assert!(aged.remove_oldest_hearsay() && !aged.remove_oldest_hearsay());
        assert_eq!(keys(&aged, 2), [1]);
        aged.insert_hearsay(at(3), 3, at(1), 'e');
        assert_eq!(aged.count(at(11)), 1);
        assert!(aged.remove_expired(at(11)) && !aged.remove_expired(at(11)));
        assert_eq!((keys(&aged, 11), aged.expired()), (vec![1], 1));
    }

    #[test]
    fn what_is_replaced_after_its_lifetime_has_expired() {
        let mut aged = Aged::new(LIFETIME);
        aged.insert(at(0), 1, at(0), 'a');
        aged.insert(at(10), 1, at(10), 'b');
        assert_eq!((keys(&aged, 10), aged.expired()), (vec![1], 1));
    }
}
