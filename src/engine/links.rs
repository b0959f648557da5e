//! The links of a node, with the state of sending and receiving on each.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use super::quiet::{Complaint, Quiet};
use super::receiving::Receiving;
use super::sending::Sending;
use crate::net::Link;
use crate::protocol::{LinkInfo, Node, Transmit};
use crate::time::Time;

/// The time between two checks that each link is still a member of its group. As often the node
/// gets the time of the wall clock.
pub(super) const CHECK_INTERVAL: Duration = if cfg!(shuttle) {
    Duration::MAX
} else {
    Duration::from_secs(10)
};

/// How many packets wait at most for a link that takes none while others have taken them.
const LINK_MAX_WAITING: usize = 1024;

/// All links of a node. The place of a link is its index here.
pub(super) struct Links(Vec<LinkState>);

/// A link and its state.
struct LinkState {
    link: Arc<dyn Link>,
    sending: Sending,
    receiving: Receiving,
    /// Packets that another link has taken from the node and this one has not sent. A node with a
    /// single link takes back what the link does not send, so there it is always empty.
    waiting: VecDeque<Transmit>,
    next_check: Time,
    quiet: Quiet,
}

/// A link, and the conditions on it that an event loop waits for.
pub(super) struct Awaits {
    pub(super) link: Arc<dyn Link>,
    /// True while receiving pauses after an error.
    is_paused: bool,
    /// True if the loop also waits until the network takes packets.
    pub(super) blocked: bool,
}

impl Awaits {
    /// Returns the descriptor to receive from, unless receiving pauses.
    pub(super) fn receiver(&self) -> Option<BorrowedFd<'_>> {
        self.link.receiver().filter(|_| !self.is_paused)
    }

    /// Returns the descriptor that is writable as soon as the network takes packets again, if the
    /// loop waits for that.
    pub(super) fn blocked_sender(&self) -> Option<BorrowedFd<'_>> {
        self.link.sender().filter(|_| self.blocked)
    }
}

