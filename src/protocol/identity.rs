//! The id under which this node speaks, and those under which it spoke before.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

use super::echoes::Echoes;
use super::links::LinkInfo;
use super::number::is_before;
use super::outbound::Numbering;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Trailer;

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
        let retransmitted = |drawn| DRAW_AGAIN.saturating_sub(now.since(drawn));
        self.drawn.map_or(Duration::ZERO, retransmitted)
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

    /// Whether this packet has left lately without such a number; if it `arrived` at some time,
    /// shortly before that.
    pub(super) fn has_left(
        &mut self,
        packet: &[u8],
        arrived: Option<RangeInclusive<Time>>,
    ) -> bool {
        self.echoes.has_left(packet, arrived)
    }

    /// Whether it is ours, or was at any time.
    pub(super) fn was_ours(&self, id: TrackerId) -> bool {
        self.id == id || self.former.iter().any(|former| former.id == id)
    }

    /// How far we got under an old id.
    pub(super) fn former(&self, id: TrackerId) -> Option<Option<Used>> {
        let former = self.former.iter().find(|former| former.id == id)?;
        Some(former.used)
    }
}
