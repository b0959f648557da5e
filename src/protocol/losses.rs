//! What is done about packets that are missing: ours, and those of others.

use super::departure::Trailers;
use super::node::{Node, post};
use super::timers::Timer;
use crate::time::Time;
use crate::wire::Nak;

impl Node {
    /// Somebody misses packets, of ours or of another one.
    pub(super) fn handle_nak(&mut self, nak: &Nak<'_>) {
        let Some(repair) = &mut self.repair else {
            return;
        };
        let now = self.timers.elapsed();
        let members = self.nodes.len();
        if nak.asked == self.id {
            let epoch = |trailers: &Trailers| trailers.numbering.epoch() == nak.epoch;
            if self.trailers.as_ref().is_some_and(epoch) {
                repair.asked(nak, &mut self.timers);
            }
        } else if let Some(stream) = self.nodes.stream(nak.asked)
            && stream.epoch == nak.epoch
        {
            repair.asked_another(now, nak, stream, members);
        }
    }

    /// Before a stop, after the last list: says how much we have sent, and where packets get
    /// lost the last of it once more, since nobody can ask us any more.
    pub fn say_last_words(&mut self, now: Time) {
        self.timers.set_now(now);
        let mut send = |datagram| post(&mut self.outbox, &mut self.counters, datagram);
        if let Some(repair) = &mut self.repair
            && let Some(trailers) = &self.trailers
        {
            let (epoch, highest) = (trailers.numbering.epoch(), trailers.numbering.highest());
            repair.say_last_words(self.id, epoch, highest, &mut self.timers, &mut send);
        }
    }

    /// Asks for what we miss, and does what others miss of ours.
    pub(super) fn repair(&mut self) {
        let timers = &mut self.timers;
        let mut send = |datagram| post(&mut self.outbox, &mut self.counters, datagram);
        if timers.take_due(Timer::Ask) {
            let now = timers.elapsed();
            let members = self.nodes.len();
            let mut next = Time::NEVER;
            for (id, stream) in self.nodes.streams() {
                stream.give_up(now);
                if let Some(repair) = &mut self.repair {
                    repair.ask(now, self.id, (id, stream), members, &mut send);
                }
                next = next.min(stream.due());
            }
            if next != Time::NEVER {
                timers.set_after(Timer::Ask, next.since(now));
            }
        }
        if let Some(repair) = &mut self.repair
            && let Some(trailers) = &self.trailers
        {
            repair.send_again(timers, &mut send);
            let (epoch, highest) = (trailers.numbering.epoch(), trailers.numbering.highest());
            let heartbeat = repair.heartbeat(self.id, epoch, highest, timers);
            heartbeat.into_iter().for_each(send);
        }
    }
}
