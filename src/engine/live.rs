//! What the engine's mutex covers while a node runs.

use std::io;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::lanes::Taker;
use super::links::{CHECK, Links};
use super::pace::{GRACE, Pace};
use super::quiet::{Complaint, Quiet};
use super::stats::Stats;
use super::told::Told;
use crate::config::Config;
use crate::log::Level;
use crate::net::Link;
use crate::protocol::{NewId, Node, Transmit};
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{TrackerId, random};

/// How many packets leave together,
const BATCH: usize = if cfg!(shuttle) { 2 } else { 64 };

/// and how many of them get their trailers before our lock is free again: without instructions for
/// it a tag takes five microseconds.
const SEALED_AT_ONCE: usize = if cfg!(shuttle) { 1 } else { 16 };

/// Who applies what arrives, and does on time what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// The receive thread.
    Thread,
    /// The host, in its own event loop.
    Host,
}

/// How many announces the node takes at once: fewer than it has room for.
const PORTION: usize = 16_384;

/// How long to wait for a host that has no room.
pub(super) const NO_ROOM: Duration = Duration::from_millis(10);

/// How long the driver sleeps while somebody else sends, and there is no room for more.
const CROWDED: Duration = Duration::from_millis(1);

/// A node and its links.
pub(super) struct Live {
    pub(super) node: Node,
    pub(super) links: Links,
    began: Time,
    pub(super) driver: Driver,
    /// Until when the driver sleeps; [`Time::START`] while it is awake.
    driver_sleeps_until: Time,
    /// Corrections were there as the driver went to sleep: the host had no room for them.
    awaits_room: bool,
    taker: Taker,
    pace: Pace,
    /// When to look next what time it is.
    next_look: Time,
    quiet: Quiet,
}

