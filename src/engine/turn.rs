//! One turn of an event loop, of the receive thread or of the host loop: what it waits for, and
//! what it does then.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::links::Awaits;
use super::live::EventLoop;
use super::receive::Socket;
use crate::net::{Awaited, Inbox, Link, PollSet};
use crate::time::Time;

/// How long one turn applies datagrams before it does what is due.
const TURN_DURATION: Duration = Duration::from_millis(10);

/// The links and the timeout that an event loop waits for between two turns.
pub(super) struct Sleep {
    event_loop: EventLoop,
    pub(super) links: Vec<Awaits>,
    pub(super) timeout: Option<Duration>,
}

/// The result of an event loop's wait.
pub(super) struct Ready {
    /// True if a thread has woken the event loop.
    woken: bool,
    /// For each link: whether something has arrived, and whether the network takes packets again.
    links: Vec<(bool, bool)>,
}

impl Ready {
    /// Reads the result of a wait on the waker and two descriptors of each link.
    pub(super) fn of(awaited: &[Awaited<'_>]) -> Self {
        let mut ready = awaited.iter().map(Awaited::is_ready);
        Self {
            woken: ready.next().unwrap_or_default(),
            links: std::iter::from_fn(|| Some((ready.next()?, ready.next()?))).collect(),
        }
    }

    /// Assumes that everything is ready, for a host loop, which does not report what it has found.
    pub(super) fn all(links: usize) -> Self {
        Self {
            woken: true,
            links: vec![(true, true); links],
        }
    }
}

/// Returns the timeout, but the limit if that is shorter.
pub(super) fn at_most(timeout: Option<Duration>, limit: Duration) -> Option<Duration> {
    Some(timeout.map_or(limit, |timeout| timeout.min(limit)))
}

impl Engine {
    /// Puts an event loop to sleep, and returns what it waits for until its next turn. Returns
    /// `None` if the run is over or another event loop has it.
    pub(super) fn fall_asleep(&self, event_loop: EventLoop) -> Option<Sleep> {
        if self.run.is_stopping() {
            return None;
        }
        let mut taken = false;
        let (mut state, now) = loop {
            let mut state = self.lock();
            let now = self.clock.now();
            let live = state
                .live
                .as_mut()
                .filter(|live| live.event_loop == event_loop)?;
            if !live.take_while_blocked(now, &mut taken) {
                break (state, now);
            }
            drop(state);
        };
        let live = state.live.as_mut()?;
        self.queue.loop_is_away(event_loop == EventLoop::Host);
        let until = live.loop_sleeps(now);
        Some(Sleep {
            event_loop,
            links: live.links.awaits(),
            timeout: (until != Time::NEVER).then(|| until.since(now)),
        })
    }

    /// Takes a turn after a sleep: applies what has arrived, as far as the host has room for it,
    /// and does what is due.
    pub(super) fn take_turn(&self, sleep: &Sleep, ready: &Ready, inboxes: &mut [Inbox]) {
        self.wake_up(sleep, ready);
        let end = self.clock.now() + TURN_DURATION;
        self.in_host(sleep.event_loop, || {
            while self.receive_round(sleep, ready, inboxes) && self.clock.now() < end {}
        });
        if !self.run.is_stopping() {
            self.do_what_is_due();
            self.in_host(sleep.event_loop, || {
                self.apply_corrections();
                self.do_tasks();
            });
        }
    }

    /// Receives and applies some datagrams of each link, and returns whether there were any.
    fn receive_round(&self, sleep: &Sleep, ready: &Ready, inboxes: &mut [Inbox]) -> bool {
        let mut received = 0;
        let links = sleep.links.iter().zip(&ready.links).zip(inboxes);
        for ((at, (arrived, _)), inbox) in links {
            if (*arrived || !inbox.is_empty()) && at.receiver().is_some() && !self.run.is_stopping()
            {
                received += self
                    .receive_some(Socket::Link(&at.link), inbox)
                    .unwrap_or_else(|e| {
                        self.receive_failed(sleep, &at.link, &e);
                        0
                    });
            }
        }
        received > 0
    }

