//! The part of the engine's state that exists while a node runs.

use std::io;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::links::{CHECK_INTERVAL, Links};
use super::quiet::{Complaint, Quiet};
use super::stats::Stats;
use super::wakeup::{AnnounceQueue, Wakeup};
use crate::config::Config;
use crate::log::Level;
use crate::net::Link;
use crate::protocol::{NewId, Node, Transmit};
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{TrackerId, random};

/// How many packets one system call sends at most.
const SEND_BATCH_PACKETS: usize = if cfg!(shuttle) { 2 } else { 64 };

/// How many packets get their trailers during one hold of the engine lock. A tag takes five
/// microseconds on a processor without SHA instructions.
const SEAL_MAX_PACKETS: usize = if cfg!(shuttle) { 1 } else { 16 };

/// The loop that applies what arrives and does on time what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventLoop {
    /// The loop of the receive thread.
    Worker,
    /// The loop of the application.
    Host,
}

/// How many announces the node takes during one hold of the engine lock. Other threads may wait for
/// the lock.
const ANNOUNCE_PORTION: usize = if cfg!(shuttle) { 2 } else { 1024 };

/// How long the event loop sleeps while the node is full and another thread sends.
const FULL_NODE_SLEEP: Duration = Duration::from_millis(1);

/// A node and its links.
pub(super) struct Live {
    pub(super) node: Node,
    pub(super) links: Links,
    began: Time,
    pub(super) event_loop: EventLoop,
    pub(super) wakeup: Wakeup,
    /// The time at which the node gets the time of the wall clock next.
    next_clock_check: Time,
    quiet: Quiet,
}

impl Live {
    pub(super) fn new(
        (now, unix_time): (Time, Duration),
        id: TrackerId,
        links: Vec<Arc<dyn Link>>,
        queue: Arc<AnnounceQueue>,
        config: &Config,
        last_epoch: Option<u32>,
    ) -> Self {
        // Under shuttle the seed is fixed, so that schedules are reproducible.
        let seed = if cfg!(shuttle) { 1 } else { random() };
        let links = Links::new(now, links);
        let mut node = Node::new(now, id, &links.infos(), seed, config);
        node.set_unix_time(now, unix_time);
        last_epoch
            .into_iter()
            .for_each(|epoch| node.begin_after(epoch));
        Self {
            node,
            links,
            began: now,
            event_loop: EventLoop::Worker,
            wakeup: Wakeup::new(queue, now, config.flush_after),
            next_clock_check: now + CHECK_INTERVAL,
            quiet: Quiet::new(),
        }
    }

    /// Hands a portion of announces to the node, if it has room for them or the network takes no
    /// packets. Returns whether there are more to hand over.
    ///
    /// Announces that were taken from the queue before come first. Only then the queue is taken,
    /// once for each loop of the caller, which keeps `taken`: so the announces that were taken are
    /// bounded as the queue is. A caller that must not wait takes nothing while another thread is
    /// in the middle of an announce.
    pub(super) fn take_some(&mut self, now: Time, may_wait: bool, taken: &mut bool) -> bool {
        if !self.takes() {
            return false;
        }
        if self.wakeup.left() == 0 {
            if *taken || !self.wakeup.take(now, may_wait) {
                return false;
            }
            *taken = true;
        }
        let waited = self.wakeup.waited(now);
        let announces = self.wakeup.hand_out(ANNOUNCE_PORTION);
        self.node.announce_some(now, waited, announces);
        if self.wakeup.left() == 0 {
            self.node.flush_if_due();
        }
        self.takes() && !(*taken && self.wakeup.left() == 0)
    }

    fn takes(&self) -> bool {
        self.node.has_room() || self.links.are_blocked()
    }

    /// Does a little of what is due and needs neither the host nor the network. Returns whether
    /// there is more. `taken` is true once the queue was taken meanwhile.
    pub(super) fn do_what_is_due(&mut self, now: Time, taken: &mut bool) -> bool {
        let is_due = *taken || self.wakeup.is_due(now, self.node.poll_timeout());
        let more = is_due && self.take_some(now, true, taken);
        if !more {
            self.node.handle_timeout(now);
        }
        more
    }

    /// Publishes when the event loop is late, for threads that do not take the engine lock.
    pub(super) fn show_late(&self, now: Time) {
        self.wakeup.show_late(now, self.node.poll_timeout());
    }

    /// Returns how many announces were taken from the queue and not handed to the node.
    pub(super) fn left(&self) -> usize {
        self.wakeup.left()
    }

    /// Takes the rest of the queue after it was closed.
    pub(super) fn take_last_announces(&mut self) {
        self.wakeup.take_last(self.began);
    }

    /// Hands a portion of the announces that are left to the node, which has sent everything and so
    /// has room. Returns whether there were any.
    pub(super) fn announce_last(&mut self, now: Time) -> bool {
        let announces = self.wakeup.hand_out(ANNOUNCE_PORTION);
        let some = announces.len() > 0;
        self.node.announce_some(now, Duration::ZERO, announces);
        some
    }

    /// Hands a portion of announces to the node if they are due and the network takes no packets.
    /// Returns whether there are more.
    pub(super) fn take_while_blocked(&mut self, now: Time, taken: &mut bool) -> bool {
        let is_due = *taken || self.wakeup.looks(now);
        self.links.are_blocked() && is_due && self.take_some(now, true, taken)
    }

