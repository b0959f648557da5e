//! What the engine's mutex covers while a node runs.

use std::io;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use super::clock::unix_time;
use super::pace::Pace;
use super::stats::Stats;
use super::told::{Taker, Told};
use crate::config::Config;
use crate::log::Level;
use crate::net::Group;
use crate::protocol::{Datagram, Node};
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{TrackerId, random};

/// The same complaint is logged again after this time at the earliest.
const QUIET: Duration = Duration::from_secs(60);

/// How many packets leave together.
const BATCH: usize = if cfg!(shuttle) { 2 } else { 64 };

/// Who applies what arrives, and does on time what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// The receive thread.
    Thread,
    /// The host, in its own event loop.
    Host,
}

/// How often to see whether we still are a member of the group.
const LOOK: Duration = if cfg!(shuttle) {
    Duration::MAX
} else {
    Duration::from_secs(10)
};

/// How long the driver sleeps while somebody else sends, and there is no room for more.
const CROWDED: Duration = Duration::from_millis(1);

/// How long the socket is left alone from which nothing can be received: it may look
/// readable all the time.
const DEAF: Duration = Duration::from_millis(100);

/// A node and its sockets.
pub(super) struct Live {
    pub(super) node: Node,
    pub(super) group: Arc<Group>,
    began: Time,
    pub(super) driver: Driver,
    /// Until when the driver sleeps; [`Time::START`] while it is awake.
    driver_sleeps_until: Time,
    taker: Taker,
    pace: Pace,
    /// Somebody is sending. Packets leave in the order in which they were
    /// completed, so only one thread at a time sends; the others leave theirs
    /// to it.
    sending: bool,
    /// The network does not take packets now; the driver waits for it.
    blocked: bool,
    send_error: Option<io::Error>,
    /// Until then nothing is received, after an error.
    deaf_until: Option<Time>,
    /// When to see next that we still are a member of the group.
    next_look: Time,
    quiet: Quiet,
}

/// Until when which complaint is not logged again.
struct Quiet {
    rejects: [Time; Reject::ALL.len()],
    send_errors: Time,
    receive_errors: Time,
    id_collisions: Time,
    unproven: Time,
    no_interface: Time,
}

impl Live {
    pub(super) fn new(
        now: Time,
        id: TrackerId,
        group: Group,
        config: &Config,
        last_epoch: Option<u32>,
    ) -> Self {
        // In a model the same again.
        let seed = if cfg!(shuttle) { 1 } else { random() };
        let mut node = Node::new(now, id, group.address(), seed, config);
        node.set_unix_time(now, unix_time());
        last_epoch
            .into_iter()
            .for_each(|epoch| node.begin_after(epoch));
        Self {
            node,
            group: Arc::new(group),
            began: now,
            driver: Driver::Thread,
            driver_sleeps_until: Time::START,
            taker: Taker::default(),
            pace: Pace::new(now, config.flush_after),
            sending: false,
            blocked: false,
            send_error: None,
            deaf_until: None,
            next_look: now + LOOK,
            quiet: Quiet {
                rejects: [Time::START; Reject::ALL.len()],
                send_errors: Time::START,
                receive_errors: Time::START,
                id_collisions: Time::START,
                unproven: Time::START,
                no_interface: Time::START,
            },
        }
    }

    /// Hands what was told to the node, unless it is to wait until there is
    /// room for it.
    pub(super) fn take_told(&mut self, told: &Told, now: Time) {
        if !self.node.has_room() && !self.blocked {
            return;
        }
        self.taker.take(told);
        let announces = self.taker.taken();
        let waited = self.pace.waited(now, told.woken());
        self.pace.found(now, announces.len());
        told.take_until(self.pace.latest());
        self.node.tell_all(now, waited, announces);
    }

    /// Nothing more is told: takes the rest.
    pub(super) fn take_last_told(&mut self, told: &Told) {
        self.taker.take(told);
    }

    /// Hands to the node what was taken last.
    pub(super) fn tell_last(&mut self, now: Time) {
        self.node.tell_all(now, Duration::ZERO, self.taker.taken());
    }

