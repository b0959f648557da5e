//! The announces of the last seconds, by peer.

use std::collections::VecDeque;
use std::hint;
use std::mem;

use super::entry::{Entry, Use};
use crate::types::{Announce, ByFamily};
use crate::wire::Record;

/// How many are kept in one piece of memory, and forgotten together. To move all announces into a
/// larger piece would take long.
const BLOCK: usize = 1 << 10;

/// What is remembered of so many peers is read at once.
pub(in crate::protocol) const FETCHED: usize = 64;

/// So many announces are looked at for one peer at most. An honest peer has a few.
const LONGEST_CHAIN: usize = 16;

/// An announce in its chain.
#[derive(Clone, Copy, Debug)]
struct Chained {
    /// The hash of its peer.
    peer: u64,
    /// Where the one before it in its chain is.
    older: u32,
    entry: Entry,
}

/// The announces, oldest first. A peer is known by a hash of 64 bits with a secret key, so
/// that nobody can choose peers that are taken for each other.
#[derive(Debug)]
pub(super) struct Recent {
    /// All blocks are full but the last one.
    blocks: VecDeque<Vec<Chained>>,
    /// The position of the first one of the first block; positions wrap.
    first: u32,
    /// The position of the last announce of each chain, which may be forgotten.
    chains: Vec<u32>,
    /// How many announces are remembered at most.
    most: usize,
    keys: [u64; 4],
    /// At how many announces it has looked; it wraps.
    looked: u32,
}

/// A peer of a torrent, as [`Recent`] knows it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocol) struct PeerHash(u64);

impl Recent {
    /// Without any, and so many at most. The keys are secret.
    pub(super) fn new(most: usize, keys: [u64; 4]) -> Self {
        Self {
            blocks: VecDeque::new(),
            // No chain begins at position 0.
            first: 1,
            chains: Vec::new(),
            most,
            keys,
            looked: 0,
        }
    }

    /// The peer of an announce.
    #[inline]
    pub(super) fn peer(&self, announce: &Announce) -> PeerHash {
        match ByFamily::from(*announce) {
            ByFamily::V4(announce) => self.peer_of(&announce.emit()),
            ByFamily::V6(announce) => self.peer_of(&announce.emit()),
        }
    }

    /// The peer of a record: the bytes before its flags.
    #[inline]
    pub(super) fn peer_of(&self, record: &[u8]) -> PeerHash {
        let [k0, k1, k2, k3] = self.keys;
        let word = |from: usize| match record[from..].first_chunk() {
            Some(word) => u64::from_ne_bytes(*word),
            None => 0,
        };
        let hash = fold(word(0) ^ k0, word(8) ^ k1);
        PeerHash(match record.len() {
            28 => fold(hash ^ word(16) ^ k2, word(18) ^ k3),
            _ => fold(fold(hash ^ word(16) ^ k2, word(24) ^ k3), word(30) ^ k1),
        })
    }

    /// Reads what will be looked at of these peers. Of all of them at once that takes hardly
    /// longer than of one: mostly the processor waits for the memory.
    pub(super) fn fetch(&self, peers: &[PeerHash]) {
        let last = |peer: &PeerHash| self.last(*peer).unwrap_or(self.first);
        let mut positions = [0; FETCHED];
        for (position, peer) in positions.iter_mut().zip(peers) {
            *position = last(peer);
        }
        let read = |position: &u32| {
            let at = position.wrapping_sub(self.first) as usize;
            let block = self.blocks.get(at / BLOCK);
            block
                .and_then(|block| block.get(at % BLOCK))
                .map_or(0, |chained| chained.peer)
        };
        let peers = positions[..peers.len().min(FETCHED)].iter().map(read);
        hint::black_box(peers.fold(0, |all, peer| all ^ peer));
    }

    /// Whether nothing is remembered of this peer.
    #[inline]
    pub(super) fn is_new(&self, peer: PeerHash) -> bool {
        let last = self.last(peer);
        last.is_none_or(|last| last.wrapping_sub(self.first) as usize >= self.len())
    }

    /// Remembers an announce of this peer, which the caller is to fill in.
    #[inline]
    pub(super) fn push(&mut self, peer: PeerHash) -> &mut Entry {
        if self.chains.is_empty() {
            // Twice as many as there are announces, so that most have one peer.
            self.chains = vec![0; (2 * self.most).next_power_of_two()];
        }
        let chain = self.chain(peer);
        let position = self.first.wrapping_add(self.len() as u32);
        let older = mem::replace(&mut self.chains[chain], position);
        if self.blocks.back().is_none_or(|last| last.len() == BLOCK) {
            self.blocks.push_back(Vec::with_capacity(BLOCK));
        }
        let end = self.blocks.len() - 1;
        let last = &mut self.blocks[end];
        // It is filled in where it lies: the processor is slow to copy what was just written in
        // parts.
        last.push(Chained {
            peer: peer.0,
            older,
            entry: Entry::EMPTY,
        });
        let end = last.len() - 1;
        &mut last[end].entry
    }