    /// Puts the event loop to sleep, and returns until when at the latest.
    pub(super) fn loop_sleeps(&mut self, now: Time) -> Time {
        let mut stays_awake = false;
        if !self.wakeup.begin_to_sleep() {
            self.take_some(now, true, &mut false);
            stays_awake = self.wakeup.is_calm();
            self.wakeup.begin_to_look();
        }
        let until = if self.links.are_busy() && !self.node.has_room() {
            self.due().max(now + FULL_NODE_SLEEP)
        } else if self.can_send() || stays_awake {
            Time::START
        } else {
            self.due()
        };
        let until = self.wakeup.sleep(now, until, self.node.has_corrections());
        self.show_late(now);
        until
    }

    /// Returns when the event loop has something to do.
    fn due(&self) -> Time {
        (self.wakeup.due(self.node.poll_timeout()))
            .min(self.next_clock_check)
            .min(self.links.due())
    }

    /// Gives the node the time of the wall clock every [`CHECK_INTERVAL`].
    pub(super) fn check_clock(&mut self, clock: &Clock, now: Time) {
        if self.next_clock_check <= now {
            self.next_clock_check = now + CHECK_INTERVAL;
            let (now, unix_time) = clock.now_and_unix_time();
            self.node.set_unix_time(now, unix_time);
        }
    }

    /// Returns whether the event loop would sleep too long and has to be woken.
    pub(super) fn must_wake_loop(&mut self) -> bool {
        let due = self.due();
        self.wakeup.must_wake(due, self.node.has_corrections())
    }

    /// Returns the link on which the caller has to send now, if there is one.
    pub(super) fn begin_sending(&mut self) -> Option<Arc<dyn Link>> {
        let place = self.links.to_begin(self.node.has_transmit())?;
        Some(self.links.begin_sending(place))
    }

    /// Returns whether there are packets to send that no thread sends.
    fn can_send(&self) -> bool {
        self.links.to_begin(self.node.has_transmit()).is_some()
    }

    /// Ends sending on a link, though there may be more to send. Returns whether to wake the event
    /// loop for that.
    pub(super) fn end_sending(&mut self, place: usize) -> bool {
        self.links.end_sending(place);
        self.wakeup.is_asleep() && self.can_send()
    }

    /// Returns the next packet for a link.
    pub(super) fn next_transmit(&mut self, place: usize) -> Option<Transmit> {
        self.links.next_transmit(place, &mut self.node)
    }

    /// Adds some packets to the batch of the thread that sends on a link. Returns whether the batch
    /// gets more. If the batch stays empty, sending on the link has ended.
    pub(super) fn next_to_send(&mut self, place: usize, batch: &mut Vec<Transmit>) -> bool {
        let room = SEND_BATCH_PACKETS - batch.len();
        let next = iter::from_fn(|| self.next_transmit(place));
        batch.extend(next.take(room.min(SEAL_MAX_PACKETS)));
        if batch.is_empty() {
            self.links.end_sending(place);
        }
        batch.len() < SEND_BATCH_PACKETS
            && (self.node.has_transmit() || self.links.has_waiting(place))
    }

    /// Keeps packets that the network of a link does not take now, and ends sending on it. Returns
    /// whether to wake the event loop, which then waits for the network.
    pub(super) fn send_later(
        &mut self,
        place: usize,
        batch: impl DoubleEndedIterator<Item = Transmit>,
    ) -> bool {
        self.links.send_later(place, batch, &mut self.node);
        self.wakeup.is_asleep()
    }

    /// Returns the statistics of the run so far.
    pub(super) fn stats(&self, now: Time) -> Stats {
        Stats {
            running: false,
            id: self.node.id(),
            uptime: now.since(self.began),
            counters: self.node.counters(),
            receive_buffer_errors: self
                .links
                .iter()
                .map(|link| link.receive_buffer_errors())
                .sum(),
            announces_refused: 0,
            log_lines_dropped: 0,
            #[cfg(feature = "want_sync_scrape")]
            scrape: self.node.scrape_state(),
            nodes: self.node.nodes(now).count(),
            packets_missing: self.node.nodes(now).map(|node| node.missing).sum(),
            table: None,
        }
    }

    /// Returns whether the configuration lets this node send.
    pub(super) fn speaks(&self) -> bool {
        self.links.iter().any(|link| link.sender().is_some())
    }

    /// Returns whether a thread is sending.
    pub(super) fn is_sending(&self) -> bool {
        self.links.are_busy()
    }

    /// Counts a packet that could not be sent on a link.
    pub(super) fn send_failed(&mut self, place: usize, now: Time, error: io::Error) {
        self.node.count_send_error();
        self.links.send_failed(place, now, error);
    }

    /// Takes the new tracker id if the node has drawn one, with the reason and the log level.
    pub(super) fn take_new_id(&mut self, now: Time) -> Option<(TrackerId, NewId, Level)> {
        let id = self.node.take_new_id()?;
        let level = self.quiet.level(Complaint::IdCollision, now);
        Some((id, self.node.why_new_id(), level))
    }

    /// Returns the level at which to log that an unauthenticated packet was used, if one was.
    pub(super) fn level_of_unauthenticated(&mut self, now: Time) -> Option<Level> {
        let unauthenticated = self.node.take_unauthenticated();
        unauthenticated.then(|| self.quiet.level(Complaint::Unauthenticated, now))
    }

    /// Returns the level at which to log a dropped packet: a warning if an operator should know of
    /// the reason, but only once a minute for the same one.
    pub(super) fn level_of(&mut self, now: Time, reject: Reject) -> Level {
        if reject.is_alarming() {
            self.quiet.level(Complaint::Reject(reject), now)
        } else {
            Level::Debug
        }
    }
}

#[cfg(all(test, not(shuttle)))]
#[path = "live_tests.rs"]
mod tests;
