//! How a node handles torrents and the packets of scrape sync: those of its own host, and those
//! heard from other nodes.

use super::inbound::Arrived;
use super::node::Node;
use super::outbound::Class;
use super::received::Received;
use super::scrape::{Candidate, Scrape, ScrapeState, Task};
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{Cursor, InfoHash, Merged, Torrent};
use crate::wire::{Packet, PlausibleTorrents};

impl Node {
    /// Returns what scrape sync does now, if this node takes part in it.
    pub fn scrape_state(&self) -> Option<ScrapeState> {
        self.scrape.part().map(Scrape::state)
    }

    /// Handles a packet of scrape sync.
    pub(super) fn handle_torrents<'a>(
        &mut self,
        arrived: &Arrived,
        packet: Packet<'a>,
    ) -> Result<Received<'a>, Reject> {
        let Some(scrape) = self.scrape.part_mut() else {
            return Err(Reject::ScrapeUnsupported);
        };
        let from = arrived.from;
        match packet {
            Packet::ScrapeBeacon(beacon) => {
                let node = self.nodes.get(arrived.node);
                scrape.heard_beacon(Candidate {
                    id: from,
                    address: node.address().ip(),
                    torrents: beacon.torrents,
                    known: node.is_credible(),
                });
            }
            Packet::ScrapeInquire(mut inquire) => {
                if self.identity.is_ours(self.timers.elapsed(), inquire.asked) {
                    inquire.asked = self.identity.id;
                }
                scrape.heard_inquire(inquire, &mut self.timers);
            }
            Packet::ScrapeTell(torrents) => {
                let (all, tail) = (torrents.len(), torrents.tail());
                let torrents = PlausibleTorrents::new(torrents);
                let plausible = torrents.clone().count();
                if plausible > 0 {
                    let send = &mut |datagram| self.queue.post(datagram);
                    scrape.heard_tell(from, &mut self.timers, send);
                }
                let bad = (all - plausible) as u64;
                self.counters.drops.add(Reject::BadCount, bad);
                self.count_tail(tail);
                if plausible > 0 {
                    return Ok(Received::Torrents(torrents));
                }
            }
            Packet::Live(_) | Packet::Heartbeat(_) | Packet::Nak(_) => {}
        }
        Ok(Received::Nothing)
    }

    /// Returns the next task for the host. Each task is returned once, and the host answers it
    /// once.
    pub fn poll_task(&mut self) -> Option<Task> {
        self.scrape
            .part_mut()?
            .poll_task(self.queue.has_room(Class::Bulk))
    }

    /// Handles the host's answer to [`Task::CountTorrents`].
    pub fn handle_torrent_count(&mut self, now: Time, torrents: u64) {
        self.timers.set_now(now);
        if let Some(scrape) = self.scrape.part_mut() {
            let send = &mut |datagram| self.queue.post(datagram);
            scrape.handle_torrent_count(torrents, &mut self.timers, send);
        }
    }

    /// Handles the host's answer to [`Task::Walk`]: some torrents, and the cursor at which to
    /// continue.
    pub fn handle_walked(&mut self, torrents: &[Torrent], next: Option<Cursor>) {
        if let Some(scrape) = self.scrape.part_mut() {
            let send = &mut |datagram| self.queue.post(datagram);
            scrape.handle_walked(torrents, next, &mut self.timers, send);
        }
    }

    /// Returns true once after a [walk](Task::Walk) of the host came back to where it had been
    /// before, which ends the telling.
    pub fn take_stuck_walk(&mut self) -> bool {
        let scrape = self.scrape.part_mut();
        scrape.is_some_and(Scrape::take_stuck_walk)
    }

    /// Handles the host's answer to [`Task::LookUp`].
    pub fn handle_looked_up(&mut self, torrents: &[Torrent]) {
        if let Some(scrape) = self.scrape.part_mut() {
            let send = &mut |datagram| self.queue.post(datagram);
            scrape.handle_looked_up(torrents, send);
        }
    }

    /// Handles the host's answer to [`Received::Torrents`]: what became of each torrent.
    pub fn handle_merged(&mut self, now: Time, merged: &[(InfoHash, Merged)]) {
        self.timers.set_now(now);
        if let Some(scrape) = self.scrape.part_mut() {
            scrape.handle_merged(merged, &mut self.timers);
        }
    }
}
