//! "Latest wins": of all that the nodes of a cluster announce of a peer the latest holds, at
//! every node, in whatever order they hear it.
//!
//! The order is by time, and at the same time by id. The time of an announce is
//!
//! | announced by | to others | to its own node |
//! | --- | --- | --- |
//! | a node that numbers its packets | when the packet left, by the sender's clock | when the host made it |
//! | the same, restated | when the host made it | the same |
//! | a node that does not | when it arrived | |
//!
//! The two columns differ by the time that the announce waited for its packet. Where that makes
//! a difference, because another announce of the same peer lies in between, the node restates its
//! own: it sends it once more, with the time when it was made.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;

use super::super::outbound::millis;
use super::super::received::Made;
use super::KEPT_FOR;
use super::departures::{Departure, Departures, Left, Name};
use super::recent::{Entry, Recent, State, Use};
pub(in crate::protocol) use super::recent::{FETCHED, PeerHash};
use crate::time::Time;
use crate::types::{Announce, PeerFlags, TrackerId};

/// How many corrections wait for our host at most.
const CORRECTIONS: usize = 16_384;

/// How many announces are remembered at most, however few bytes of packets are kept,
const REMEMBERED: usize = 262_144;

/// and for how many of these bytes there is one, if that is more: a full packet of 51 takes 1591.
const BYTES_EACH: usize = 32;

/// How long they are remembered, in milliseconds.
const KEPT_MILLIS: u32 = KEPT_FOR.as_millis() as u32;

/// How many blocks of old announces are forgotten at once when something is heard or told, many more
/// than come with it.
const OLD_AT_ONCE: usize = 16;

/// Which packet this is, among those of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct Number {
    pub(in crate::protocol) id: TrackerId,
    pub(in crate::protocol) epoch: u32,
    pub(in crate::protocol) seq: u32,
}

/// A packet of announces that was heard.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Heard {
    /// When it left, or arrived, in milliseconds by our clock.
    pub(in crate::protocol) at: i64,
    /// Its `seq` is 0 if it has no number.
    pub(in crate::protocol) number: Number,
    /// To which of the streams of its sender it belongs: only those of one stream are in the
    /// order of their numbers.
    pub(in crate::protocol) stream: u16,
    /// Its announces are restated.
    pub(in crate::protocol) restated: bool,
    /// It was missing: it may be what its sender has told under another id.
    pub(in crate::protocol) late: bool,
}

/// What is to be done with an announce that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Holds {
    /// To apply it: it is the latest.
    This,
    /// Nothing.
    Nothing,
    /// To apply the latest one, which has these flags.
    Another(PeerFlags),
    /// To apply it, since it counts a download, and then the latest one.
    Both(PeerFlags),
}

impl Holds {
    /// The announces to be applied, in this order.
    pub(in crate::protocol) fn of(self, announce: Announce) -> impl Iterator<Item = Announce> {
        let (this, latest) = match self {
            Self::This => (true, None),
            Self::Nothing => (false, None),
            Self::Another(flags) => (false, Some(counted(flags))),
            Self::Both(flags) => (true, Some(flags)),
        };
        let latest = latest.map(|flags| announce.with_flags(flags));
        this.then_some(announce).into_iter().chain(latest)
    }
}

/// An announce of ours, which the others are to know the time of.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Restatement {
    pub(in crate::protocol) made: Time,
    pub(in crate::protocol) announce: Announce,
}

impl Restatement {
    /// How long a packet of it is, as a rule.
    pub(super) const LEN: usize = 63;
}

/// The order of the announces that were heard and made lately.
#[derive(Debug)]
pub(in crate::protocol) struct Latest {
    recent: Recent,
    now: u32,
    /// The same, in milliseconds by a clock that does not wrap.
    now_millis: i64,
    /// Which time it is that our host is handed what was heard.
    delivery: u32,
    departures: Departures,
    /// Whatever arrived later than that is here.
    reaches_back: Time,
    /// Announces that our host has applied in another order.
    corrections: VecDeque<Announce>,
    corrections_dropped: u64,
}

