//! A tracker's peers, in memory.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use livesync::{Announce, InfoHash, PeerFlags};

/// A peer of a torrent.
pub type Key = (InfoHash, IpAddr, u16);

/// A tracker's peers, and the download counts of its torrents.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    pub swarm: HashMap<Key, PeerFlags>,
    pub downloads: HashMap<InfoHash, u64>,
    /// The peers of the swarm that are known to have completed their download.
    completed: HashSet<Key>,
    /// The peers that have stopped at least once.
    stopped: HashSet<Key>,
    /// The peers that have come back after they had stopped.
    pub revived: HashSet<Key>,
}

impl Peers {
    /// Applies announces in their order, as one step.
    pub fn apply(&mut self, announces: impl IntoIterator<Item = Announce>) {
        let mut back = Vec::new();
        for announce in announces {
            let key = key(&announce);
            let flags = announce.peer.flags;
            if self.stopped.contains(&key) {
                back.push(key);
            }
            if announce.peer.is_stopped() {
                self.swarm.remove(&key);
                self.completed.remove(&key);
                self.stopped.insert(key);
                continue;
            }
            if flags.contains(PeerFlags::COMPLETED) && self.completed.insert(key) {
                *self.downloads.entry(announce.info_hash).or_default() += 1;
            }
            self.swarm.insert(key, flags.without(PeerFlags::COMPLETED));
        }
        let revived = back.into_iter().filter(|key| self.swarm.contains_key(key));
        self.revived.extend(revived);
    }
}

pub fn key(announce: &Announce) -> Key {
    (announce.info_hash, announce.peer.ip, announce.peer.port)
}

/// Checks that two tables are the same, except for peers of which too little is known.
pub fn assert_same(number: usize, ours: &Peers, theirs: &Peers, unknown: &HashSet<Key>) {
    for peer in ours.swarm.keys().chain(theirs.swarm.keys()) {
        let [ours, theirs] = [ours, theirs].map(|peers| peers.swarm.get(peer));
        assert!(
            ours == theirs || unknown.contains(peer),
            "{peer:?} at {number}: {ours:?}, not {theirs:?}"
        );
    }
    for torrent in ours.downloads.keys().chain(theirs.downloads.keys()) {
        let [ours, theirs] = [ours, theirs].map(|peers| peers.downloads.get(torrent));
        assert!(
            ours == theirs || unknown.iter().any(|(hash, ..)| hash == torrent),
            "{torrent} at {number}: downloaded {ours:?} times, not {theirs:?}"
        );
    }
}