impl Links {
    pub(super) fn new(now: Time, links: Vec<Arc<dyn Link>>) -> Self {
        let state = |link| LinkState {
            link,
            sending: Sending::new(),
            receiving: Receiving::new(now),
            waiting: VecDeque::new(),
            next_check: now + CHECK_INTERVAL,
            quiet: Quiet::new(),
        };
        Self(links.into_iter().map(state).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Link>> {
        self.0.iter().map(|state| &state.link)
    }

    /// Returns what the node needs to know of each link.
    pub(super) fn infos(&self) -> Vec<LinkInfo> {
        self.iter().map(|link| link.info()).collect()
    }

    /// Returns the place of a link, if it is one of these.
    pub(super) fn place(&self, link: &Arc<dyn Link>) -> Option<usize> {
        self.iter().position(|ours| Arc::ptr_eq(ours, link))
    }

    /// Returns what the event loop waits for on each link.
    pub(super) fn awaits(&self) -> Vec<Awaits> {
        let awaits = |state: &LinkState| Awaits {
            link: state.link.clone(),
            is_paused: state.receiving.is_paused(),
            blocked: state.sending.is_blocked(),
        };
        self.0.iter().map(awaits).collect()
    }

    /// Returns when there is something to do on one of the links.
    pub(super) fn due(&self) -> Time {
        let due = |state: &LinkState| state.next_check.min(state.receiving.due());
        self.0.iter().map(due).min().unwrap_or(Time::NEVER)
    }

    /// Returns the links to check now, and schedules their next checks.
    pub(super) fn take_unchecked(&mut self, now: Time) -> Vec<Arc<dyn Link>> {
        let due = self.0.iter_mut().filter(|state| state.next_check <= now);
        let check = |state: &mut LinkState| {
            state.next_check = now + CHECK_INTERVAL;
            state.link.clone()
        };
        due.map(check).collect()
    }

    /// Notes that a link has no interface, and returns whether to log it.
    pub(super) fn lacks_interface(&mut self, place: usize, now: Time) -> bool {
        self.0[place].quiet.is_news(Complaint::NoInterface, now)
    }

    // Sending.

    /// Returns whether a thread sends on one of the links.
    pub(super) fn are_busy(&self) -> bool {
        self.0.iter().any(|state| state.sending.is_busy())
    }

    /// Returns whether the networks of all links take no packets now.
    pub(super) fn are_blocked(&self) -> bool {
        self.0.iter().all(|state| state.sending.is_blocked())
    }

    /// Returns whether packets that have left the node still wait for a link.
    pub(super) fn has_waiting(&self, place: usize) -> bool {
        !self.0[place].waiting.is_empty()
    }

    /// Returns the place of a link on which a thread may begin to send, if packets wait for it or
    /// the node has `more`. Of several it is the one for which most packets wait, so that none
    /// falls behind.
    pub(super) fn to_begin(&self, more: bool) -> Option<usize> {
        let links = self.0.iter().enumerate();
        let may_begin = links
            .filter(|(_, state)| state.sending.may_begin() && (more || !state.waiting.is_empty()));
        let (place, _) = may_begin.min_by_key(|(_, state)| Reverse(state.waiting.len()))?;
        Some(place)
    }

    /// Notes that the caller sends on this link from now on, and returns the link.
    pub(super) fn begin_sending(&mut self, place: usize) -> Arc<dyn Link> {
        let state = &mut self.0[place];
        state.sending.begin();
        state.link.clone()
    }

    /// Notes that the thread that was sending on a link has ended.
    pub(super) fn end_sending(&mut self, place: usize) {
        self.0[place].sending.end();
    }

    /// Returns the next packet for a link. A packet that leaves the node is queued for all other
    /// links.
    pub(super) fn next_transmit(&mut self, place: usize, node: &mut Node) -> Option<Transmit> {
        if let Some(waiting) = self.0[place].waiting.pop_front() {
            node.leaves_again(&waiting);
            return Some(waiting);
        }
        let transmit = node.poll_transmit()?;
        let others = self.0.iter_mut().enumerate();
        for (_, other) in others.filter(|(other, _)| *other != place) {
            if other.waiting.len() == LINK_MAX_WAITING
                && let Some(oldest) = other.waiting.pop_front()
            {
                node.count_overflow(oldest.class());
            }
            other.waiting.push_back(transmit.clone());
        }
        Some(transmit)
    }

    /// Keeps packets that the network of a link does not take now as its next ones.
    pub(super) fn send_later(
        &mut self,
        place: usize,
        packets: impl DoubleEndedIterator<Item = Transmit>,
        node: &mut Node,
    ) {
        let is_alone = self.0.len() == 1;
        let state = &mut self.0[place];
        state.sending.block();
        for packet in packets.rev() {
            if is_alone {
                node.put_back(packet);
            } else if state.waiting.len() < LINK_MAX_WAITING {
                state.waiting.push_front(packet);
            } else {
                node.count_overflow(packet.class());
            }
        }
    }

    /// Notes that the network of a link takes packets again.
    pub(super) fn unblock(&mut self, place: usize) {
        self.0[place].sending.unblock();
    }

    /// Notes that a packet could not be sent on a link, and keeps the error for the event loop if
    /// it is to be logged. A thread that announces must not log it, as it may hold a lock of the
    /// tracker.
    pub(super) fn send_failed(&mut self, place: usize, now: Time, error: io::Error) {
        let state = &mut self.0[place];
        if state.quiet.is_news(Complaint::SendError, now) {
            state.sending.failed(error);
        }
    }

    /// Takes the send errors that are to be logged.
    pub(super) fn take_send_errors(&mut self) -> Vec<io::Error> {
        let errors = self.0.iter_mut();
        errors
            .filter_map(|state| state.sending.take_error())
            .collect()
    }

    // Receiving.

    /// Returns the state of receiving on a link.
    pub(super) fn receiving(&mut self, place: usize) -> &mut Receiving {
        &mut self.0[place].receiving
    }

    /// Notes that nothing can be received from a link now, and returns whether to log it.
    pub(super) fn receive_failed(&mut self, place: usize, now: Time) -> bool {
        let state = &mut self.0[place];
        state.receiving.note_error(now);
        state.quiet.is_news(Complaint::ReceiveError, now)
    }

    /// Returns the links on which the pause after an error is over, and resumes receiving there.
    pub(super) fn take_resumed(&mut self, now: Time) -> Vec<Arc<dyn Link>> {
        let links = self.0.iter_mut();
        let again = links.filter_map(|state| {
            let again = state.receiving.resume(now);
            again.then(|| state.link.clone())
        });
        again.collect()
    }
}

#[cfg(all(test, not(shuttle)))]
#[path = "links_tests.rs"]
mod tests;
