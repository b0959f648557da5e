//! The links of a node, and how it is with each of them now.

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

/// How often to see whether a link still is a member of what it has joined.
pub(super) const CHECK_INTERVAL: Duration = if cfg!(shuttle) {
    Duration::MAX
} else {
    Duration::from_secs(10)
};

/// So many packets that other links have taken wait at most for one that takes none.
const LINK_MAX_WAITING: usize = 1024;

/// All links of a node, in the order of their places.
pub(super) struct Links(Vec<LinkState>);

/// One of them.
struct LinkState {
    link: Arc<dyn Link>,
    sending: Sending,
    receiving: Receiving,
    /// What another link has taken from the node. With a single link it is always empty: what that
    /// does not take goes back to the node.
    waiting: VecDeque<Transmit>,
    next_check: Time,
    quiet: Quiet,
}

/// What an event loop waits for at a link.
pub(super) struct Awaits {
    pub(super) link: Arc<dyn Link>,
    /// Whether nothing can be received now.
    is_paused: bool,
    /// Whether also until the network takes packets.
    pub(super) blocked: bool,
}

impl Awaits {
    /// What to receive from.
    pub(super) fn receiver(&self) -> Option<BorrowedFd<'_>> {
        self.link.receiver().filter(|_| !self.is_paused)
    }

    /// What to wait on until the network takes packets.
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

    /// What the node is told of them.
    pub(super) fn infos(&self) -> Vec<LinkInfo> {
        self.iter().map(|link| link.info()).collect()
    }

    /// The place of a link, if it is one of these.
    pub(super) fn place(&self, link: &Arc<dyn Link>) -> Option<usize> {
        self.iter().position(|ours| Arc::ptr_eq(ours, link))
    }

    /// What to wait for at each.
    pub(super) fn awaits(&self) -> Vec<Awaits> {
        let awaits = |state: &LinkState| Awaits {
            link: state.link.clone(),
            is_paused: state.receiving.is_paused(),
            blocked: state.sending.is_blocked(),
        };
        self.0.iter().map(awaits).collect()
    }

    /// When there is something to do at one of them.
    pub(super) fn due(&self) -> Time {
        let due = |state: &LinkState| state.next_check.min(state.receiving.due());
        self.0.iter().map(due).min().unwrap_or(Time::NEVER)
    }

    /// Those whose membership is to be checked now.
    pub(super) fn take_unchecked(&mut self, now: Time) -> Vec<Arc<dyn Link>> {
        let due = self.0.iter_mut().filter(|state| state.next_check <= now);
        let check = |state: &mut LinkState| {
            state.next_check = now + CHECK_INTERVAL;
            state.link.clone()
        };
        due.map(check).collect()
    }

    /// A link has no interface; whether to log it.
    pub(super) fn lacks_interface(&mut self, place: usize, now: Time) -> bool {
        self.0[place].quiet.is_news(Complaint::NoInterface, now)
    }

    // Sending.

    /// Whether somebody sends on one of them.
    pub(super) fn are_busy(&self) -> bool {
        self.0.iter().any(|state| state.sending.is_busy())
    }

    /// Whether no network takes packets now.
    pub(super) fn are_blocked(&self) -> bool {
        self.0.iter().all(|state| state.sending.is_blocked())
    }

    /// Whether something waits for a link that the node does not have any more.
    pub(super) fn has_waiting(&self, place: usize) -> bool {
        !self.0[place].waiting.is_empty()
    }

    /// Where to send to, if there is something to send at a link on which nobody sends, or `more`
    /// in the node: to the one for which most waits, so that none falls behind.
    pub(super) fn to_begin(&self, more: bool) -> Option<usize> {
        let links = self.0.iter().enumerate();
        let may_begin = links
            .filter(|(_, state)| state.sending.may_begin() && (more || !state.waiting.is_empty()));
        let (place, _) = may_begin.min_by_key(|(_, state)| Reverse(state.waiting.len()))?;
        Some(place)
    }

    /// The caller sends on this one from now on.
    pub(super) fn begin_sending(&mut self, place: usize) -> Arc<dyn Link> {
        let state = &mut self.0[place];
        state.sending.begin();
        state.link.clone()
    }

    /// Who was sending has ended.
    pub(super) fn end_sending(&mut self, place: usize) {
        self.0[place].sending.end();
    }

    /// The next packet for a link. One that leaves the node leaves it for all links.
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

    /// The network of a link does not take these packets now, which were its next ones.
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

    /// The network of a link takes packets again, if it did not.
    pub(super) fn unblock(&mut self, place: usize) {
        self.0[place].sending.unblock();
    }

    /// A packet could not be sent at a link. If that is news the event loop is to log why: a teller may
    /// hold a lock of the tracker.
    pub(super) fn send_failed(&mut self, place: usize, now: Time, error: io::Error) {
        let state = &mut self.0[place];
        if state.quiet.is_news(Complaint::SendError, now) {
            state.sending.failed(error);
        }
    }

    /// Why packets could not be sent, if that is to be logged.
    pub(super) fn take_send_errors(&mut self) -> Vec<io::Error> {
        let errors = self.0.iter_mut();
        errors
            .filter_map(|state| state.sending.take_error())
            .collect()
    }

    // Receiving.

    /// What we know of the receiving of a link.
    pub(super) fn receiving(&mut self, place: usize) -> &mut Receiving {
        &mut self.0[place].receiving
    }

    /// Nothing can be received from a link now; whether to log it.
    pub(super) fn receive_failed(&mut self, place: usize, now: Time) -> bool {
        let state = &mut self.0[place];
        state.receiving.note_error(now);
        state.quiet.is_news(Complaint::ReceiveError, now)
    }

    /// Those from which it is time to try again to receive.
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
