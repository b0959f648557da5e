//! One turn of whoever drives the engine, the receive thread or the host's own loop:
//! what it waits for, and what it does then.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::live::Driver;
use crate::net::{Group, Inbox, PollSet, Ready};
use crate::time::Time;

/// How long datagrams are applied before we look at what is due.
const TURN: Duration = Duration::from_millis(10);

/// What is waited for.
pub(super) struct Sleep {
    driver: Driver,
    pub(super) group: Arc<Group>,
    pub(super) timeout: Option<Duration>,
    /// Whether also until the network takes packets.
    pub(super) blocked: bool,
    /// Whether nothing can be received now.
    deaf: bool,
}

impl Sleep {
    /// What to receive from.
    pub(super) fn receiver(&self) -> Option<BorrowedFd<'_>> {
        self.group.receiver().filter(|_| !self.deaf)
    }
}

/// The time-out, or this limit if that is shorter.
pub(super) fn at_most(timeout: Option<Duration>, limit: Duration) -> Option<Duration> {
    Some(timeout.map_or(limit, |timeout| timeout.min(limit)))
}

impl Engine {
    /// What `driver` waits for until its next turn; nothing when this run is over, or not
    /// its own.
    pub(super) fn fall_asleep(&self, driver: Driver) -> Option<Sleep> {
        if self.run.is_stopping() {
            return None;
        }
        let mut state = self.lock();
        let live = state.live.as_mut().filter(|live| live.driver == driver)?;
        let now = self.clock.now();
        self.told.driver_is_away(driver == Driver::Host);
        let until = live.driver_sleeps(&self.told, now);
        Some(Sleep {
            driver,
            group: live.group.clone(),
            timeout: (until != Time::NEVER).then(|| until.since(now)),
            blocked: live.is_blocked(),
            deaf: live.receiving.is_deaf(),
        })
    }

    /// After a sleep: applies what has arrived, for as long as the host has room for it,
    /// and does what is due.
    pub(super) fn take_turn(&self, sleep: &Sleep, ready: Ready, inbox: &mut Inbox) {
        self.wake_up(sleep, ready);
        let end = self.clock.now() + TURN;
        self.in_host(sleep.driver, || {
            while (ready.to_receive || !inbox.is_empty())
                && let Some(receiver) = sleep.receiver()
                && !self.run.is_stopping()
                && self.receive(sleep, receiver, inbox) > 0
                && self.clock.now() < end
            {}
        });
        if !self.run.is_stopping() {
            self.do_what_is_due();
            self.in_host(sleep.driver, || {
                self.apply_corrections();
                #[cfg(feature = "want_sync_scrape")]
                self.do_tasks();
            });
        }
    }

    /// Receives and applies some datagrams; how many there were.
    fn receive(&self, sleep: &Sleep, receiver: BorrowedFd<'_>, inbox: &mut Inbox) -> usize {
        self.receive_some(receiver, inbox).unwrap_or_else(|e| {
            self.receive_failed(sleep, receiver, &e);
            0
        })
    }

    /// Tries again later, unless the socket is ours no more.
    fn receive_failed(&self, sleep: &Sleep, receiver: BorrowedFd<'_>, error: &io::Error) {
        if let Some(libc::EBADF | libc::ENOTSOCK) = error.raw_os_error() {
            return self.trip("the tracker has closed our sockets");
        }
        let mut state = self.lock();
        let Some(live) = &mut state.live else { return };
        let news = live.receive_failed(self.clock.now());
        drop(state);
        if let Some(poll_set) = self.poll_set_of(sleep) {
            poll_set.remove(receiver);
        }
        if news {
            self.warn(format_args!("cannot receive: {error}"));
        }
    }

    /// What the host waits on, if it is the driver.
    fn poll_set_of(&self, sleep: &Sleep) -> Option<&PollSet> {
        let poll_set = self.poll_set.get();
        poll_set.filter(|_| sleep.driver == Driver::Host)
    }

    /// The host may hold us up: meanwhile tellers see to it that what they tell leaves in
    /// time. A loop of the host's may always be held up.
    fn in_host(&self, driver: Driver, calls: impl FnOnce()) {
        self.told.driver_is_away(true);
        calls();
        self.told.driver_is_away(driver == Driver::Host);
    }

    fn wake_up(&self, sleep: &Sleep, ready: Ready) {
        if ready.woken {
            self.waker.drain();
        }
        self.told.driver_wakes();
        if self.run.is_stopping() {
            // That may have been the stop's: whoever waits next must not miss it.
            return self.waker.wake();
        }
        let mut state = self.lock();
        let now = self.clock.now();
        let Some(live) = &mut state.live else { return };
        if live.driver != sleep.driver {
            // It was stopped, and started in the other way: that wake-up was not for us.
            drop(state);
            return self.waker.wake();
        }
        live.driver_wakes(ready.to_send);
        let send_error = live.take_send_error();
        let hears_again = live.receiving.hears_again(now);
        let look = live.must_look(&self.clock, now);
        let new_id = live.take_new_id(now);
        drop(state);
        if hears_again
            && let (Some(poll_set), Some(receiver)) =
                (self.poll_set_of(sleep), sleep.group.receiver())
        {
            // It is there already if it could not be removed.
            let _ = poll_set.add(receiver);
        }
        if let Some(e) = send_error {
            self.warn(format_args!("cannot send: {e}"));
        }
        if let Some((id, why, level)) = new_id {
            self.told.driver_is_away(true);
            self.goes_on_as(id, why, None, level);
        }
        if look {
            self.see_to_membership(&sleep.group);
            self.see_to_receive_buffer(&sleep.group);
        }
    }

    /// Joins the group again, if the interface was gone meanwhile.
    fn see_to_membership(&self, group: &Group) {
        match group.join_again() {
            Ok(false) => {}
            Ok(true) => self.warn(format_args!(
                "the interface was gone and is back: joined the group again"
            )),
            Err(e) => {
                let now = self.clock.now();
                let mut state = self.lock();
                let news = state
                    .live
                    .as_mut()
                    .is_some_and(|live| live.lacks_interface(now));
                drop(state);
                if news {
                    self.warn(format_args!("the interface is gone: {e}"));
                }
            }
        }
    }

    /// Warns if packets were dropped because the receive buffer was full.
    fn see_to_receive_buffer(&self, group: &Group) {
        if let Some(warning) = group.buffer_warning() {
            self.warn(format_args!("{warning}"));
        }
    }
}