    /// Handles an error of receiving: pauses receiving on the link, or switches the engine off if
    /// the tracker has closed the socket.
    fn receive_failed(&self, sleep: &Sleep, link: &Arc<dyn Link>, error: &io::Error) {
        if let Some(libc::EBADF | libc::ENOTSOCK) = error.raw_os_error() {
            return self.trip("the tracker has closed our sockets");
        }
        let mut state = self.lock();
        let Some((live, place)) = state.live_of(link) else {
            return;
        };
        let news = live.links.receive_failed(place, self.clock.now());
        drop(state);
        if let (Some(poll_set), Some(receiver)) = (self.poll_set_of(sleep), link.receiver()) {
            poll_set.remove(receiver);
        }
        if news {
            self.warn(format_args!("cannot receive: {error}"));
        }
    }

    /// Returns the descriptors that the host loop waits on, if it is the event loop.
    fn poll_set_of(&self, sleep: &Sleep) -> Option<&PollSet> {
        let poll_set = self.poll_set.get();
        poll_set.filter(|_| sleep.event_loop == EventLoop::Host)
    }

    /// Makes calls of the host. As the host may take long, threads that announce send what is late
    /// themselves meanwhile; with a host loop they always do, as the application may hold it up at
    /// any time.
    fn in_host(&self, event_loop: EventLoop, calls: impl FnOnce()) {
        self.queue.loop_is_away(true);
        calls();
        self.queue.loop_is_away(event_loop == EventLoop::Host);
    }

    fn wake_up(&self, sleep: &Sleep, ready: &Ready) {
        if ready.woken {
            self.waker.drain();
        }
        self.queue.loop_wakes();
        if self.run.is_stopping() {
            // The wake-up that was drained may have been the stop's, which the next wait must not
            // miss.
            return self.waker.wake();
        }
        let mut state = self.lock();
        let now = self.clock.now();
        let Some(live) = &mut state.live else { return };
        if live.event_loop != sleep.event_loop {
            // The engine was stopped and started with the other event loop, so the wake-up that was
            // drained was for that one.
            drop(state);
            return self.waker.wake();
        }
        live.wakeup.wake();
        for (at, (_, writable)) in sleep.links.iter().zip(&ready.links) {
            if let Some(place) = live.links.place(&at.link).filter(|_| *writable) {
                live.links.unblock(place);
            }
        }
        let send_errors = live.links.take_send_errors();
        let resumed = live.links.take_resumed(now);
        let unchecked = live.links.take_unchecked(now);
        live.check_clock(&self.clock, now);
        let new_id = live.take_new_id(now);
        drop(state);
        for link in resumed {
            if let (Some(poll_set), Some(receiver)) = (self.poll_set_of(sleep), link.receiver()) {
                // This fails if the receiver could not be removed before; then it is still there.
                let _ = poll_set.add(receiver);
            }
        }
        for e in send_errors {
            self.warn(format_args!("cannot send: {e}"));
        }
        if let Some((id, why, level)) = new_id {
            self.queue.loop_is_away(true);
            self.goes_on_as(id, why, None, level);
        }
        for link in unchecked {
            self.see_to_membership(&link);
            self.see_to_receive_buffer(&*link);
        }
    }

    /// Joins the group again if the interface was gone meanwhile, and logs it.
    fn see_to_membership(&self, link: &Arc<dyn Link>) {
        match link.check_membership() {
            Ok(false) => {}
            Ok(true) => self.warn(format_args!(
                "the interface was gone and is back; this tracker has joined the group again"
            )),
            Err(e) => {
                let now = self.clock.now();
                let mut state = self.lock();
                let live = state.live_of(link);
                let news = live.is_some_and(|(live, place)| live.links.lacks_interface(place, now));
                drop(state);
                if news {
                    self.warn(format_args!(
                        "the interface is gone, and this tracker syncs again when it is back: {e}"
                    ));
                }
            }
        }
    }

    /// Warns if packets were dropped because the receive buffer was full.
    fn see_to_receive_buffer(&self, link: &dyn Link) {
        if let Some(warning) = link.buffer_warning() {
            self.warn(format_args!("{warning}"));
        }
    }
}
