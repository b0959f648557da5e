//! The announces of the last seconds, by peer.

use std::collections::VecDeque;
use std::hint;
use std::mem;

use super::entry::{Entry, Use};
use crate::types::{Announce, ByFamily};
use crate::wire::Record;

/// How many announces share a block of memory and are forgotten together. There are blocks, since
/// it would take long to move all announces into a larger piece of memory.
const BLOCK_LEN: usize = 1 << 10;

/// The number of peers whose announces are fetched from memory together.
pub(in crate::protocol) const FETCHED: usize = 64;

/// The largest number of announces that are examined for one peer. An honest peer has a few.
const MAX_CHAIN_LEN: usize = 16;

/// An announce in its chain.
#[derive(Clone, Copy, Debug)]
struct Chained {
    /// The hash of its peer.
    peer: u64,
    /// The position of the one before it in its chain.
    older: u32,
    entry: Entry,
}

/// The announces, oldest first. A peer is known by a hash of 64 bits with a secret key, so that
/// nobody can choose peers that are mistaken for each other.
#[derive(Debug)]
pub(super) struct Recent {
    /// The announces. All blocks but the last one are full.
    blocks: VecDeque<Vec<Chained>>,
    /// The position of the first announce of the first block. Positions wrap.
    first: u32,
    /// The position of the last announce of each chain, which may be forgotten already.
    chains: Vec<u32>,
    /// The largest number of announces that are remembered.
    most: usize,
    keys: [u64; 4],
    /// How many announces were examined. It wraps.
    looked: u32,
}

/// The hash by which [`Recent`] knows a peer of a torrent.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocol) struct PeerHash(u64);

impl Recent {
    /// Creates a store of at most `most` announces. The keys must be secret.
    pub(super) fn new(most: usize, keys: [u64; 4]) -> Self {
        Self {
            blocks: VecDeque::new(),
            // Not 0, since 0 stands for an empty chain.
            first: 1,
            chains: Vec::new(),
            most,
            keys,
            looked: 0,
        }
    }

    /// Returns the hash of the peer of an announce.
    #[inline]
    pub(super) fn peer(&self, announce: &Announce) -> PeerHash {
        match ByFamily::from(*announce) {
            ByFamily::V4(announce) => self.peer_of(&announce.emit()),
            ByFamily::V6(announce) => self.peer_of(&announce.emit()),
        }
    }

    /// Returns the hash of the peer of a record, which is in the bytes before its flags.
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

    /// Reads the announces of these peers that are examined first. For all of them together this
    /// takes hardly longer than for one, since the processor mostly waits for the memory.
    pub(super) fn fetch(&self, peers: &[PeerHash]) {
        let last = |peer: &PeerHash| self.last(*peer).unwrap_or(self.first);
        let mut positions = [0; FETCHED];
        for (position, peer) in positions.iter_mut().zip(peers) {
            *position = last(peer);
        }
        let read = |position: &u32| {
            let at = position.wrapping_sub(self.first) as usize;
            let block = self.blocks.get(at / BLOCK_LEN);
            block
                .and_then(|block| block.get(at % BLOCK_LEN))
                .map_or(0, |chained| chained.peer)
        };
        let peers = positions[..peers.len().min(FETCHED)].iter().map(read);
        hint::black_box(peers.fold(0, |all, peer| all ^ peer));
    }

    /// Returns whether nothing is remembered of this peer.
    #[inline]
    pub(super) fn is_new(&self, peer: PeerHash) -> bool {
        let last = self.last(peer);
        last.is_none_or(|last| last.wrapping_sub(self.first) as usize >= self.len())
    }

    /// Appends an announce of this peer, which the caller fills in.
    #[inline]
    pub(super) fn push(&mut self, peer: PeerHash) -> &mut Entry {
        if self.chains.is_empty() {
            // There are twice as many chains as announces, so that most have one peer.
            self.chains = vec![0; (2 * self.most).next_power_of_two()];
        }
        let chain = self.chain(peer);
        let position = self.first.wrapping_add(self.len() as u32);
        let older = mem::replace(&mut self.chains[chain], position);
        if self
            .blocks
            .back()
            .is_none_or(|last| last.len() == BLOCK_LEN)
        {
            self.blocks.push_back(Vec::with_capacity(BLOCK_LEN));
        }
        let end = self.blocks.len() - 1;
        let last = &mut self.blocks[end];
        // The entry is filled in where it lies, since the processor is slow to copy what was just
        // written in parts.
        last.push(Chained {
            peer: peer.0,
            older,
            entry: Entry::EMPTY,
        });
        let end = last.len() - 1;
        &mut last[end].entry
    }

    /// Calls `look` with the announces of a peer, newest first. Those for which it returns
    /// [`Use::None`] are not found again.
    #[inline]
    pub(super) fn for_each(&mut self, peer: PeerHash, mut look: impl FnMut(&mut Entry) -> Use) {
        let Some(mut position) = self.last(peer) else {
            return;
        };
        let chain = self.chain(peer);
        // The announce that leads to this position, unless the chain begins here.
        let mut newer = None;
        for _ in 0..MAX_CHAIN_LEN {
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
            // Beyond the end of a chain a position was forgotten, or never existed.
            if older.wrapping_sub(self.first) >= position.wrapping_sub(self.first) {
                return;
            }
            position = older;
        }
    }

    /// Returns the position of the last announce in the chain of a peer, which may be forgotten
    /// already.
    #[inline]
    fn last(&self, peer: PeerHash) -> Option<u32> {
        self.chains.get(self.chain(peer)).copied()
    }

    /// Returns the chain of a peer. The number of chains is a power of two, or 0.
    #[inline]
    fn chain(&self, peer: PeerHash) -> usize {
        peer.0 as usize & self.chains.len().wrapping_sub(1)
    }

    #[inline]
    fn get(&mut self, position: u32) -> Option<&mut Chained> {
        let at = position.wrapping_sub(self.first) as usize;
        self.blocks.get_mut(at / BLOCK_LEN)?.get_mut(at % BLOCK_LEN)
    }

    /// Forgets the oldest block if its last announce is old, or if there are too many announces.
    /// Returns the last announce that was forgotten. All memory is freed when none is left.
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

    /// Returns how many announces were examined so far. That is most of the cost, as they lie in as
    /// many places of the memory. The number wraps.
    #[inline]
    pub(super) fn looked(&self) -> u32 {
        self.looked
    }

    /// Returns the number of announces.
    #[inline]
    pub(super) fn len(&self) -> usize {
        let last = self.blocks.back().map_or(BLOCK_LEN, Vec::len);
        (self.blocks.len() * BLOCK_LEN + last).saturating_sub(BLOCK_LEN)
    }
}

/// Mixes two words by a multiplication, so that all bits of each count. A cryptographic hash would
/// be most of the cost of an announce. This one is enough, since nobody sees its result, from which
/// the keys could be found.
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
        // The positions wrap during the test.
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
        assert_eq!(places(&mut recent, 1).len(), MAX_CHAIN_LEN);
    }
}
