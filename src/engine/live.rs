//! What the engine's mutex covers while a node runs.

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

/// How many packets leave together,
const SEND_BATCH_PACKETS: usize = if cfg!(shuttle) { 2 } else { 64 };

/// and how many of them get their trailers before our lock is free again: without instructions for
/// it a tag takes five microseconds.
const SEAL_MAX_PACKETS: usize = if cfg!(shuttle) { 1 } else { 16 };

/// Who applies what arrives, and does on time what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventLoop {
    /// That of the receive thread.
    Worker,
    /// That of the host.
    Host,
}

/// How many announces the node takes before our lock is free again: other threads may wait for it.
const ANNOUNCE_PORTION: usize = if cfg!(shuttle) { 2 } else { 256 };

/// How long the event loop sleeps while somebody else sends, and there is no room for more.
const FULL_NODE_SLEEP: Duration = Duration::from_millis(1);

/// A node and its links.
pub(super) struct Live {
    pub(super) node: Node,
    pub(super) links: Links,
    began: Time,
    pub(super) event_loop: EventLoop,
    pub(super) wakeup: Wakeup,
    /// When to look next what time it is.
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
        // In a model the same again.
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

    /// Hands some of what was announced to the node, as far as there is room for it, or while the
    /// network takes nothing: first what was taken before, and only then what waits, unless that
    /// was `taken` since, so that what was taken is bounded as what waits is. A caller that may not
    /// wait takes nothing while another thread is amidst an announce. Whether there is more to hand
    /// over.
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

    /// Does what is due, as far as it takes neither the host nor the network, and little time;
    /// whether there is more. `taken` says whether what waits was taken meanwhile.
    pub(super) fn do_what_is_due(&mut self, now: Time, taken: &mut bool) -> bool {
        let is_due = *taken || self.wakeup.is_due(now, self.node.poll_timeout());
        let more = is_due && self.take_some(now, true, taken);
        if !more {
            self.node.handle_timeout(now);
        }
        more
    }

    /// Lets threads of the host see, without our lock, when the event loop is late.
    pub(super) fn show_late(&self, now: Time) {
        self.wakeup.show_late(now, self.node.poll_timeout());
    }

    /// How many announces were taken for which the node had no room yet.
    pub(super) fn left(&self) -> usize {
        self.wakeup.left()
    }

    /// Nothing more is announced: takes the rest.
    pub(super) fn take_last_announces(&mut self) {
        self.wakeup.take_last(self.began);
    }

    /// Hands a part of what is left to the node, for which there is room in one that has sent all;
    /// whether there was something.
    pub(super) fn announce_last(&mut self, now: Time) -> bool {
        let announces = self.wakeup.hand_out(ANNOUNCE_PORTION);
        let some = announces.len() > 0;
        self.node.announce_some(now, Duration::ZERO, announces);
        some
    }

    /// While the network takes nothing: takes some of what was announced, as it is due; whether
    /// there is more.
    pub(super) fn take_while_blocked(&mut self, now: Time, taken: &mut bool) -> bool {
        let is_due = *taken || self.wakeup.looks(now);
        self.links.are_blocked() && is_due && self.take_some(now, true, taken)
    }

    /// The event loop goes to sleep, until then at the latest.
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

    /// When the event loop has something to do.
    fn due(&self) -> Time {
        (self.wakeup.due(self.node.poll_timeout()))
            .min(self.next_clock_check)
            .min(self.links.due())
    }

    /// Looks every now and then what time it is.
    pub(super) fn check_clock(&mut self, clock: &Clock, now: Time) {
        if self.next_clock_check <= now {
            self.next_clock_check = now + CHECK_INTERVAL;
            let (now, unix_time) = clock.now_and_unix_time();
            self.node.set_unix_time(now, unix_time);
        }
    }

    /// Whether the event loop would sleep too long, and is to be woken.
    pub(super) fn must_wake_loop(&mut self) -> bool {
        let due = self.due();
        self.wakeup.must_wake(due, self.node.has_corrections())
    }

    /// Where to send to, if the caller is the one to send now.
    pub(super) fn begin_sending(&mut self) -> Option<Arc<dyn Link>> {
        let place = self.links.to_begin(self.node.has_transmit())?;
        Some(self.links.begin_sending(place))
    }

    /// Whether there is something to send, and nobody sends it.
    fn can_send(&self) -> bool {
        self.links.to_begin(self.node.has_transmit()).is_some()
    }

    /// Sending on a link has ended, though there may be more to send; whether to wake the
    /// event loop for that.
    pub(super) fn end_sending(&mut self, place: usize) -> bool {
        self.links.end_sending(place);
        self.wakeup.is_asleep() && self.can_send()
    }

    /// The next packet for a link.
    pub(super) fn next_transmit(&mut self, place: usize) -> Option<Transmit> {
        self.links.next_transmit(place, &mut self.node)
    }

    /// Some of the next packets, for the one that is sending on a link; whether there are more of
    /// this batch. Without any in the batch sending has ended.
    pub(super) fn next_to_send(&mut self, place: usize, batch: &mut Vec<Transmit>) -> bool {
        let room = SEND_BATCH_PACKETS - batch.len();
        let next = iter::from_fn(|| self.next_transmit(place));
        batch.extend(next.take(room.min(SEAL_MAX_PACKETS)));
        if batch.is_empty() {
            self.links.end_sending(place);
        }
        batch.len() < SEND_BATCH_PACKETS && (self.node.has_transmit() || self.links.has_waiting(place))
    }

    /// The network of a link does not take these packets now; sending has ended. Whether to
    /// wake the event loop, so that it waits for the network.
    pub(super) fn send_later(
        &mut self,
        place: usize,
        batch: impl DoubleEndedIterator<Item = Transmit>,
    ) -> bool {
        self.links.send_later(place, batch, &mut self.node);
        self.wakeup.is_asleep()
    }

    /// What was done so far.
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

    /// Whether we say anything at all.
    pub(super) fn speaks(&self) -> bool {
        self.links.iter().any(|link| link.sender().is_some())
    }

    /// Whether somebody is sending.
    pub(super) fn is_sending(&self) -> bool {
        self.links.are_busy()
    }

    /// Counts a packet that could not be sent at a link.
    pub(super) fn send_failed(&mut self, place: usize, now: Time, error: io::Error) {
        self.node.count_send_error();
        self.links.send_failed(place, now, error);
    }

    /// The new id, if the node has drawn one, and how seriously to log it.
    pub(super) fn take_new_id(&mut self, now: Time) -> Option<(TrackerId, NewId, Level)> {
        let id = self.node.take_new_id()?;
        let level = self.quiet.level(Complaint::IdCollision, now);
        Some((id, self.node.why_new_id(), level))
    }

    /// How seriously to log that packets were used without a proof, if there were some.
    pub(super) fn level_of_unauthenticated(&mut self, now: Time) -> Option<Level> {
        let unauthenticated = self.node.take_unauthenticated();
        unauthenticated.then(|| self.quiet.level(Complaint::Unauthenticated, now))
    }

    /// How seriously to log a drop: what an operator should know of as a warning,
    /// but for the same reason only once a minute.
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
