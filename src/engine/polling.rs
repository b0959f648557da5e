//! An engine without a receive thread, which the host loop polls.

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

/// How long the engine waits before it tries again to send to a network that took no packets. The
/// host loop waits until one descriptor is readable, and cannot wait until another is writable.
const SEND_BLOCKED_BACKOFF: Duration = Duration::from_millis(10);

impl Engine {
    /// Starts the node under the tracker id `id`, without a thread: the host loop calls
    /// [`process`](Self::process).
    ///
    /// # Errors
    /// [`SetupError::NotBound`], [`SetupError::AlreadyRunning`], [`SetupError::Thread`] if no
    /// descriptor can be made, and after a stop [`SetupError::StillStopping`] and those of
    /// [`bind`](Self::bind).
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
        // A host loop that has waited since the last stop must ask for its timeout again.
        self.waker.wake();
        Ok(())
    }

    /// Returns a descriptor that is readable when there is something to process before the timeout
    /// is over. It stays the same for as long as the engine lives.
    ///
    /// # Errors
    /// [`NotRunning`] if the engine never ran without a thread, and in a forked child.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, NotRunning> {
        let poll_set = self.poll_set.get().filter(|_| !self.is_forked());
        poll_set.map(PollSet::fd).ok_or(NotRunning)
    }

    /// Returns how long the host loop may wait for the descriptor before it calls
    /// [`process`](Self::process); `None` is for ever.
    ///
    /// # Errors
    /// [`NotRunning`] unless the engine runs without a thread.
    pub fn next_timeout(&self) -> Result<Option<Duration>, NotRunning> {
        let sleep = self.fall_asleep(EventLoop::Host).ok_or(NotRunning)?;
        let waits = !self.inboxes.lock().iter().all(Inbox::is_empty);
        let timeout = match sleep.links.iter().any(|at| at.blocked) {
            true => at_most(sleep.timeout, SEND_BLOCKED_BACKOFF),
            false => sleep.timeout,
        };
        Ok(match waits {
            true if self.room() > 0 => Some(Duration::ZERO),
            // The datagrams have left the kernel, so the descriptor is not readable for them, and
            // the host does not report when it has room.
            true => at_most(timeout, HOST_FULL_BACKOFF),
            false => timeout,
        })
    }

    /// Receives what has arrived, does what is due, and sends what is ready, without blocking.
    ///
    /// After a stop it sends what is left. It must not be called from inside a call of this host or
    /// another one.
    ///
    /// # Errors
    /// [`NotRunning`] unless the engine runs without a thread, and from inside a call of a host.
    pub fn process(&self) -> Result<(), NotRunning> {
        if is_in_any_host() || self.is_forked() {
            return Err(NotRunning);
        }
        let Some(sleep) = self.fall_asleep(EventLoop::Host) else {
            if self.run.is_stopping() && self.run.is_idle() {
                self.waker.drain();
                self.clear_away();
                if !self.run.is_stopping() || !self.run.is_idle() {
                    // The engine was started again meanwhile, and perhaps stopped. The wake-up that
                    // was drained may have been for that run.
                    self.waker.wake();
                }
            }
            return Err(NotRunning);
        };
        // The inboxes leave their lock, which must not be held while the host is called.
        let mut inboxes = mem::take(&mut *self.inboxes.lock());
        inboxes.resize_with(sleep.links.len(), || Inbox::new(MAX_RECEIVED));
        self.take_turn(&sleep, &Ready::all(sleep.links.len()), &mut inboxes);
        *self.inboxes.lock() = inboxes;
        Ok(())
    }
}
