//! What the engine's mutex covers while a node runs.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::net::Group;
use crate::protocol::{Datagram, Node};
use crate::reject::Reject;
use crate::time::Time;
use crate::types::TrackerId;

/// The same complaint is logged again after this time at the earliest.
const QUIET: Duration = Duration::from_secs(60);

/// A node and its sockets.
pub(super) struct Live {
    pub(super) node: Node,
    pub(super) group: Arc<Group>,
    /// Until when the receive thread sleeps; [`Time::START`] while it is awake.
    worker_sleeps_until: Time,
    /// Somebody is sending. Packets leave in the order in which they were
    /// completed, so only one thread at a time sends; the others leave theirs
    /// to it.
    sending: bool,
    /// The network does not take packets now; the receive thread waits for it.
    blocked: bool,
    quiet: Quiet,
}

/// Until when which complaint is not logged again.
struct Quiet {
    rejects: [Time; Reject::ALL.len()],
    send_errors: Time,
}

impl Live {
    pub(super) fn new(id: TrackerId, group: Group, config: &Config) -> Self {
        Self {
            node: Node::new(id, group.address(), config),
            group: Arc::new(group),
            worker_sleeps_until: Time::START,
            sending: false,
            blocked: false,
            quiet: Quiet {
                rejects: [Time::START; Reject::ALL.len()],
                send_errors: Time::START,
            },
        }
    }

    /// The receive thread goes to sleep, until then at the latest.
    pub(super) fn worker_sleeps(&mut self) -> Time {
        self.worker_sleeps_until = self.node.poll_timeout();
        self.worker_sleeps_until
    }

    /// The receive thread is awake.
    pub(super) fn worker_wakes(&mut self) {
        self.worker_sleeps_until = Time::START;
        self.blocked = false;
    }

    /// Whether the receive thread would sleep too long. It is asked to wake only
    /// once, so in a busy tracker hardly a tell makes a system call for this.
    pub(super) fn must_wake_worker(&mut self) -> bool {
        let due = self.node.poll_timeout();
        let wake = due < self.worker_sleeps_until;
        if wake {
            self.worker_sleeps_until = due;
        }
        wake
    }

    /// Whether the caller is the one to send now.
    pub(super) fn begin_sending(&mut self) -> bool {
        let begin = !self.sending && !self.blocked && self.node.has_transmit();
        self.sending |= begin;
        begin
    }

    /// The next packet, for the one that is sending; without one it has ended.
    pub(super) fn next_to_send(&mut self) -> Option<(Arc<Group>, Datagram)> {
        let datagram = self.node.poll_transmit();
        self.sending = datagram.is_some();
        Some((self.group.clone(), datagram?))
    }

    /// The network does not take this packet now; sending has ended.
    pub(super) fn send_later(&mut self, datagram: Datagram) {
        self.node.put_back(datagram);
        self.sending = false;
        self.blocked = true;
    }

    /// Whether somebody is sending.
    pub(super) fn is_sending(&self) -> bool {
        self.sending
    }

    /// Whether to wait until the network takes packets again.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Counts a packet that could not be sent; whether to log it.
    pub(super) fn send_failed(&mut self, now: Time) -> bool {
        self.node.count_send_error();
        is_news(&mut self.quiet.send_errors, now)
    }

    /// Whether to log that something was dropped for this reason.
    pub(super) fn rejected(&mut self, now: Time, reject: Reject) -> bool {
        reject.is_alarming() && is_news(&mut self.quiet.rejects[reject as usize], now)
    }
}

fn is_news(quiet_until: &mut Time, now: Time) -> bool {
    let news = *quiet_until <= now;
    if news {
        *quiet_until = now + QUIET;
    }
    news
}