impl Latest {
    /// Without any, where so many bytes of packets are kept.
    pub(super) fn new(now: Time, window: usize, mut rng: Rng) -> Self {
        let most = REMEMBERED.max(window / BYTES_EACH);
        let keys = [(); 4].map(|()| rng.u64(..));
        Self {
            recent: Recent::new(most, keys),
            now: tick(millis(now)),
            now_millis: millis(now),
            delivery: 1,
            departures: Departures::default(),
            reaches_back: now,
            corrections: VecDeque::new(),
            corrections_dropped: 0,
        }
    }

    /// Whether all is here that arrived since then.
    pub(in crate::protocol) fn reaches_back_to(&self, at: Time) -> bool {
        at >= self.reaches_back
    }

    /// The peer of an announce.
    pub(in crate::protocol) fn peer(&self, announce: &Announce) -> PeerHash {
        self.recent.peer(announce)
    }

    /// The peers of some announces, in their order, [`FETCHED`] at most.
    pub(in crate::protocol) fn peers<'a>(
        &self,
        announces: impl Iterator<Item = &'a Announce>,
    ) -> [PeerHash; FETCHED] {
        self.fetch(announces.map(|announce| self.recent.peer(announce)))
    }

    /// The same of records.
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

    /// At how many announces it has looked so far, one for another; the number wraps.
    pub(in crate::protocol) fn looked(&self) -> u32 {
        self.recent.looked()
    }

    /// Finds the place of an announce that was heard. `restate` is asked to restate one of ours,
    /// made then and with these flags; it may refuse.
    pub(in crate::protocol) fn hear(
        &mut self,
        heard: &Heard,
        (peer, flags): (PeerHash, PeerFlags),
        our: Name,
        mut restate: impl FnMut(Time, PeerFlags) -> bool,
    ) -> Holds {
        let number = heard.number;
        let place = (heard.at, number.id);
        if self.recent.is_new(peer) {
            self.keep(heard, peer, flags, (State::Heard, Holds::This));
            return Holds::This;
        }
        let (mut latest, mut replaced) = (None, None);
        let (mut is_old, mut is_counted) = (false, false);
        self.recent.for_each(peer, |entry| {
            let is_newer = match entry.state {
                State::Heard if entry.id == number.id => {
                    let is_newer = is_after(entry, heard);
                    if !is_newer {
                        entry.state = State::Superseded;
                        replaced = replaced.max(Some((entry.place(), entry.flags)));
                    }
                    is_old |= is_newer;
                    is_newer
                }
                State::Own if entry.flags != flags => {
                    let is_newer = entry.place() > place;
                    match self.departures.of(entry.seq) {
                        // It was to be restated at a time to come, and could not be.
                        Departure::At(left) if is_newer && left.place() < place => {
                            (entry.at, entry.id) = left.place();
                        }
                        _ if is_newer => {}
                        Departure::LongAgo => {}
                        Departure::At(left) if left.place() < place => {}
                        Departure::At(left) if left.name != our => {
                            (entry.at, entry.id) = left.place();
                        }
                        _ if restate(time(entry.at), entry.flags) => {
                            entry.state = State::OwnRestated;
                        }
                        Departure::At(left) => entry.at = left.at,
                        Departure::Waits => entry.at = place.0 + 1,
                    }
                    entry.place() > place
                }
                State::Heard | State::Own | State::OwnRestated | State::Superseded => {
                    entry.place() > place
                }
            };
            let counts = is_newer || (heard.late && entry.id != number.id);
            is_counted |= counts && entry.flags.contains(PeerFlags::COMPLETED);
            if entry.state == State::Superseded {
                return use_of_superseded(entry);
            }
            latest = latest.max(Some((entry.place(), entry.flags)));
            Use::Some
        });
        let state = if is_old {
            State::Superseded
        } else {
            State::Heard
        };
        let was_latest = replaced > latest;
        let is_told_again = |((at, id), latest)| {
            heard.late && id != number.id && (at, latest) == (heard.at, flags) && !was_latest
        };
        let holds = match latest {
            Some(other) if is_told_again(other) => Holds::Nothing,
            Some((other, latest)) if is_old || other > place => {
                if completes(flags) && !is_counted && !heard.restated {
                    Holds::Both(latest)
                } else if was_latest && latest != flags {
                    Holds::Another(latest)
                } else {
                    Holds::Nothing
                }
            }
            _ if heard.restated && was_latest && said(replaced) == Some(flags) => Holds::Nothing,
            _ if is_counted && completes(flags) => Holds::Another(flags),
            _ => Holds::This,
        };
        if matches!(holds, Holds::Another(_) | Holds::Both(_)) {
            self.applies(peer);
        }
        self.keep(heard, peer, flags, (state, holds));
        holds
    }

    /// Our host has made an announce, which goes into the packet with this serial number. If that
    /// leaves at another place in the order than the announce has, the announce is to be restated,
    /// once `may_restate` allows it; the time to restate it with.
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
        let applied_since = |entry: &Entry| {
            entry.applied != 0 && entry.applied.wrapping_sub(made.delivery) <= u32::MAX / 2
        };
        let (mut latest, mut is_covered) = (None, false);
        self.recent.for_each(peer, |entry| {
            if entry.state == State::Superseded {
                return use_of_superseded(entry);
            }
            is_covered |= entry.flags != flags && applied_since(entry);
            if entry.state != State::Heard {
                entry.state = State::Superseded;
                at = at.max(entry.at);
            } else if entry.applied != 0 && !applied_since(entry) {
                // The client came after that, whatever the clocks say.
                at = at.max(entry.at + 1);
            } else {
                latest = latest.max(Some((entry.place(), entry.flags)));
            }
            use_of_superseded(entry)
        });
        let newer = latest.filter(|(place, other)| *place > (at, our.id) && *other != flags);
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
            entry.state = State::OwnRestated;
        }
        if let Some(flags) = correction {
            if self.corrections.len() == CORRECTIONS {
                self.corrections.pop_front();
                self.corrections_dropped += 1;
            }
            self.corrections.push_back(announce.with_flags(flags));
        }
        is_restated.then(|| time(at))
    }

    /// A packet of ours begins to be filled; its serial number.
    pub(in crate::protocol) fn begin_packet(&mut self) -> u32 {
        self.departures.begin()
    }

    /// It leaves.
    pub(in crate::protocol) fn departs(&mut self, packet: u32, left: Left) {
        self.departures.leaves(packet, left);
    }

    /// Whether there are announces that our host is to apply again.
    pub(in crate::protocol) fn has_corrections(&self) -> bool {
        !self.corrections.is_empty()
    }

    /// How many were dropped, for which our host had no room in time.
    pub(in crate::protocol) fn corrections_dropped(&self) -> u64 {
        self.corrections_dropped
    }

    /// The next announces that our host is to apply, in their order.
    pub(in crate::protocol) fn take_corrections(&mut self, most: usize) -> Vec<Announce> {
        let mut corrections = Vec::new();
        while corrections.len() < most
            && let Some(announce) = self.corrections.pop_front()
        {
            let peer = self.recent.peer(&announce);
            // Something later may have been applied meanwhile.
            if let Some(flags) = self.latest_of(peer) {
                corrections.push(announce.with_flags(counted(flags)));
                self.applies(peer);
            }
        }
        corrections
    }

    /// What is said last of a peer.
    fn latest_of(&mut self, peer: PeerHash) -> Option<PeerFlags> {
        let mut latest = None;
        self.recent.for_each(peer, |entry| {
            if entry.state != State::Superseded {
                latest = latest.max(Some((entry.place(), entry.flags)));
            }
            Use::Some
        });
        said(latest)
    }

    /// Our host is handed what is heard, the time with this number; 0 is none.
    pub(in crate::protocol) fn set_delivery(&mut self, delivery: u32) {
        self.delivery = delivery;
    }

    /// It is so late now. Forgets what is too much, as what comes with one packet may be until
    /// then, and some of what is too old: who was silent has no more to do for that.
    pub(in crate::protocol) fn set_now(&mut self, now: Time) {
        self.forget(now, OLD_AT_ONCE);
    }

    /// It is so late now. Forgets what is too much, and of what is too old so many blocks.
    #[inline]
    pub(super) fn forget(&mut self, now: Time, mut old: usize) {
        self.now_millis = millis(now);
        self.now = tick(self.now_millis);
        let age = |entry: &Entry| self.now.wrapping_sub(entry.arrived);
        let is_old = |entry: &Entry, old| old > 0 && age(entry) > KEPT_MILLIS;
        while let Some(last) = self.recent.forget(|entry| is_old(entry, old)) {
            old = old.saturating_sub(1);
            let arrived = now.before(Duration::from_millis(age(&last).into()));
            self.reaches_back = self.reaches_back.max(arrived);
        }
    }

    /// Our host is handed what is known of a peer.
    fn applies(&mut self, peer: PeerHash) {
        self.recent.for_each(peer, |entry| {
            entry.applied = self.delivery;
            Use::Some
        });
    }

    #[inline]
    fn keep(
        &mut self,
        heard: &Heard,
        peer: PeerHash,
        flags: PeerFlags,
        (state, holds): (State, Holds),
    ) {
        let (now, delivery, number) = (self.now, self.delivery, heard.number);
        let entry = self.recent.push(peer);
        (entry.at, entry.id) = (heard.at, number.id);
        (entry.epoch, entry.seq, entry.stream) = (number.epoch, number.seq, heard.stream);
        entry.arrived = now;
        if matches!(holds, Holds::This | Holds::Both(_)) {
            entry.applied = delivery;
        }
        (entry.flags, entry.state) = (flags, state);
    }

    #[inline]
    fn keep_own(
        &mut self,
        (at, id): (i64, TrackerId),
        peer: PeerHash,
        packet: u32,
        flags: PeerFlags,
    ) -> &mut Entry {
        let now = self.now;
        let entry = self.recent.push(peer);
        (entry.at, entry.id) = (at, id);
        (entry.seq, entry.arrived) = (packet, now);
        (entry.flags, entry.state) = (flags, State::Own);
        entry
    }
}