    /// The announces of a peer, newest first. Those that `look` finds to be of no use any more
    /// are not found again.
    #[inline]
    pub(super) fn for_each(&mut self, peer: PeerHash, mut look: impl FnMut(&mut Entry) -> Use) {
        let Some(mut position) = self.last(peer) else {
            return;
        };
        let chain = self.chain(peer);
        // Where the position comes from, unless that is the beginning of the chain.
        let mut newer = None;
        for _ in 0..LONGEST_CHAIN {
            self.looked = self.looked.wrapping_add(1);
            let Some(chained) = self.get(position) else {
                return;
            };
            let older = chained.older;
            if chained.peer == peer.0 && look(&mut chained.entry) == Use::None {
                match newer.and_then(|newer| self.get(newer)) {
                    Some(newer) => newer.older = older,
                    None => self.chains[chain] = older,
                }
            } else {
                newer = Some(position);
            }
            // Behind the end of a chain there is what was forgotten, or never there.
            if older.wrapping_sub(self.first) >= position.wrapping_sub(self.first) {
                return;
            }
            position = older;
        }
    }

    /// The position of the last announce in the chain of a peer, which may be forgotten.
    #[inline]
    fn last(&self, peer: PeerHash) -> Option<u32> {
        self.chains.get(self.chain(peer)).copied()
    }

    /// The chain of a peer. Their number is a power of two, unless there are none.
    #[inline]
    fn chain(&self, peer: PeerHash) -> usize {
        peer.0 as usize & self.chains.len().wrapping_sub(1)
    }

    #[inline]
    fn get(&mut self, position: u32) -> Option<&mut Chained> {
        let at = position.wrapping_sub(self.first) as usize;
        self.blocks.get_mut(at / BLOCK)?.get_mut(at % BLOCK)
    }

    /// Forgets the oldest block if its last announce is old, or if there are too many; the last
    /// one that is forgotten. Without any announce all memory is given back.
    #[inline]
    pub(super) fn forget(&mut self, is_old: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let last = self.blocks.front()?.last()?;
        if self.len() <= self.most && !is_old(&last.entry) {
            return None;
        }
        let last = last.entry;
        let forgotten = self.blocks.pop_front()?;
        self.first = self.first.wrapping_add(forgotten.len() as u32);
        if self.blocks.is_empty() {
            self.blocks = VecDeque::new();
            self.chains = Vec::new();
        }
        Some(last)
    }

    /// At how many announces it has looked so far, which is most of what it costs: they lie in as
    /// many places of the memory. The number wraps.
    #[inline]
    pub(super) fn looked(&self) -> u32 {
        self.looked
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        let last = self.blocks.back().map_or(BLOCK, Vec::len);
        (self.blocks.len() * BLOCK + last).saturating_sub(BLOCK)
    }
}

/// Mixes two words, of each of which all bits count, by a multiplication. A cryptographic hash
/// would be most of what an announce costs; nobody sees the outcome of this one, who could find
/// out the keys.
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{InfoHash, Peer, PeerFlags};

    fn announce(number: u32) -> Announce {
        Announce {
            info_hash: InfoHash([1; 20]),
            peer: Peer {
                ip: std::net::Ipv4Addr::from(number).into(),
                port: 6881,
                flags: PeerFlags::SEEDING,
            },
        }
    }

    fn places(recent: &mut Recent, number: u32) -> Vec<i64> {
        let peer = recent.peer(&announce(number));
        let mut places = Vec::new();
        recent.for_each(peer, |entry| {
            places.push(entry.at());
            Use::Some
        });
        places
    }

    #[test]
    fn a_peer_has_its_announces_newest_first_until_they_are_forgotten() {
        let mut recent = Recent::new(4096, [1, 2, 3, 4]);
        // The positions wrap in between.
        recent.first = u32::MAX - 1500;
        for at in 0..3000 {
            let peer = recent.peer(&announce(at % 1000));
            recent.push(peer).move_to_time(at.into());
        }
        assert_eq!(places(&mut recent, 7), [2007, 1007, 7]);
        assert_eq!(places(&mut recent, 1000), [0; 0]);
        let forget = |recent: &mut Recent, until| {
            while recent.forget(|entry| entry.at() <= until).is_some() {}
        };
        forget(&mut recent, 1024);
        assert_eq!(places(&mut recent, 7), [2007]);
        assert_eq!(places(&mut recent, 30), [2030, 1030]);
        forget(&mut recent, 3000);
        assert_eq!((recent.len(), recent.chains.len()), (0, 0));
        assert_eq!(places(&mut recent, 8), [0; 0]);
    }

    #[test]
    fn of_a_peer_that_is_announced_all_the_time_only_the_newest_are_looked_at() {
        let mut recent = Recent::new(4096, [1, 2, 3, 4]);
        for at in 0..1000 {
            let peer = recent.peer(&announce(1));
            recent.push(peer).move_to_time(at);
        }
        assert_eq!(places(&mut recent, 1).len(), LONGEST_CHAIN);
    }
}
