//! A node's reactions to missing packets: NAKs for those of others, retransmission of its own.

use std::time::Duration;

use crate::protocol::identity::{NewId, Used};
use crate::protocol::inbound::Stream;
use crate::protocol::node::Node;
use crate::protocol::outbound::Datagram;
use crate::protocol::timers::Timer;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Nak;

/// The largest number of gaps that are examined in one turn. There may be many, as senders with
/// forged ids can open them, and other work must not wait for all.
const MAX_GAPS_PER_TURN: usize = 2048;

/// The pause before the next turn.
const TURN_PAUSE: Duration = Duration::from_millis(1);

impl Node {
    /// Handles a NAK, for packets of this node or of a third one.
    pub(in crate::protocol) fn handle_nak(&mut self, by: TrackerId, nak: &Nak<'_>) {
        let now = self.timers.elapsed();
        if !self.identity.is_ours(now, nak.asked) {
            return self.handle_nak_to_another(now, nak);
        }
        if let Some(repair) = &mut self.repair
            && self.trailers.is_some()
        {
            repair.on_nak(by, nak, &mut self.timers);
        }
        if nak.asked != self.identity.id {
            return;
        }
        let last = nak.ranges().last().map_or(0, |range| *range.end());
        let used = self.trailers.as_ref();
        let used = used.map(|trailers| Used::of(&trailers.numbering));
        // Others have received packets that this node has not sent.
        if used.is_some_and(|used| used.is_exceeded(nak.epoch, last)) {
            self.id_is_used(NewId::NeverSent);
        }
    }

    fn handle_nak_to_another(&mut self, now: Time, nak: &Nak<'_>) {
        let nodes = self.nodes.repairing(now);
        if let Some(repair) = &mut self.repair
            && let Some(asked) = self.nodes.find(nak.asked)
        {
            let of_epoch = |stream: &&mut Stream| stream.epoch() == nak.epoch;
            let streams = self.nodes.get_mut(asked).streams_mut();
            for stream in streams.iter_mut().filter(of_epoch) {
                repair.on_nak_to_another(now, nak, stream, nodes);
            }
        }
    }

    /// Sends a NAK to the sender of a stream because another node seems to use its id. If it has
    /// not used the number, it notices that.
    pub(in crate::protocol) fn object(&mut self, id: TrackerId, epoch: u32, number: u32) {
        if let Some(repair) = &mut self.repair {
            let now = self.timers.elapsed();
            let nak = repair.object(now, self.identity.id, (id, epoch), number);
            let send = |datagram| self.queue.post(datagram);
            nak.into_iter().for_each(send);
        }
    }

    /// Sends the last packets before a stop, after the last announces: heartbeats, and where
    /// packets get lost the packets of the last moments once more. Nobody can send this node a NAK
    /// afterwards.
    pub fn say_last_words(&mut self, now: Time) {
        self.timers.set_now(now);
        for datagram in self.last_words() {
            self.queue.post(datagram);
        }
    }

    /// Sends the last packets of an epoch, since no later packet says how far it went.
    pub(in crate::protocol) fn end_epoch(&mut self) {
        for mut datagram in self.last_words() {
            if !datagram.is_sealed() {
                self.seal(&mut datagram);
            }
            self.queue.post(datagram);
        }
    }

    fn last_words(&mut self) -> Vec<Datagram> {
        let mut words = Vec::new();
        if let Some(repair) = &mut self.repair
            && let Some(trailers) = &self.trailers
        {
            let (epoch, highest) = (trailers.numbering.epoch(), trailers.numbering.highest());
            repair.say_last_words(
                self.identity.id,
                epoch,
                highest,
                &mut self.timers,
                |datagram| words.push(datagram),
            );
        }
        words
    }

    /// Sends the NAKs, retransmissions and heartbeats that are due.
    pub(in crate::protocol) fn repair(&mut self) {
        let timers = &mut self.timers;
        let mut send = |datagram| self.queue.post(datagram);
        if timers.take_due(Timer::Nak) {
            let now = timers.elapsed();
            let nodes = self.nodes.repairing(now);
            let mut next = Time::NEVER;
            self.nodes.forget_streams(now);
            let (id, repair) = (self.identity.id, &mut self.repair);
            let all = self.nodes.take_turns(MAX_GAPS_PER_TURN, |sender, stream| {
                stream.give_up(now);
                if let Some(repair) = repair {
                    repair.send_naks(now, id, (sender, stream), nodes, &mut send);
                }
                next = next.min(stream.due());
            });
            if !all {
                timers.set_after(Timer::Nak, TURN_PAUSE);
            } else if next != Time::NEVER {
                timers.set_after(Timer::Nak, next.since(now));
            }
        }
        if let Some(repair) = &mut self.repair
            && let Some(trailers) = &self.trailers
        {
            let reissued = repair.retransmit(timers, &mut send);
            let (epoch, highest) = (trailers.numbering.epoch(), trailers.numbering.highest());
            let heartbeat = repair.heartbeat(self.identity.id, epoch, highest, timers);
            heartbeat.into_iter().for_each(send);
            for reissued in reissued {
                if let Some(datagram) = self.reissue(&reissued) {
                    self.queue.post(datagram);
                }
            }
        }
    }
}
