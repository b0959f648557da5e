//! The order of announces: of all that the nodes of a cluster announce of a peer, the newest holds
//! at every node, in whatever order they hear it.
//!
//! Announces are ordered by time, and those of the same time by id. The time of an announce is
//!
//! | announced by | for other nodes | for its own node |
//! | --- | --- | --- |
//! | a node that numbers its packets | when the packet left, by its clock | when the host made it |
//! | the same, restated | when the host made it | the same |
//! | a node that does not | when it arrived | |
//!
//! The two columns differ by the time that the announce waited for its packet. Where that matters,
//! because another announce of the same peer lies in between, the node restates its own: it sends
//! the announce once more, with the time when it was made.

use std::time::Duration;

use fastrand::Rng;

use super::super::outbound::millis;
use super::super::received::Made;
use super::corrections::Corrections;
use super::departures::{Departure, Departures, Left, Name};
use super::entry::{Entry, EntryState, OrderKey, Use};
use super::placement::{Holds, ListOrigin, completes, counted};
use super::recent::Recent;
pub(in crate::protocol) use super::recent::{FETCHED, PeerHash};
use crate::protocol::inbound::KEPT_FOR;
use crate::time::Time;
use crate::types::{Announce, PeerFlags};

/// The largest number of announces that are remembered, unless the repair window is large.
const MAX_ANNOUNCES: usize = 262_144;

/// A large repair window has one announce remembered for each of this many bytes. A full packet of
/// 51 announces takes 1591 bytes.
const BYTES_PER_ANNOUNCE: usize = 32;

/// How long announces are remembered, in milliseconds.
const MAX_AGE_MILLIS: u32 = KEPT_FOR.as_millis() as u32;

/// The largest number of blocks of old announces that are forgotten with one packet or announce.
/// They hold many more announces than come with it.
const MAX_OLD_BLOCKS: usize = 16;

/// The order of the announces that were heard and made lately.
#[derive(Debug)]
pub(in crate::protocol) struct AnnounceOrder {
    recent: Recent,
    now: u32,
    /// The same as `now`, by a clock that does not wrap.
    now_millis: i64,
    /// The number of the current delivery, in which the host is handed what was heard.
    delivery: u32,
    departures: Departures,
    /// All announces that arrived at this time or later are remembered.
    reaches_back: Time,
    corrections: Corrections,
}

impl AnnounceOrder {
    /// Creates an order without any announces. `window` is the number of bytes of packets that are
    /// kept.
    pub(super) fn new(now: Time, window: usize, mut rng: Rng) -> Self {
        let most = MAX_ANNOUNCES.max(window / BYTES_PER_ANNOUNCE);
        let keys = [(); 4].map(|()| rng.u64(..));
        Self {
            recent: Recent::new(most, keys),
            now: tick(millis(now)),
            now_millis: millis(now),
            delivery: 1,
            departures: Departures::default(),
            reaches_back: now,
            corrections: Corrections::default(),
        }
    }

    /// Returns whether all announces are remembered that arrived since `at`.
    pub(in crate::protocol) fn reaches_back_to(&self, at: Time) -> bool {
        at >= self.reaches_back
    }

    /// Returns the hash of the peer of an announce.
    pub(in crate::protocol) fn peer(&self, announce: &Announce) -> PeerHash {
        self.recent.peer(announce)
    }

