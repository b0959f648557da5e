//! The id under which this node speaks, and those under which it spoke before.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use fastrand::Rng;

use super::echoes::Echoes;
use super::links::LinkInfo;
use super::node::Node;
use super::outbound::Numbering;
use super::received::Waited;
use super::repair::{Number, is_before};
use super::timers::Timer;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Frame, Trailer};

/// The shortest time between two new ids.
const DRAW_AGAIN: Duration = Duration::from_secs(1);

/// For how long inquiries of an old id are answered.
const ANSWERS_FOR: Duration = Duration::from_secs(10);

/// How many old ids are remembered.
const MAX_FORMER: usize = 256;

/// Why a node goes on under a new id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// Another node sends packets under the same one.
    SameId,
    /// Others ask for packets that this node has not sent: somebody else has, under its id.
    NeverSent,
    /// The clock was set so far back that nobody would believe the old one.
    ClockSetBack,
}

/// How far the packets of an id have got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    epoch: u32,
    highest: u32,
    unnumbered: Option<u32>,
}

impl Used {
    pub(super) fn of(numbering: &Numbering) -> Self {
        Self {
            epoch: numbering.epoch(),
            highest: numbering.highest(),
            unnumbered: numbering.last_without_number(),
        }
    }

    pub(super) fn is_of(&self, epoch: u32) -> bool {
        self.epoch == epoch
    }

    /// Whether a packet may be one of those that were sent, or of an epoch before. One without a
    /// number is, if it was not sent later than the last one of ours.
    pub(super) fn has_sent(&self, trailer: &Trailer) -> bool {
        if trailer.epoch != self.epoch {
            return is_before(trailer.epoch, self.epoch);
        }
        match trailer.seq {
            0 => self.unnumbered.is_some_and(|last| trailer.sent <= last),
            seq => seq <= self.highest,
        }
    }

    /// Whether packets up to this number of this epoch are more than were sent.
    pub(super) fn is_exceeded(&self, epoch: u32, last: u32) -> bool {
        is_before(self.epoch, epoch) || (epoch == self.epoch && last > self.highest)
    }
}

/// An id under which this node spoke.
#[derive(Debug)]
struct Former {
    id: TrackerId,
    used: Option<Used>,
    until: Time,
}

/// The ids of a node.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) id: TrackerId,
    /// With our addresses: machines that were cloned draw different ids.
    links: Vec<LinkInfo>,
    echoes: Echoes,
    former: VecDeque<Former>,
    /// When we drew one last, because somebody else used ours.
    drawn: Option<Time>,
    /// We need a new one, once it is time.
    needed: Option<NewId>,
    /// A new one of which the host does not know yet, and why.
    new: Option<TrackerId>,
    pub(super) why: NewId,
    rng: Rng,
}

impl Identity {
    pub(super) fn new(id: TrackerId, links: &[LinkInfo], rng: Rng) -> Self {
        Self {
            id,
            links: links.to_vec(),
            echoes: Echoes::default(),
            former: VecDeque::new(),
            drawn: None,
            needed: None,
            new: None,
            why: NewId::SameId,
            rng,
        }
    }

    /// Somebody else uses our id: how long to wait until we may draw another.
    pub(super) fn is_used(&mut self, now: Time, why: NewId) -> Duration {
        self.needed = Some(why);
        let again = |drawn| DRAW_AGAIN.saturating_sub(now.since(drawn));
        self.drawn.map_or(Duration::ZERO, again)
    }

    /// Why a new id is needed, if it is.
    pub(super) fn take_needed(&mut self, now: Time) -> Option<NewId> {
        let needed = self.needed.take()?;
        self.drawn = Some(now);
        Some(needed)
    }

    /// Draws an id that nobody has, as far as anybody can know. What was sent under the old one
    /// was so much.
    pub(super) fn draw(&mut self, now: Time, why: NewId, used: Option<Used>) -> TrackerId {
        let id = loop {
            let mut hasher = DefaultHasher::new();
            self.rng.u64(..).hash(&mut hasher);
            for link in &self.links {
                link.address().hash(&mut hasher);
            }
            self.id.hash(&mut hasher);
            let id = TrackerId((hasher.finish() as u32).to_ne_bytes());
            if id != self.id && self.former.iter().all(|former| former.id != id) {
                break id;
            }
        };
        if self.former.len() == MAX_FORMER {
            self.former.pop_front();
        }
        self.former.push_back(Former {
            id: self.id,
            used,
            until: now + ANSWERS_FOR,
        });
        self.needed = None;
        self.why = why;
        self.id = id;
        self.new = Some(id);
        id
    }

    /// The new id, if one was drawn since this was asked last.
    pub(super) fn take_new(&mut self) -> Option<TrackerId> {
        self.new.take()
    }

    /// Whether what was sent to this id is for us: it is ours, or was until a moment ago.
    pub(super) fn is_ours(&self, now: Time, id: TrackerId) -> bool {
        let is_it = |former: &Former| former.id == id && now < former.until;
        self.id == id || self.former.iter().any(is_it)
    }

    /// A packet of ours leaves that is not kept with a number.
    pub(super) fn leaves(&mut self, now: Time, packet: &[u8]) {
        self.echoes.leaves(now, packet);
    }

