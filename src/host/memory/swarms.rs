//! The peers of all swarms, in the order of their age.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::aged::{MAX_EXPIRED_SKIPPED, tree_entry_bytes};
use crate::time::Time;
use crate::types::{InfoHash, Peer, PeerFlags};

/// The memory in bytes that a peer takes at most.
pub(super) const PEER_BYTES: u64 = tree_entry_bytes(size_of::<PeerKey>() + size_of::<Time>())
    + tree_entry_bytes(size_of::<AgeKey>() + size_of::<PeerFlags>());
/// The memory in bytes that a swarm takes at most, besides its peers.
pub(super) const SWARM_BYTES: u64 =
    tree_entry_bytes(size_of::<(Time, InfoHash)>() + size_of::<SwarmSize>());

/// The identity of a peer: its torrent, address and port.
pub(super) type PeerKey = (InfoHash, IpAddr, u16);

/// The order of peers: those of a swarm follow each other, the one announced longest ago first.
type AgeKey = (InfoHash, Time, IpAddr, u16);

/// The number of peers of a swarm. 32 bits suffice, because four billion peers take a terabyte.
#[derive(Clone, Copy, Default)]
pub(super) struct SwarmSize {
    pub(super) seeders: u32,
    pub(super) leechers: u32,
}

impl SwarmSize {
    /// Returns the counter that counts a peer with these flags.
    fn of(&mut self, flags: PeerFlags) -> &mut u32 {
        if flags.contains(PeerFlags::SEEDING) {
            &mut self.seeders
        } else {
            &mut self.leechers
        }
    }
}

/// All peers with the times of their last announces. A peer whose last announce is older than the
/// lifetime has expired, but takes memory until it is removed.
///
/// The time that a method takes grows with the logarithm of the number of peers only, and with the
/// number of peers that it returns.
pub(super) struct Swarms {
    lifetime: Duration,
    /// The time of each peer's last announce.
    peers: BTreeMap<PeerKey, Time>,
    /// The same peers, ordered within each swarm by age, with their flags.
    ages: BTreeMap<AgeKey, PeerFlags>,
    /// The swarms that have peers, ordered by the age of their oldest peer. So the oldest peer of
    /// all is in the first swarm.
    swarms: BTreeMap<(Time, InfoHash), SwarmSize>,
    expired: u64,
}

impl Swarms {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            peers: BTreeMap::new(),
            ages: BTreeMap::new(),
            swarms: BTreeMap::new(),
            expired: 0,
        }
    }

    /// Returns the number of stored peers, including expired ones.
    pub(super) fn peers(&self) -> u64 {
        self.peers.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.peers() * PEER_BYTES + self.swarms.len() as u64 * SWARM_BYTES
    }

    /// Returns how many peers have expired and been removed.
    pub(super) fn expired(&self) -> u64 {
        self.expired
    }

    /// Returns when the oldest peer of all was announced.
    pub(super) fn oldest(&self) -> Option<Time> {
        let ((since, _), _) = self.swarms.first_key_value()?;
        Some(*since)
    }

    /// Returns the flags of a peer, unless it is unknown or has expired.
    pub(super) fn flags(&self, now: Time, key: &PeerKey) -> Option<PeerFlags> {
        let since = *self.peers.get(key)?;
        let flags = self.ages.get(&aged(key, since)).copied();
        flags.filter(|_| !self.is_expired(now, since))
    }

    /// Iterates over the live peers of a swarm, those with the latest announces first.
    pub(super) fn newest(&self, now: Time, info_hash: &InfoHash) -> impl Iterator<Item = Peer> {
        self.ages
            .range(swarm(info_hash))
            .rev()
            .take_while(move |((_, since, ..), _)| !self.is_expired(now, *since))
            .map(|((_, _, ip, port), flags)| Peer {
                ip: *ip,
                port: *port,
                flags: *flags,
            })
    }

    /// Returns the number of live peers of a swarm. While the swarm has a live peer, its expired
    /// peers beyond the first [`MAX_EXPIRED_SKIPPED`] count, too.
    pub(super) fn size(&self, now: Time, info_hash: &InfoHash) -> SwarmSize {
        let peers = self.ages.range(swarm(info_hash));
        let ends = (peers.clone().next(), peers.clone().next_back());
        let (Some(((_, oldest, ..), _)), Some(((_, newest, ..), _))) = ends else {
            return SwarmSize::default();
        };
        if self.is_expired(now, *newest) {
            return SwarmSize::default();
        }
        let size = self.swarms.get(&(*oldest, *info_hash));
        let mut size = size.copied().unwrap_or_default();
        for ((_, since, ..), flags) in peers.take(MAX_EXPIRED_SKIPPED) {
            if !self.is_expired(now, *since) {
                break;
            }
            *size.of(*flags) -= 1;
        }
        size
    }

    /// Inserts or renews a peer. No stored peer is newer, because time does not run backwards.
    pub(super) fn insert(&mut self, now: Time, key: PeerKey, flags: PeerFlags) {
        self.remove(now, key);
        let (info_hash, ..) = key;
        let oldest = self.oldest_of(&info_hash).unwrap_or(now);
        self.peers.insert(key, now);
        self.ages.insert(aged(&key, now), flags);
        let size = self.swarms.entry((oldest, info_hash)).or_default();
        *size.of(flags) += 1;
    }

    pub(super) fn remove(&mut self, now: Time, key: PeerKey) {
        if let Some(since) = self.peers.remove(&key) {
            self.forget(&key, since);
            self.expired += u64::from(self.is_expired(now, since));
        }
    }

    /// Removes the oldest peer if it has expired. Returns whether it had.
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
        let Some(((_, info_hash), _)) = self.swarms.first_key_value() else {
            return;
        };
        let oldest = self.ages.range(swarm(info_hash)).next();
        if let Some((&(info_hash, since, ip, port), _)) = oldest {
            let key = (info_hash, ip, port);
            self.peers.remove(&key);
            self.forget(&key, since);
        }
    }

    /// Removes a peer, which was announced at `since`, from its swarm.
    fn forget(&mut self, key: &PeerKey, since: Time) {
        let (info_hash, ..) = *key;
        let Some(flags) = self.ages.remove(&aged(key, since)) else {
            return;
        };
        let next = self.oldest_of(&info_hash);
        let oldest = next.map_or(since, |next| next.min(since));
        if next == Some(oldest) {
            if let Some(size) = self.swarms.get_mut(&(oldest, info_hash)) {
                *size.of(flags) -= 1;
            }
        } else if let Some(mut size) = self.swarms.remove(&(oldest, info_hash))
            && let Some(next) = next
        {
            *size.of(flags) -= 1;
            self.swarms.insert((next, info_hash), size);
        }
    }

    /// Returns when the oldest peer of a swarm was announced.
    fn oldest_of(&self, info_hash: &InfoHash) -> Option<Time> {
        let ((_, since, ..), _) = self.ages.range(swarm(info_hash)).next()?;
        Some(*since)
    }

    fn is_expired(&self, now: Time, since: Time) -> bool {
        now.since(since) >= self.lifetime
    }
}

fn aged((info_hash, ip, port): &PeerKey, since: Time) -> AgeKey {
    (*info_hash, since, *ip, *port)
}

fn swarm(info_hash: &InfoHash) -> RangeInclusive<AgeKey> {
    const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    const LAST: IpAddr = IpAddr::V6(Ipv6Addr::from_bits(u128::MAX));
    (*info_hash, Time::START, FIRST, 0)..=(*info_hash, Time::NEVER, LAST, u16::MAX)
}