    /// Returns the hashes of the peers of the next announces, at most [`FETCHED`], in their order.
    pub(in crate::protocol) fn peers<'a>(
        &self,
        announces: impl Iterator<Item = &'a Announce>,
    ) -> [PeerHash; FETCHED] {
        self.fetch(announces.map(|announce| self.recent.peer(announce)))
    }

    /// Returns the hashes of the peers of the next records, at most [`FETCHED`], in their order.
    pub(in crate::protocol) fn peers_of<'a>(
        &self,
        records: impl Iterator<Item = &'a [u8]>,
    ) -> [PeerHash; FETCHED] {
        self.fetch(records.map(|record| self.recent.peer_of(record)))
    }

    fn fetch(&self, some: impl Iterator<Item = PeerHash>) -> [PeerHash; FETCHED] {
        let mut peers = [PeerHash::default(); FETCHED];
        let mut count = 0;
        for (peer, hash) in peers.iter_mut().zip(some) {
            *peer = hash;
            count += 1;
        }
        self.recent.fetch(&peers[..count]);
        peers
    }

    /// Returns how many announces were examined so far. The number wraps.
    pub(in crate::protocol) fn looked(&self) -> u32 {
        self.recent.looked()
    }

    /// Finds the place of an announce that was heard, and returns what the host is to apply.
    /// `restate` is called to restate an announce of this node, with the time when it was made and
    /// its flags. It returns false if it does not.
    pub(in crate::protocol) fn hear(
        &mut self,
        heard: &ListOrigin,
        (peer, flags): (PeerHash, PeerFlags),
        our: Name,
        mut restate: impl FnMut(Time, PeerFlags) -> bool,
    ) -> Holds {
        let number = heard.number;
        let place = (heard.at, number.id);
        if self.recent.is_new(peer) {
            self.keep(heard, peer, flags, (EntryState::Heard, Holds::This));
            return Holds::This;
        }
        let (mut newest, mut replaced) = (None, None);
        let (mut is_old, mut is_counted) = (false, false);
        self.recent.for_each(peer, |entry| {
            let is_newer = match entry.state() {
                EntryState::Heard if entry.id() == number.id => {
                    let is_newer = entry.is_after(heard);
                    if !is_newer {
                        entry.supersede();
                        replaced = replaced.max(Some((entry.place(), entry.flags())));
                    }
                    is_old |= is_newer;
                    is_newer
                }
                EntryState::Own if entry.flags() != flags => {
                    let is_newer = entry.place() > place;
                    match self.departures.of(entry.packet()) {
                        // It was to be restated with a later time, and was not.
                        Departure::At(left) if is_newer && left.place() < place => {
                            entry.move_to(left.place());
                        }
                        _ if is_newer => {}
                        Departure::LongAgo => {}
                        Departure::At(left) if left.place() < place => {}
                        Departure::At(left) if left.name != our => {
                            entry.move_to(left.place());
                        }
                        _ if restate(time(entry.at()), entry.flags()) => {
                            entry.restate();
                        }
                        Departure::At(left) => entry.move_to_time(left.at),
                        Departure::Waits => entry.move_to_time(place.0 + 1),
                    }
                    entry.place() > place
                }
                EntryState::Heard
                | EntryState::Own
                | EntryState::OwnRestated
                | EntryState::Superseded => entry.place() > place,
            };
            let counts = is_newer || (heard.late && entry.id() != number.id);
            is_counted |= counts && entry.flags().contains(PeerFlags::COMPLETED);
            if entry.is_superseded() {
                return entry.use_if_superseded();
            }
            newest = newest.max(Some((entry.place(), entry.flags())));
            Use::Some
        });
        let state = if is_old {
            EntryState::Superseded
        } else {
            EntryState::Heard
        };
        let was_newest = replaced > newest;
        let is_reissued = |((at, id), newest)| {
            heard.late && id != number.id && (at, newest) == (heard.at, flags) && !was_newest
        };
        let holds = match newest {
            Some(other) if is_reissued(other) => Holds::Nothing,
            Some((other, newest)) if is_old || other > place => {
                if completes(flags) && !is_counted && !heard.restated {
                    Holds::Both(newest)
                } else if was_newest && newest != flags {
                    Holds::Another(newest)
                } else {
                    Holds::Nothing
                }
            }
            _ if heard.restated && was_newest && said(replaced) == Some(flags) => Holds::Nothing,
            _ if is_counted && completes(flags) => Holds::Another(flags),
            _ => Holds::This,
        };
        if matches!(holds, Holds::Another(_) | Holds::Both(_)) {
            self.note_applied(peer);
        }
        self.keep(heard, peer, flags, (state, holds));
        holds
    }

    /// Finds the place of an announce that the host has made, which goes into the packet with this
    /// serial number. Returns the time to restate it with if it must be restated: if the packet
    /// leaves at another place in the order than the announce has, and `may_restate` returns true.
    pub(in crate::protocol) fn announce(
        &mut self,
        made: Made,
        announce: &Announce,
        peer: PeerHash,
        (packet, our): (u32, Name),
        may_restate: impl FnOnce() -> bool,
    ) -> Option<Time> {
        let (flags, mut at) = (announce.peer.flags, millis(made.at));
        if self.recent.is_new(peer) {
            self.keep_own((at, our.id), peer, packet, flags);
            return None;
        }
        let (mut newest, mut is_covered) = (None, false);
        self.recent.for_each(peer, |entry| {
            if entry.is_superseded() {
                return entry.use_if_superseded();
            }
            let is_applied_since = entry.is_applied_since(made.delivery);
            is_covered |= entry.flags() != flags && is_applied_since;
            if entry.state() != EntryState::Heard {
                entry.supersede();
                at = at.max(entry.at());
            } else if entry.is_applied() && !is_applied_since {
                // The client came after that announce was applied, whatever the clocks say.
                at = at.max(entry.at() + 1);
            } else {
                newest = newest.max(Some((entry.place(), entry.flags())));
            }
            entry.use_if_superseded()
        });
        let newer = newest.filter(|(place, other)| *place > (at, our.id) && *other != flags);
        let is_restated = (newer.is_some() || at > self.now_millis) && may_restate();
        let mut correction = is_covered.then_some(flags);
        if let Some(((newer, _), other)) = newer {
            correction = Some(other);
            if !is_restated {
                at = newer + 1;
                correction = Some(flags);
            }
        }
        let entry = self.keep_own((at, our.id), peer, packet, flags);
        if is_restated {
            entry.restate();
        }
        if let Some(flags) = correction {
            self.corrections.push(announce.with_flags(flags));
        }
        is_restated.then(|| time(at))
    }

    /// Notes that a packet of announces begins to be filled. Returns its serial number.
    pub(in crate::protocol) fn begin_packet(&mut self) -> u32 {
        self.departures.begin()
    }

    /// Notes that a packet leaves.
    pub(in crate::protocol) fn departs(&mut self, packet: u32, left: Left) {
        self.departures.note_departure(packet, left);
    }

    /// Returns whether there are announces that the host is to apply again.
    pub(in crate::protocol) fn has_corrections(&self) -> bool {
        !self.corrections.is_empty()
    }

    /// Returns how many corrections were dropped because the host did not take them in time.
    pub(in crate::protocol) fn corrections_dropped(&self) -> u64 {
        self.corrections.dropped()
    }

    /// Takes the next announces that the host is to apply again, at most `most`, in their order.
    pub(in crate::protocol) fn take_corrections(&mut self, most: usize) -> Vec<Announce> {
        let mut corrections = Vec::new();
        while corrections.len() < most
            && let Some(announce) = self.corrections.pop()
        {
            let peer = self.recent.peer(&announce);
            // A newer one may have been applied meanwhile.
            if let Some(flags) = self.newest_of(peer) {
                corrections.push(announce.with_flags(counted(flags)));
                self.note_applied(peer);
            }
        }
        corrections
    }

    /// Returns the flags of the newest announce of a peer.
    fn newest_of(&mut self, peer: PeerHash) -> Option<PeerFlags> {
        let mut newest = None;
        self.recent.for_each(peer, |entry| {
            if !entry.is_superseded() {
                newest = newest.max(Some((entry.place(), entry.flags())));
            }
            Use::Some
        });
        said(newest)
    }

    /// Sets the number of the current delivery; 0 stands for none.
    pub(in crate::protocol) fn set_delivery(&mut self, delivery: u32) {
        self.delivery = delivery;
    }

    /// Sets the time, and forgets the announces beyond the limit, which those of one packet may
    /// exceed until then, and some of the old ones. As only some are forgotten, the first packet
    /// after a silence takes hardly longer than any other.
    pub(in crate::protocol) fn set_now(&mut self, now: Time) {
        self.forget(now, MAX_OLD_BLOCKS);
    }

    /// Sets the time, and forgets the announces beyond the limit and up to `old` blocks of old
    /// ones.
    #[inline]
    pub(super) fn forget(&mut self, now: Time, mut old: usize) {
        self.now_millis = millis(now);
        self.now = tick(self.now_millis);
        let age = |entry: &Entry| self.now.wrapping_sub(entry.arrived());
        let is_old = |entry: &Entry, old| old > 0 && age(entry) > MAX_AGE_MILLIS;
        while let Some(last) = self.recent.forget(|entry| is_old(entry, old)) {
            old = old.saturating_sub(1);
            let arrived = now.before(Duration::from_millis(age(&last).into()));
            self.reaches_back = self.reaches_back.max(arrived);
        }
    }

    /// Notes that the host is handed the newest announce of a peer.
    fn note_applied(&mut self, peer: PeerHash) {
        self.recent.for_each(peer, |entry| {
            entry.apply(self.delivery);
            Use::Some
        });
    }

    #[inline]
    fn keep(
        &mut self,
        heard: &ListOrigin,
        peer: PeerHash,
        flags: PeerFlags,
        (state, holds): (EntryState, Holds),
    ) {
        let entry = self.recent.push(peer);
        entry.hear(heard, self.now, (flags, state));
        if matches!(holds, Holds::This | Holds::Both(_)) {
            entry.apply(self.delivery);
        }
    }

    #[inline]
    fn keep_own(
        &mut self,
        place: OrderKey,
        peer: PeerHash,
        packet: u32,
        flags: PeerFlags,
    ) -> &mut Entry {
        let entry = self.recent.push(peer);
        entry.make(place, packet, self.now, flags);
        entry
    }
}

fn said(newest: Option<(OrderKey, PeerFlags)>) -> Option<PeerFlags> {
    newest.map(|(_, flags)| flags)
}

fn time(at: i64) -> Time {
    Time::START + Duration::from_millis(at.unsigned_abs())
}

/// Milliseconds by a clock that wraps and never shows 0.
fn tick(millis: i64) -> u32 {
    millis as u32 | 1
}

#[cfg(test)]
#[path = "announce_order_tests.rs"]
mod tests;
