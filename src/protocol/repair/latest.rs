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

/// The place of a packet among all.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// When it arrived, or would have if it had not been late; when it left, if it is
    /// ours.
    at: Time,
    /// Nothing if it is not numbered.
    number: Option<Number>,
}

/// A packet with announces.
#[derive(Debug)]
struct Told {
    kept: Time,
    place: Place,
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
            place: Place { at, number },
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
        let place = Place {
            at,
            number: Some(number),
        };
        let told = self.told.iter().map(|told| (told.place, &*told.bytes));
        let told = told.filter(|(other, _)| other.is_after(place));
        let last = Place {
            at: Time::NEVER,
            number: None,
        };
        for (place, bytes) in told.chain(unsent.map(|bytes| (last, bytes))) {
            let perhaps = announces(bytes).filter(|announce| marks.has(&announce.info_hash));
            for announce in perhaps {
                if let Some(newer) = newer.get_mut(&key(&announce)) {
                    newer.add(place, announce);
                }
            }
        }
        let holds = late.flat_map(|announce| newer[&key(&announce)].instead_of(announce));
        Some(holds.collect())
    }
}

impl Place {
    /// Within an epoch of a sender the numbers tell, else the time.
    fn is_after(self, other: Self) -> bool {
        match (self.number, other.number) {
            (Some(ours), Some(theirs)) if (ours.id, ours.epoch) == (theirs.id, theirs.epoch) => {
                ours.seq > theirs.seq
            }
            _ => self.at > other.at,
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
    last: Option<(Place, Announce)>,
    completed: bool,
}

impl Newer {
    fn add(&mut self, place: Place, announce: Announce) {
        self.completed |= announce.peer.flags.contains(PeerFlags::COMPLETED);
        if self.last.is_none_or(|(last, _)| !last.is_after(place)) {
            self.last = Some((place, announce));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Peer;
    use crate::wire::{Header, PacketType, Record, Records};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    /// A packet in which one peer announces itself so.
    fn packet(flags: PeerFlags) -> Vec<u8> {
        let announce = Announce {
            info_hash: InfoHash([1; 20]),
            peer: Peer {
                ip: Ipv4Addr::new(192, 0, 2, 1),
                port: 6881,
                flags,
            },
        };
        let header = Header::new(TrackerId([1; 4]), PacketType::Live);
        [&header.emit()[..], &announce.emit()].concat()
    }

    #[test]
    fn of_one_sender_the_numbers_tell_which_is_the_last_word() {
        let at = |millis| Time::START + Duration::from_millis(millis);
        let number = |seq| Number {
            id: TrackerId([1; 4]),
            epoch: 7,
            seq,
        };
        let mut latest = Latest::new(at(0));
        // The first took long, and the second is late: so it seems to be earlier.
        let (fifth, sixth) = (packet(PeerFlags::SEEDING), packet(PeerFlags::STOPPED));
        latest.keep(at(9), at(9), Some(number(5)), fifth.into());
        latest.keep(at(20), at(8), Some(number(6)), sixth.into());
        let fourth = packet(PeerFlags::COMPLETED);
        let late = PeerList::V4(Records::new(&fourth[Header::LEN..]));
        let holds = latest.of(late, number(4), at(5), [].into_iter());
        let flags = holds.unwrap().into_iter().map(|holds| holds.peer.flags);
        assert!(flags.eq([PeerFlags::COMPLETED, PeerFlags::STOPPED]));
    }
}
