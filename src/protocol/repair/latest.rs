//! "Latest wins": whatever order packets arrive in, the host's table ends as if they had
//! arrived in order.
//!
//! A packet that comes late may tell of peers of which newer packets have told since. So
//! the newer ones are kept, for as long as packets may come late.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use super::{KEPT_BYTES, KEPT_EACH, KEPT_FOR};
use crate::time::Time;
use crate::types::{Announce, InfoHash, PeerFlags, TrackerId};
use crate::wire::{Frame, Packet, PeerList};

/// Which packet this is, among those of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct Number {
    pub(in crate::protocol) id: TrackerId,
    pub(in crate::protocol) epoch: u32,
    pub(in crate::protocol) seq: u32,
}

/// A packet with announces.
#[derive(Debug)]
struct Told {
    kept: Time,
    /// When it arrived, or would have if it had not been late; when it left, if it is
    /// ours.
    at: Time,
    /// Nothing if it was not numbered.
    number: Option<Number>,
    bytes: Arc<[u8]>,
}

/// The announces that were heard and sent lately.
#[derive(Debug)]
pub(in crate::protocol) struct Latest {
    told: VecDeque<Told>,
    bytes: usize,
    /// Whatever arrived later than that is here.
    reaches_back: Time,
}

impl Latest {
    pub(super) fn new(now: Time) -> Self {
        Self {
            told: VecDeque::new(),
            bytes: 0,
            reaches_back: now,
        }
    }

    /// Keeps a packet that belongs to this point in time.
    pub(in crate::protocol) fn keep(
        &mut self,
        now: Time,
        at: Time,
        number: Option<Number>,
        bytes: Arc<[u8]>,
    ) {
        self.bytes += bytes.len() + KEPT_EACH;
        self.told.push_back(Told {
            kept: now,
            at,
            number,
            bytes,
        });
        self.forget(now);
    }

    /// Forgets what is too old, or too much.
    pub(super) fn forget(&mut self, now: Time) {
        while let Some(oldest) = self.told.front()
            && (self.bytes > KEPT_BYTES || now.since(oldest.kept) > KEPT_FOR)
        {
            self.bytes -= oldest.bytes.len() + KEPT_EACH;
            self.reaches_back = self.reaches_back.max(oldest.kept);
            self.told.pop_front();
        }
    }

    /// Those of the announces of a late packet that still hold, to be applied in this
    /// order; `unsent` is what we are about to tell ourselves. Nothing if it comes so late
    /// that nobody knows.
    pub(in crate::protocol) fn of<'a>(
        &'a self,
        late: PeerList<'_>,
        number: Number,
        at: Time,
        unsent: impl Iterator<Item = &'a [u8]>,
    ) -> Option<Vec<Announce>> {
        if at < self.reaches_back {
            return None;
        }
        let mut marks = Marks::default();
        let mut newer = HashMap::new();
        for announce in late.clone() {
            marks.set(&announce.info_hash);
            newer.insert(key(&announce), Newer::default());
        }
        let told = self.told.iter().filter(|told| told.is_newer(number, at));
        let told = told.map(|told| (told.at, &*told.bytes));
        for (at, bytes) in told.chain(unsent.map(|bytes| (Time::NEVER, bytes))) {
            let perhaps = announces(bytes).filter(|announce| marks.has(&announce.info_hash));
            for announce in perhaps {
                if let Some(newer) = newer.get_mut(&key(&announce)) {
                    newer.add(at, announce);
                }
            }
        }
        let holds = late.flat_map(|announce| newer[&key(&announce)].instead_of(announce));
        Some(holds.collect())
    }
}

impl Told {
    /// Whether it comes after a packet that has this number and belongs to this time:
    /// within an epoch the numbers tell, else the time.
    fn is_newer(&self, number: Number, at: Time) -> bool {
        match self.number {
            Some(other) if (other.id, other.epoch) == (number.id, number.epoch) => {
                other.seq > number.seq
            }
            _ => self.at > at,
        }
    }
}

/// Some torrents, by a part of their info_hash. Of many thousand newer announces hardly
/// any is of the same torrent as a late one, and this finds out fast which may be.
#[derive(Debug)]
struct Marks([u64; 64]);

impl Default for Marks {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Marks {
    fn set(&mut self, info_hash: &InfoHash) {
        let (word, bit) = Self::place(info_hash);
        self.0[word] |= bit;
    }

    fn has(&self, info_hash: &InfoHash) -> bool {
        let (word, bit) = Self::place(info_hash);
        self.0[word] & bit != 0
    }

    fn place(info_hash: &InfoHash) -> (usize, u64) {
        let [first, second, ..] = info_hash.0;
        (usize::from(first & 63), 1 << (second & 63))
    }
}

/// What newer packets say of a peer.
#[derive(Debug, Default)]
struct Newer {
    last: Option<(Time, Announce)>,
    completed: bool,
}

impl Newer {
    fn add(&mut self, at: Time, announce: Announce) {
        self.completed |= announce.peer.flags.contains(PeerFlags::COMPLETED);
        if self.last.is_none_or(|(last, _)| last <= at) {
            self.last = Some((at, announce));
        }
    }

    /// What holds now. A download that nobody has told of since is still to be counted;
    /// then the last word is repeated behind it.
    fn instead_of(&self, late: Announce) -> impl Iterator<Item = Announce> + use<> {
        let completes = late.peer.flags.contains(PeerFlags::COMPLETED) && !late.peer.is_stopped();
        let late = (self.last.is_none() || completes && !self.completed).then_some(late);
        let last = self.last.map(|(_, announce)| announce);
        late.into_iter().chain(late.and(last))
    }
}

fn key(announce: &Announce) -> (InfoHash, IpAddr, u16) {
    (announce.info_hash, announce.peer.ip, announce.peer.port)
}

/// The announces in a packet, if that is what is in it.
fn announces(packet: &[u8]) -> impl Iterator<Item = Announce> {
    let peers = Frame::parse(packet)
        .ok()
        .and_then(|frame| match frame.packet {
            Packet::Live(peers) => Some(peers),
            _ => None,
        });
    peers.into_iter().flatten()
}