    /// Whether it is ours, or was at any time.
    fn was_ours(&self, id: TrackerId) -> bool {
        self.id == id || self.former.iter().any(|former| former.id == id)
    }

    /// How far we got under an old id.
    pub(super) fn former(&self, id: TrackerId) -> Option<Option<Used>> {
        let former = self.former.iter().find(|former| former.id == id)?;
        Some(former.used)
    }
}

impl Node {
    /// The id under which this node speaks.
    pub fn id(&self) -> TrackerId {
        self.identity.id
    }

    /// The new id, if this node has drawn one since the last call; [`why_new_id`](Self::why_new_id)
    /// says why.
    pub fn take_new_id(&mut self) -> Option<TrackerId> {
        self.identity.take_new()
    }

    /// Why this node drew its last new id.
    pub fn why_new_id(&self) -> NewId {
        self.identity.why
    }

    /// Whether we have sent this packet ourselves, that has waited for so long. A
    /// packet of loss repair is told by its id, epoch and number, and by all of its bytes while we
    /// keep it; any other one by what we have sent lately.
    pub(super) fn is_own(&mut self, waited: Waited, datagram: &[u8]) -> bool {
        let id = datagram.first_chunk().map(|id| TrackerId(*id));
        let Some(id) = id.filter(|id| self.identity.was_ours(*id)) else {
            return false;
        };
        let frame = Frame::parse(datagram).ok();
        let trailer = frame.and_then(|frame| frame.trailer);
        match (trailer.filter(|trailer| trailer.seq > 0), &self.repair) {
            (Some(trailer), Some(repair)) => {
                let Trailer { epoch, seq, .. } = trailer;
                match repair.has_sent(Number { id, epoch, seq }, datagram) {
                    Some(same) => same,
                    // With a key the tag tells more.
                    None => self.authentication.is_none() && self.has_used(id, &trailer),
                }
            }
            (Some(_), None) => self.identity.echoes.has_left(datagram, None),
            (None, _) => {
                let now = self.timers.elapsed();
                let arrived = now.before(waited.most)..=now.before(waited.least);
                let arrived = Some(arrived).filter(|_| trailer.is_none());
                self.identity.echoes.has_left(datagram, arrived)
            }
        }
    }

    /// Whether a number is one that we have used in the last epoch under this id.
    fn has_used(&self, id: TrackerId, trailer: &Trailer) -> bool {
        let used = self.used(id).flatten();
        used.is_some_and(|used| used.is_of(trailer.epoch) && used.has_sent(trailer))
    }

    /// How far we got under an id, if it is ours or was; nothing of one without numbers.
    fn used(&self, id: TrackerId) -> Option<Option<Used>> {
        let ours = self.trailers.as_ref();
        let ours = || ours.map(|trailers| Used::of(&trailers.numbering));
        let former = self.identity.former(id);
        former.or_else(|| (id == self.identity.id).then(ours))
    }

    /// Whether a packet has our id, or one that was ours, and may be one of ours, from this run or
    /// one before. Of two trackers that have drawn the same id it is the one with the older epoch
    /// that notices; if they began in the same tenth of a second, the one that hears of a number
    /// that it has not used, or used for something else.
    pub(super) fn may_be_ours(&self, id: TrackerId, trailer: &Trailer) -> bool {
        let Some(used) = self.used(id) else {
            return false;
        };
        let Some(used) = used else {
            return self.was_sent_before_us(trailer);
        };
        if !used.is_of(trailer.epoch) {
            return used.has_sent(trailer) || self.was_sent_before_us(trailer);
        }
        let repair = self.repair.as_ref().filter(|_| trailer.seq > 0);
        used.has_sent(trailer) && repair.is_none_or(|repair| repair.may_have_sent(id, trailer))
    }

    /// Somebody else uses our id. We draw another one, but not too often: whoever makes us do so
    /// could make the others know nothing else.
    pub(super) fn id_is_used(&mut self, why: NewId) {
        let wait = self.identity.is_used(self.timers.elapsed(), why);
        self.timers.set_after(Timer::NewId, wait);
        self.draw_if_needed();
    }

    pub(super) fn draw_if_needed(&mut self) {
        if self.timers.take_due(Timer::NewId)
            && let Some(why) = self.identity.take_needed(self.timers.elapsed())
        {
            self.counters.id_collisions += 1;
            self.draw_new_id(why);
        }
    }

    /// Goes on under an id that nobody has, as far as anybody can know.
    pub(super) fn draw_new_id(&mut self, why: NewId) {
        let used = self.trailers.as_ref();
        let used = used.map(|trailers| Used::of(&trailers.numbering));
        let id = self.identity.draw(self.timers.elapsed(), why, used);
        self.ipv4.rename(id);
        self.ipv6.rename(id);
        self.queue.rename(id);
        let now = self.timers.elapsed();
        let repair = self.repair.as_ref();
        let retold = repair.map_or(0, |repair| repair.retold(now));
        let retold = self.begin_first_epoch(retold);
        let name = self.name();
        if let Some(repair) = &mut self.repair {
            repair.begins_as(name.id, name.epoch, retold, &mut self.timers);
        }
        self.scrape.rename(id);
    }
}
