//! The id under which this node sends, and the ids under which it sent before.

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

/// Shortest time between two new ids.
const NEW_ID_INTERVAL: Duration = Duration::from_secs(1);

/// Time for which NAKs and inquiries to a former id are answered.
const FORMER_ID_ANSWERED_FOR: Duration = Duration::from_secs(10);

/// Upper bound for the former ids that are remembered.
const MAX_FORMER_IDS: usize = 256;

/// The reason why a node continues under a new id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// Another node sends packets under the same id.
    SameId,
    /// Other nodes send NAKs for packets that this node never sent: another node sent them under
    /// its id.
    NeverSent,
    /// The clock was set so far back that no receiver would accept packets under the old id.
    ClockSetBack,
}

/// The extent of the numbering under an id.
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

    /// Returns whether a packet may be one of those that were sent, in this epoch or an earlier
    /// one. A packet without a number may be, if it was sent no later than the last one of ours.
    pub(super) fn has_sent(&self, trailer: &Trailer) -> bool {
        if trailer.epoch != self.epoch {
            return is_before(trailer.epoch, self.epoch);
        }
        match trailer.seq {
            0 => self.unnumbered.is_some_and(|last| trailer.sent <= last),
            seq => seq <= self.highest,
        }
    }

    /// Returns whether packets up to `last` of `epoch` are more than were sent.
    pub(super) fn is_exceeded(&self, epoch: u32, last: u32) -> bool {
        is_before(self.epoch, epoch) || (epoch == self.epoch && last > self.highest)
    }
}

/// An id under which this node sent before.
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
    /// Their addresses go into each draw, so that cloned machines draw different ids.
    links: Vec<LinkInfo>,
    echoes: Echoes,
    former: VecDeque<Former>,
    /// The time at which an id was last drawn because another node used ours.
    drawn: Option<Time>,
    /// The reason why a new id is needed; it is drawn once the interval has passed.
    needed: Option<NewId>,
    /// A new id that [`take_new`](Self::take_new) has not returned yet.
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

    /// Notes that another node uses our id. Returns how long to wait before drawing a new one.
    pub(super) fn note_used(&mut self, now: Time, why: NewId) -> Duration {
        self.needed = Some(why);
        let wait = |drawn| NEW_ID_INTERVAL.saturating_sub(now.since(drawn));
        self.drawn.map_or(Duration::ZERO, wait)
    }

    /// Returns why a new id is needed, if it is, and notes that it is drawn now.
    pub(super) fn take_needed(&mut self, now: Time) -> Option<NewId> {
        let needed = self.needed.take()?;
        self.drawn = Some(now);
        Some(needed)
    }

    /// Draws a random id that differs from ours and all former ones. `used` says how far the
    /// numbering of the old id got.
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
        if self.former.len() == MAX_FORMER_IDS {
            self.former.pop_front();
        }
        self.former.push_back(Former {
            id: self.id,
            used,
            until: now + FORMER_ID_ANSWERED_FOR,
        });
        self.needed = None;
        self.why = why;
        self.id = id;
        self.new = Some(id);
        id
    }

    /// Returns the new id if one was drawn since the last call.
    pub(super) fn take_new(&mut self) -> Option<TrackerId> {
        self.new.take()
    }

    /// Returns whether a packet to this id is for us: the id is ours, or was until a moment ago.
    pub(super) fn is_ours(&self, now: Time, id: TrackerId) -> bool {
        let is_it = |former: &Former| former.id == id && now < former.until;
        self.id == id || self.former.iter().any(is_it)
    }

    /// Remembers a packet of ours that leaves and is not kept under a number.
    pub(super) fn note_sent(&mut self, now: Time, packet: &[u8]) {
        self.echoes.note_sent(now, packet);
    }

    /// Returns whether this packet left lately without such a number; see [`Echoes::has_left`].
    pub(super) fn has_left(
        &mut self,
        packet: &[u8],
        arrived: Option<RangeInclusive<Time>>,
    ) -> bool {
        self.echoes.has_left(packet, arrived)
    }

    /// Returns whether this id is ours, or a former one.
    pub(super) fn was_ours(&self, id: TrackerId) -> bool {
        self.id == id || self.former.iter().any(|former| former.id == id)
    }

    /// Returns how far the numbering of a former id got: `Some(None)` if that id numbered nothing.
    pub(super) fn former(&self, id: TrackerId) -> Option<Option<Used>> {
        let former = self.former.iter().find(|former| former.id == id)?;
        Some(former.used)
    }
}
