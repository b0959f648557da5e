//! An engine without a thread: the host's own event loop drives it.

use std::mem;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::engine::Engine;
use super::in_host::is_in_any_host;
use super::live::EventLoop;
use super::turn::{Ready, at_most};
use super::wakeup::HOST_FULL_BACKOFF;
use crate::error::{NotRunning, SetupError};
use crate::net::{Inbox, PollSet};
use crate::types::TrackerId;
use crate::wire::MAX_RECEIVED;

/// How long the network is left alone that takes no packets now. The loop waits for
/// one descriptor to be readable, and not for another to be writable.
const SEND_BLOCKED_BACKOFF: Duration = Duration::from_millis(10);

impl Engine {
    /// Speaks as `id` from now on, driven by [`process`](Self::process).
    pub fn start_polling(&self, id: TrackerId) -> Result<(), SetupError> {
        self.begin(id, |live| {
            let poll_set = self.poll_set.get_or_try_init(|| {
                let poll_set = PollSet::new()?;
                poll_set.add(self.waker.waiting_side())?;
                Ok::<_, std::io::Error>(poll_set)
            })?;
            live.event_loop = EventLoop::Host;
            self.inboxes.lock().clear();
            let mut receivers = live.links.iter().filter_map(|link| link.receiver());
            receivers.try_for_each(|fd| poll_set.add(fd))
        })?;
        // A loop that has waited since the last stop asks for its timeout again.
        self.waker.wake();
        Ok(())
    }

    /// A descriptor that is readable when there is something to process before its
    /// time. It stays the same for as long as the engine lives.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, NotRunning> {
        let poll_set = self.poll_set.get().filter(|_| !self.is_forked());
        poll_set.map(PollSet::fd).ok_or(NotRunning)
    }

    /// How long [`process`](Self::process) may be put off, if the descriptor does not
    /// become readable; for ever if it says nothing.
    pub fn next_timeout(&self) -> Result<Option<Duration>, NotRunning> {
        let sleep = self.fall_asleep(EventLoop::Host).ok_or(NotRunning)?;
        let waits = !self.inboxes.lock().iter().all(Inbox::is_empty);
        let timeout = match sleep.links.iter().any(|at| at.blocked) {
            true => at_most(sleep.timeout, SEND_BLOCKED_BACKOFF),
            false => sleep.timeout,
        };
        Ok(match waits {
            true if self.room() > 0 => Some(Duration::ZERO),
            // The kernel does not have them any more, and nobody says when there is room.
            true => at_most(timeout, HOST_FULL_BACKOFF),
            false => timeout,
        })
    }

    /// Receives what has arrived, does what is due, and sends what is ready, without
    /// blocking. After a stop it sends what is left. It must not be called from inside
    /// of a call of a host, this one or another.
    pub fn process(&self) -> Result<(), NotRunning> {
        if is_in_any_host() || self.is_forked() {
            return Err(NotRunning);
        }
        let Some(sleep) = self.fall_asleep(EventLoop::Host) else {
            if self.run.is_stopping() && self.run.is_idle() {
                self.waker.drain();
                self.clear_away();
                if !self.run.is_stopping() || !self.run.is_idle() {
                    // Started again meanwhile, and perhaps stopped: that wake-up was not for us.
                    self.waker.wake();
                }
            }
            return Err(NotRunning);
        };
        // Out of its lock, which must not be held while the host is called.
        let mut inboxes = mem::take(&mut *self.inboxes.lock());
        inboxes.resize_with(sleep.links.len(), || Inbox::new(MAX_RECEIVED));
        self.take_turn(&sleep, &Ready::all(sleep.links.len()), &mut inboxes);
        *self.inboxes.lock() = inboxes;
        Ok(())
    }
}