    /// The driver goes to sleep, until then at the latest.
    pub(super) fn driver_sleeps(&mut self, told: &Told, now: Time) -> Time {
        let mut stays_awake = false;
        // While the network takes nothing what was told is taken here, as it is due.
        if self.blocked && self.pace.next() <= now {
            self.take_told(told, now);
        }
        if self.pace.is_calm() {
            if told.may_sleep() {
                self.pace.sleeps();
            } else {
                self.take_told(told, now);
                stays_awake = self.pace.is_calm();
            }
        }
        self.driver_sleeps_until = if self.sending && !self.node.has_room() {
            self.due().max(now + CROWDED)
        } else if self.can_send() || stays_awake {
            Time::START
        } else {
            self.due()
        };
        self.driver_sleeps_until
    }

    /// When the driver has something to do.
    fn due(&self) -> Time {
        let due = self.node.poll_timeout().min(self.next_look);
        due.min(self.pace.next())
            .min(self.deaf_until.unwrap_or(Time::NEVER))
    }

    /// The driver is awake. The network takes packets again if it is
    /// `writable`.
    pub(super) fn driver_wakes(&mut self, writable: bool) {
        self.driver_sleeps_until = Time::START;
        self.blocked &= !writable;
    }

    /// Nothing can be received now; whether to log it.
    pub(super) fn receive_failed(&mut self, now: Time) -> bool {
        self.deaf_until = Some(now + DEAF);
        is_news(&mut self.quiet.receive_errors, now)
    }

    /// Whether to leave the socket alone for now.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf_until.is_some()
    }

    /// Whether it is time to try again to receive.
    pub(super) fn hears_again(&mut self, now: Time) -> bool {
        self.deaf_until.take_if(|until| *until <= now).is_some()
    }

    /// Whether it is time to see that we still are a member of the group; and what time it
    /// is.
    pub(super) fn must_look(&mut self, now: Time) -> bool {
        let look = self.next_look <= now;
        if look {
            self.next_look = now + LOOK;
            self.node.set_unix_time(now, unix_time());
        }
        look
    }

    /// There is no interface; whether to log it.
    pub(super) fn lacks_interface(&mut self, now: Time) -> bool {
        is_news(&mut self.quiet.no_interface, now)
    }

    /// Whether the driver would sleep too long. It is asked to wake only
    /// once, so in a busy tracker hardly a tell makes a system call for this.
    pub(super) fn must_wake_driver(&mut self) -> bool {
        let due = self.due();
        let wake = due < self.driver_sleeps_until;
        if wake {
            self.driver_sleeps_until = due;
        }
        wake
    }

    /// Where to send to, if the caller is the one to send now.
    pub(super) fn begin_sending(&mut self) -> Option<Arc<Group>> {
        let begin = self.can_send();
        self.sending |= begin;
        begin.then(|| self.group.clone())
    }

    /// Whether there is something to send, and nobody sends it.
    fn can_send(&self) -> bool {
        !self.sending && !self.blocked && self.node.has_transmit()
    }

    /// Sending has ended, though there may be more to send; whether to wake the
    /// driver for that.
    pub(super) fn end_sending(&mut self) -> bool {
        self.sending = false;
        self.node.has_transmit() && self.driver_sleeps_until != Time::START
    }

    /// The next packets, for the one that is sending; without any it has ended.
    pub(super) fn next_to_send(&mut self) -> Option<Vec<Datagram>> {
        let next = iter::from_fn(|| self.node.poll_transmit());
        let batch: Vec<_> = next.take(BATCH).collect();
        self.sending = !batch.is_empty();
        self.sending.then_some(batch)
    }

    /// The network does not take these packets now; sending has ended. Whether to
    /// wake the driver, so that it waits for the network.
    pub(super) fn send_later(&mut self, batch: impl DoubleEndedIterator<Item = Datagram>) -> bool {
        for datagram in batch.rev() {
            self.node.put_back(datagram);
        }
        self.blocked = true;
        self.end_sending()
    }

    /// What was done so far.
    pub(super) fn stats(&self, now: Time) -> Stats {
        Stats {
            running: false,
            id: self.node.id(),
            uptime: now.since(self.began),
            counters: self.node.counters(),
            receive_buffer_errors: self.group.receive_buffer_errors(),
            #[cfg(feature = "want_sync_scrape")]
            scrape: self.node.scrape_state(),
            nodes: self.node.nodes(now).count(),
            packets_missing: self.node.nodes(now).map(|node| node.missing).sum(),
            table: None,
        }
    }

    /// Whether we say anything at all.
    pub(super) fn speaks(&self) -> bool {
        self.group.sender().is_some()
    }

    /// Whether somebody is sending.
    pub(super) fn is_sending(&self) -> bool {
        self.sending
    }

    /// Whether to wait until the network takes packets again.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Counts a packet that could not be sent.
    pub(super) fn send_failed(&mut self, now: Time, error: io::Error) {
        self.node.count_send_error();
        if is_news(&mut self.quiet.send_errors, now) {
            self.send_error = Some(error);
        }
    }

    /// Why packets could not be sent, if it is to be logged. The driver does
    /// that: a teller may hold a lock of the tracker.
    pub(super) fn take_send_error(&mut self) -> Option<io::Error> {
        self.send_error.take()
    }

    /// The new id, if the node has drawn one, and how seriously to log it.
    pub(super) fn take_new_id(&mut self, now: Time) -> Option<(TrackerId, Level)> {
        let id = self.node.take_new_id()?;
        Some((id, warn_once(&mut self.quiet.id_collisions, now)))
    }

    /// How seriously to log that packets were used without a proof, if there were some.
    pub(super) fn level_of_unproven(&mut self, now: Time) -> Option<Level> {
        let unproven = self.node.take_unproven();
        unproven.then(|| warn_once(&mut self.quiet.unproven, now))
    }

    /// How seriously to log a drop: what an operator should know of as a warning,
    /// but for the same reason only once a minute.
    pub(super) fn level_of(&mut self, now: Time, reject: Reject) -> Level {
        if reject.is_alarming() {
            warn_once(&mut self.quiet.rejects[reject as usize], now)
        } else {
            Level::Debug
        }
    }
}

