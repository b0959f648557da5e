//! The state of sending on one link.

use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SendingState {
    /// No thread sends.
    Idle,
    /// A thread sends. Packets leave in the order in which they were completed, so only one thread
    /// sends at a time, and the others leave their packets to it.
    Sending,
    /// The network takes no packets now; the event loop waits for it.
    Blocked,
}

/// The sending of one link.
#[derive(Debug)]
pub(super) struct Sending {
    state: SendingState,
    /// The last send error that is to be logged.
    error: Option<io::Error>,
}

impl Sending {
    /// Makes the state of a link on which no thread sends.
    pub(super) fn new() -> Self {
        Self {
            state: SendingState::Idle,
            error: None,
        }
    }

    /// Returns whether the caller may begin to send.
    pub(super) fn may_begin(&self) -> bool {
        self.state == SendingState::Idle
    }

    /// Notes that the caller sends from now on.
    pub(super) fn begin(&mut self) {
        self.state = SendingState::Sending;
    }

    /// Notes that the sending thread has ended.
    pub(super) fn end(&mut self) {
        self.state = SendingState::Idle;
    }

    /// Notes that the sending thread has ended because the network takes no packets.
    pub(super) fn block(&mut self) {
        self.state = SendingState::Blocked;
    }

    /// Notes that the network takes packets again.
    pub(super) fn unblock(&mut self) {
        if self.is_blocked() {
            self.state = SendingState::Idle;
        }
    }

    /// Returns whether a thread is sending.
    pub(super) fn is_busy(&self) -> bool {
        self.state == SendingState::Sending
    }

    /// Returns whether the network takes no packets now.
    pub(super) fn is_blocked(&self) -> bool {
        self.state == SendingState::Blocked
    }

    /// Keeps an error for the event loop to log. A thread that announces must not log it, as it may
    /// hold a lock of the tracker.
    pub(super) fn failed(&mut self, error: io::Error) {
        self.error = Some(error);
    }

    /// Takes the error that is to be logged.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }
}
