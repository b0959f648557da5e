//! Whether somebody sends on a link, and whether its network takes what is sent.

use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody sends.
    Idle,
    /// Somebody is sending. Packets leave in the order in which they were completed, so only one
    /// thread at a time sends; the others leave theirs to it.
    Sending,
    /// The network does not take packets now; the event loop waits for it.
    Blocked,
}

/// The sending of one link.
#[derive(Debug)]
pub(super) struct Sending {
    state: State,
    /// Why packets could not be sent, if it is to be logged.
    error: Option<io::Error>,
}

impl Sending {
    /// Nobody has sent yet.
    pub(super) fn new() -> Self {
        Self {
            state: State::Idle,
            error: None,
        }
    }

    /// Whether the caller may begin to send.
    pub(super) fn may_begin(&self) -> bool {
        self.state == State::Idle
    }

    /// The caller sends from now on.
    pub(super) fn begin(&mut self) {
        self.state = State::Sending;
    }

    /// Who was sending has ended.
    pub(super) fn end(&mut self) {
        self.state = State::Idle;
    }

    /// Who was sending has ended, since the network takes nothing.
    pub(super) fn block(&mut self) {
        self.state = State::Blocked;
    }

    /// The network takes packets again, if it did not.
    pub(super) fn unblock(&mut self) {
        if self.is_blocked() {
            self.state = State::Idle;
        }
    }

    /// Whether somebody is sending.
    pub(super) fn is_busy(&self) -> bool {
        self.state == State::Sending
    }

    /// Whether to wait until the network takes packets again.
    pub(super) fn is_blocked(&self) -> bool {
        self.state == State::Blocked
    }

    /// A packet could not be sent, and the event loop is to log why: a teller may hold a lock of the
    /// tracker.
    pub(super) fn failed(&mut self, error: io::Error) {
        self.error = Some(error);
    }

    /// Why a packet could not be sent, if that is to be logged.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }
}