fn warn_once(quiet_until: &mut Time, now: Time) -> Level {
    if is_news(quiet_until, now) {
        Level::Warn
    } else {
        Level::Debug
    }
}

fn is_news(quiet_until: &mut Time, now: Time) -> bool {
    let news = *quiet_until <= now;
    if news {
        *quiet_until = now + QUIET;
    }
    news
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::super::clock::Clock;
    use super::*;
    use crate::types::{Announce, InfoHash, Peer, PeerFlags};

    fn announce(number: u32) -> Announce {
        Announce {
            info_hash: InfoHash([0xab; 20]),
            peer: Peer {
                ip: std::net::Ipv4Addr::from(number).into(),
                port: 6881,
                flags: PeerFlags::SEEDING,
            },
        }
    }

    #[test]
    fn while_the_network_is_blocked_the_driver_sleeps_however_much_was_told() {
        let (clock, told) = (Clock::new(), Told::new());
        let config = Config::on([127, 0, 0, 1]).listen(false);
        let group = Group::join(&config).expect("join the group");
        let mut live = Live::new(clock.now(), TrackerId([1; 4]), group, &config, None);
        told.open();
        for number in 0..30_000 {
            live.node.tell(clock.now(), announce(number));
        }
        assert!(!live.node.has_room());
        live.blocked = true;
        told.push(&clock, announce(0)).expect("there is room");
        live.take_told(&told, clock.now());
        std::thread::sleep(Duration::from_millis(2));
        // A turn: the network seems to take packets again, and takes none.
        live.driver_wakes(true);
        live.take_told(&told, clock.now());
        assert!(live.begin_sending().is_some());
        let batch = live.next_to_send().expect("packets");
        live.send_later(batch.into_iter());
        let now = clock.now();
        assert!(live.driver_sleeps(&told, now) > now);
    }
}