impl Live {
    pub(super) fn new(
        (now, unix_time): (Time, Duration),
        id: TrackerId,
        links: Vec<Arc<dyn Link>>,
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
            driver: Driver::Thread,
            driver_sleeps_until: Time::START,
            awaits_room: false,
            taker: Taker::default(),
            pace: Pace::new(now, config.flush_after),
            next_look: now + CHECK,
            quiet: Quiet::new(),
        }
    }

    /// Hands what was announced to the node, as far as there is room for it, or while the network
    /// takes nothing: first what was taken before, and only then what waits, so that what was
    /// taken is bounded as what waits is. For an announcing thread it waits for no other thread.
    /// Whether it has taken what waits.
    pub(super) fn take_told(&mut self, told: &Told, now: Time, may_wait: bool) -> bool {
        let mut taken = false;
        let mut waited = self.told_waited(now);
        while self.takes() {
            if self.taker.left() == 0 {
                if taken || !told.take(&mut self.taker, now, may_wait) {
                    break;
                }
                taken = true;
                waited = self.told_waited(now);
                self.pace.found(now, self.taker.left());
            }
            let announces = self.taker.hand_out(PORTION);
            self.node.tell_all(now, waited, announces);
        }
        taken
    }

    /// How long what was taken has waited at most. A driver that looks every now and then takes
    /// all for as old as its last look: so what is found leaves at once, and wakes it no more.
    fn told_waited(&self, now: Time) -> Duration {
        let calm = self.pace.is_calm();
        self.pace.waited(now, self.taker.first().filter(|_| calm))
    }

    fn takes(&self) -> bool {
        self.node.has_room() || self.links.are_blocked()
    }

    /// Does what is due, as far as it takes neither the host nor the network.
    pub(super) fn do_what_is_due(&mut self, told: &Told, now: Time) {
        if told.is_woken() || told.is_late(now) || self.when_due() <= now {
            self.take_told(told, now, true);
        }
        self.node.handle_timeout(now);
    }

    /// Lets threads of the host see, without our lock, when the driver is late.
    pub(super) fn show_late(&self, told: &Told, now: Time) {
        let late = if self.taker.left() > 0 {
            Time::START
        } else {
            self.pace.late()
        };
        told.late_at(now, late.min(self.node.poll_timeout() + GRACE));
    }

    /// When announces are to be taken, or the node has something to do.
    fn when_due(&self) -> Time {
        let told = if self.taker.left() > 0 {
            Time::START
        } else {
            self.pace.next()
        };
        self.node.poll_timeout().min(told)
    }

    /// How many announces were taken for which the node had no room yet.
    pub(super) fn left(&self) -> usize {
        self.taker.left()
    }

    /// Nothing more is announced: takes the rest, of which a part may have been taken before.
    pub(super) fn take_last_told(&mut self, told: &Told) {
        for _ in 0..2 {
            told.take(&mut self.taker, self.began, true);
        }
    }

    /// Hands a part of what is left to the node, for which there is room in one that has sent all;
    /// whether there was something.
    pub(super) fn tell_last(&mut self, now: Time) -> bool {
        let announces = self.taker.hand_out(PORTION);
        let some = announces.len() > 0;
        self.node.tell_all(now, Duration::ZERO, announces);
        some
    }

    /// The driver goes to sleep, until then at the latest.
    pub(super) fn driver_sleeps(&mut self, told: &Told, now: Time) -> Time {
        let mut stays_awake = false;
        // While the network takes nothing what was announced is taken here, as it is due.
        if self.links.are_blocked() && self.pace.next() <= now {
            self.take_told(told, now, true);
        }
        if !self.pace.is_calm() {
            told.driver_sleeps();
        } else if !told.driver_sleeps_until_woken() {
            self.take_told(told, now, true);
            stays_awake = self.pace.is_calm();
            told.driver_sleeps();
        }
        self.driver_sleeps_until = if self.links.are_busy() && !self.node.has_room() {
            self.due().max(now + CROWDED)
        } else if self.can_send() || stays_awake {
            Time::START
        } else {
            self.due()
        };
        self.awaits_room = self.node.has_corrections();
        if self.awaits_room {
            let soon = now + NO_ROOM;
            self.driver_sleeps_until = self.driver_sleeps_until.min(soon);
        }
        self.show_late(told, now);
        self.driver_sleeps_until
    }

    /// When the driver has something to do.
    fn due(&self) -> Time {
        self.when_due().min(self.next_look).min(self.links.due())
    }

    /// The driver is awake.
    pub(super) fn driver_wakes(&mut self) {
        self.driver_sleeps_until = Time::START;
    }

    /// Looks every now and then what time it is.
    pub(super) fn look_at(&mut self, clock: &Clock, now: Time) {
        if self.next_look <= now {
            self.next_look = now + CHECK;
            let (now, unix_time) = clock.now_and_unix_time();
            self.node.set_unix_time(now, unix_time);
        }
    }

    /// Whether the driver would sleep too long. It is asked to wake only
    /// once, so in a busy tracker hardly a tell makes a system call for this.
    pub(super) fn must_wake_driver(&mut self) -> bool {
        let mut due = self.due();
        if self.node.has_corrections() && !self.awaits_room {
            due = Time::START;
        }
        let wake = due < self.driver_sleeps_until;
        if wake {
            self.driver_sleeps_until = due;
        }
        wake
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
    /// driver for that.
    pub(super) fn end_sending(&mut self, place: usize) -> bool {
        self.links.end_sending(place);
        self.driver_sleeps_until != Time::START && self.can_send()
    }

    /// The next packet for a link.
    pub(super) fn next_transmit(&mut self, place: usize) -> Option<Transmit> {
        self.links.next_transmit(place, &mut self.node)
    }

    /// Some of the next packets, for the one that is sending on a link; whether there are more of
    /// this batch. Without any in the batch sending has ended.
    pub(super) fn next_to_send(&mut self, place: usize, batch: &mut Vec<Transmit>) -> bool {
        let room = BATCH - batch.len();
        let next = iter::from_fn(|| self.next_transmit(place));
        batch.extend(next.take(room.min(SEALED_AT_ONCE)));
        if batch.is_empty() {
            self.links.end_sending(place);
        }
        batch.len() < BATCH && (self.node.has_transmit() || self.links.has_waiting(place))
    }

    /// The network of a link does not take these packets now; sending has ended. Whether to
    /// wake the driver, so that it waits for the network.
    pub(super) fn send_later(
        &mut self,
        place: usize,
        batch: impl DoubleEndedIterator<Item = Transmit>,
    ) -> bool {
        self.links.send_later(place, batch, &mut self.node);
        self.driver_sleeps_until != Time::START
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
    pub(super) fn level_of_unproven(&mut self, now: Time) -> Option<Level> {
        let unproven = self.node.take_unproven();
        unproven.then(|| self.quiet.level(Complaint::Unproven, now))
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