/// Whether a node has announced this after it has announced what is heard now.
fn is_after(entry: &Entry, heard: &Heard) -> bool {
    let number = heard.number;
    if entry.seq == 0 || number.seq == 0 {
        false
    } else if (entry.epoch, entry.stream) == (number.epoch, heard.stream) {
        entry.seq > number.seq
    } else {
        entry.place() > (heard.at, number.id)
    }
}

fn said(latest: Option<((i64, TrackerId), PeerFlags)>) -> Option<PeerFlags> {
    latest.map(|(_, flags)| flags)
}

/// Of what was superseded only those are of use that say that a download was complete: it is not
/// to be counted again.
fn use_of_superseded(entry: &Entry) -> Use {
    let completed = entry.flags.contains(PeerFlags::COMPLETED);
    if entry.state == State::Superseded && !completed {
        Use::None
    } else {
        Use::Some
    }
}

/// The flags of an announce that was applied before: the download that it completes is counted.
fn counted(flags: PeerFlags) -> PeerFlags {
    flags.without(PeerFlags::COMPLETED)
}

fn completes(flags: PeerFlags) -> bool {
    flags.contains(PeerFlags::COMPLETED) && !flags.contains(PeerFlags::STOPPED)
}

fn time(at: i64) -> Time {
    Time::START + Duration::from_millis(at.unsigned_abs())
}

