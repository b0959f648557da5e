//! How a node deals with its id: it recognizes its own packets, and draws a new id when another
//! node uses the same one.

use super::identity::{NewId, Used};
use super::node::Node;
use super::number::Number;
use super::received::Waited;
use super::timers::Timer;
use crate::types::TrackerId;
use crate::wire::{Frame, Trailer};

impl Node {
    /// Returns the id under which this node sends.
    pub fn id(&self) -> TrackerId {
        self.identity.id
    }

    /// Returns the new id if this node has drawn one since the last call;
    /// [`why_new_id`](Self::why_new_id) says why.
    pub fn take_new_id(&mut self) -> Option<TrackerId> {
        self.identity.take_new()
    }

    /// Returns why this node drew its last new id.
    pub fn why_new_id(&self) -> NewId {
        self.identity.why
    }

    /// Returns whether this node sent this packet itself; `waited` is for how long the packet has
    /// waited.
    ///
    /// A numbered packet of loss repair is recognized by its id, epoch and number, and by all of
    /// its bytes as long as this node keeps it; any other packet by what this node sent lately.
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
                    // With a key, the tag tells more.
                    None => self.authentication.is_none() && self.has_used(id, &trailer),
                }
            }
            (Some(_), None) => self.identity.has_left(datagram, None),
            (None, _) => {
                let now = self.timers.elapsed();
                let arrived = now.before(waited.most)..=now.before(waited.least);
                let arrived = Some(arrived).filter(|_| trailer.is_none());
                self.identity.has_left(datagram, arrived)
            }
        }
    }

    /// Returns whether this number was used in the last epoch under this id.
    fn has_used(&self, id: TrackerId, trailer: &Trailer) -> bool {
        let used = self.used(id).flatten();
        used.is_some_and(|used| used.is_of(trailer.epoch) && used.has_sent(trailer))
    }

    /// Returns how far the numbering of an id has got, if the id is ours or was: `Some(None)` if
    /// that id numbered nothing.
    fn used(&self, id: TrackerId) -> Option<Option<Used>> {
        let ours = self.trailers.as_ref();
        let ours = || ours.map(|trailers| Used::of(&trailers.numbering));
        let former = self.identity.former(id);
        former.or_else(|| (id == self.identity.id).then(ours))
    }

    /// Returns whether a packet carries our id, or a former one, and may be ours, from this run or
    /// an earlier one.
    ///
    /// If two trackers draw the same id, the one with the older epoch notices. If both began in the
    /// same tenth of a second, it is the one that hears of a number that it has not used, or has
    /// used for another packet.
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

    /// Notes that another node uses our id, and draws another one, but not too often: an attacker
    /// who forces new ids could otherwise fill the tables of the other nodes with them.
    pub(super) fn id_is_used(&mut self, why: NewId) {
        let wait = self.identity.note_used(self.timers.elapsed(), why);
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

    /// Continues under a new id.
    pub(super) fn draw_new_id(&mut self, why: NewId) {
        let used = self.trailers.as_ref();
        let used = used.map(|trailers| Used::of(&trailers.numbering));
        let id = self.identity.draw(self.timers.elapsed(), why, used);
        self.ipv4.rename(id);
        self.ipv6.rename(id);
        self.queue.rename(id);
        let now = self.timers.elapsed();
        let repair = self.repair.as_ref();
        let reissued = repair.map_or(0, |repair| repair.reissued(now));
        let reissued = self.begin_first_epoch(reissued);
        let name = self.name();
        if let Some(repair) = &mut self.repair {
            repair.begins_as(name.id, name.epoch, reissued, &mut self.timers);
        }
        self.scrape.rename(id);
    }
}