/// Milliseconds by a clock that wraps, and never shows 0.
fn tick(millis: i64) -> u32 {
    millis as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{InfoHash, Peer};

    const US: TrackerId = TrackerId([5; 4]);
    const OTHER: TrackerId = TrackerId([9; 4]);
    const NAME: Name = Name { id: US, epoch: 1 };
    const SEEDING: PeerFlags = PeerFlags::SEEDING;
    const STOPPED: PeerFlags = PeerFlags::STOPPED;

    fn at(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    fn latest() -> Latest {
        Latest::new(at(0), 8 << 20, Rng::with_seed(1))
    }

    fn announce(peer: u32, flags: PeerFlags) -> Announce {
        Announce {
            info_hash: InfoHash([1; 20]),
            peer: Peer {
                ip: std::net::Ipv4Addr::from(peer).into(),
                port: 6881,
                flags,
            },
        }
    }

    /// The other node has sent this in a packet of its own.
    fn hear(latest: &mut Latest, now: u64, sent: u64, seq: u32, flags: PeerFlags) -> Holds {
        let (holds, restated) = hear_and_restate(latest, now, sent, seq, flags);
        assert_eq!(restated, None);
        holds
    }

    fn hear_and_restate(
        latest: &mut Latest,
        now: u64,
        sent: u64,
        seq: u32,
        flags: PeerFlags,
    ) -> (Holds, Option<Time>) {
        latest.set_now(at(now));
        let number = Number {
            id: OTHER,
            epoch: 7,
            seq,
        };
        let heard = Heard {
            at: sent as i64,
            number,
            stream: 0,
            restated: false,
            late: false,
        };
        let mut restated = None;
        let peer = latest.recent.peer(&announce(1, flags));
        let holds = latest.hear(&heard, (peer, flags), NAME, |made, _| {
            restated = Some(made);
            true
        });
        (holds, restated)
    }

    fn make(latest: &mut Latest, made: u64, packet: u32, flags: PeerFlags) -> bool {
        latest.set_now(at(made + 20));
        let made = Made {
            at: at(made),
            delivery: latest.delivery,
        };
        let peer = latest.recent.peer(&announce(1, flags));
        (latest.announce(made, &announce(1, flags), peer, (packet, NAME), || true)).is_some()
    }

    fn leaves(latest: &mut Latest, packet: u32, at: i64) {
        latest.departs(packet, Left { at, name: NAME });
    }

    #[test]
    fn what_was_made_before_it_left_is_restated_only_where_that_matters() {
        let mut latest = latest();
        let packet = latest.begin_packet();
        make(&mut latest, 1000, packet, STOPPED);
        assert_eq!(hear(&mut latest, 1021, 999, 1, SEEDING), Holds::Nothing);
        assert_eq!(hear(&mut latest, 1022, 1010, 2, STOPPED), Holds::This);
        let waits = hear_and_restate(&mut latest, 1023, 1019, 3, SEEDING);
        assert_eq!(waits, (Holds::This, Some(at(1000))));
        assert_eq!(hear(&mut latest, 1030, 1029, 4, SEEDING), Holds::This);

        let packet = latest.begin_packet();
        make(&mut latest, 2000, packet, STOPPED);
        leaves(&mut latest, packet, 2100);
        assert_eq!(hear(&mut latest, 2110, 2101, 5, SEEDING), Holds::This);
        let packet = latest.begin_packet();
        make(&mut latest, 3000, packet, STOPPED);
        leaves(&mut latest, packet, 3100);
        let left = hear_and_restate(&mut latest, 3200, 3050, 6, SEEDING);
        assert_eq!(left, (Holds::This, Some(at(3000))));
    }

    #[test]
    fn what_could_not_be_restated_holds_from_when_it_left() {
        let mut latest = latest();
        assert_eq!(hear(&mut latest, 1000, 1150, 1, SEEDING), Holds::This);
        latest.set_delivery(2);
        let packet = latest.begin_packet();
        let (now, flags) = (
            Made {
                at: at(1010),
                delivery: 2,
            },
            STOPPED,
        );
        let peer = latest.recent.peer(&announce(1, flags));
        let restated = latest.announce(now, &announce(1, flags), peer, (packet, NAME), || false);
        assert_eq!(restated, None);
        leaves(&mut latest, packet, 1100);
        assert_eq!(hear(&mut latest, 1110, 1120, 2, SEEDING), Holds::This);
    }

    #[test]
    fn what_crosses_something_older_is_applied_once_more() {
        let mut latest = latest();
        hear(&mut latest, 1000, 990, 1, SEEDING);
        let packet = latest.begin_packet();
        // The host has made it a moment before, and applied what was heard behind it.
        make(&mut latest, 995, packet, STOPPED);
        assert!(latest.has_corrections());
        assert_eq!(latest.take_corrections(9), [announce(1, STOPPED)]);
        latest.set_delivery(3);
        assert!(!make(&mut latest, 5000, packet, SEEDING));
        assert_eq!(latest.take_corrections(9), []);
        leaves(&mut latest, packet, 5001);
        // The other node was later than ours.
        hear(&mut latest, 6000, 6000, 2, STOPPED);
        assert!(make(&mut latest, 5999, packet, SEEDING));
        assert_eq!(latest.take_corrections(9), [announce(1, STOPPED)]);
    }

    #[test]
    fn what_is_heard_again_under_another_id_is_not_counted_again() {
        let mut latest = latest();
        let completed = PeerFlags::COMPLETED;
        let peer = latest.recent.peer(&announce(1, completed));
        let again = |latest: &mut Latest, id, at| {
            let heard = Heard {
                at,
                number: Number {
                    id,
                    epoch: 9,
                    seq: 1,
                },
                stream: 1,
                restated: false,
                late: true,
            };
            latest.hear(&heard, (peer, completed), NAME, |_, _| true)
        };
        assert_eq!(hear(&mut latest, 1000, 900, 1, completed), Holds::This);
        let uncounted = Holds::Another(completed);
        let nothing = Holds::Nothing;
        assert_eq!(again(&mut latest, TrackerId([10; 4]), 900), nothing);
        // Where the clocks do not agree.
        assert_eq!(again(&mut latest, TrackerId([10; 4]), 905), uncounted);
        assert_eq!(hear(&mut latest, 1001, 910, 2, STOPPED), Holds::This);
        assert_eq!(again(&mut latest, TrackerId([8; 4]), 900), nothing);
    }

    #[test]
    fn what_a_node_says_later_replaces_what_it_has_said() {
        let mut latest = latest();
        assert_eq!(hear(&mut latest, 1000, 900, 2, SEEDING), Holds::This);
        assert_eq!(hear(&mut latest, 1001, 950, 1, STOPPED), Holds::Nothing);
        assert_eq!(hear(&mut latest, 1002, 800, 3, STOPPED), Holds::This);
    }

    #[test]
    fn announces_are_forgotten_by_age_and_by_number() {
        let mut latest = latest();
        for number in 0..=REMEMBERED as u32 + 1024 {
            latest.set_now(at(1000 + u64::from(number) / 1000));
            let packet = latest.begin_packet();
            let announce = announce(number, SEEDING);
            let peer = latest.recent.peer(&announce);
            latest.announce(Made::now(at(0)), &announce, peer, (packet, NAME), || true);
        }
        latest.set_now(at(1500));
        assert!((REMEMBERED - 1024..=REMEMBERED).contains(&latest.recent.len()));
        assert!(!latest.reaches_back_to(at(999)) && latest.reaches_back_to(at(1004)));
        let (full, later) = (latest.recent.len(), at(1500) + KEPT_FOR);
        latest.set_now(later);
        assert_eq!(latest.recent.len(), full - OLD_AT_ONCE * 1024);
        latest.forget(later, usize::MAX);
        assert_eq!(latest.recent.len(), 0);
        assert!(!latest.reaches_back_to(at(1200)));
    }

    #[test]
    fn corrections_are_bounded() {
        let mut latest = latest();
        for number in 0..=CORRECTIONS as u32 {
            for (made, flags) in [(1000, SEEDING), (1000, STOPPED)] {
                latest.set_now(at(made));
                let heard = Heard {
                    at: 900,
                    number: Number {
                        id: OTHER,
                        epoch: 7,
                        seq: number + 1,
                    },
                    stream: 0,
                    restated: false,
                    late: false,
                };
                let peer = latest.recent.peer(&announce(number, flags));
                if flags == SEEDING {
                    latest.hear(&heard, (peer, flags), NAME, |_, _| true);
                } else {
                    let made = Made {
                        at: at(made),
                        delivery: 1,
                    };
                    latest.announce(made, &announce(number, flags), peer, (0, NAME), || true);
                }
            }
        }
        let corrections = latest.take_corrections(usize::MAX);
        assert_eq!(
            (corrections.len(), latest.corrections_dropped()),
            (CORRECTIONS, 1)
        );
        assert_eq!(corrections[0], announce(1, STOPPED));
    }
}
