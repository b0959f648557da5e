//! What arrives: many datagrams at a time for the protocol, and what it has for the host.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use super::deliveries::Deliveries;
use super::engine::Engine;
use super::live::Live;
use crate::log::Level;
use crate::net::{Inbox, Link, receive_capacity};
use crate::protocol::{NewId, Progress, Received, Source, Waited};
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{Announce, TrackerId};
use crate::wire::MAX_RECEIVED;

/// How many datagrams the protocol takes at once.
const RECV_BATCH_PACKETS: usize = if cfg!(shuttle) { 2 } else { 32 };

/// After so long it takes no more of them before our lock was free: announcing threads may wait
/// for it.
const MAX_LOCK_HOLD: Duration = Duration::from_micros(128);

/// A list of so many announces, of which each is the latest, takes so little time that the clock
/// is read only for
const SHORT_LIST_LEN: usize = 52;

/// every so many of them: where a key proves each, that takes some microseconds.
const SHORT_LISTS_PER_CLOCK_READ: usize = 8;

/// What became of a datagram.
struct Outcome<'a> {
    source: SocketAddr,
    len: usize,
    progress: Result<Progress<'a>, Dropped>,
    /// The id under which we go on.
    new_id: Option<(TrackerId, NewId, Level)>,
    /// It was used although no key proves where it comes from.
    unauthenticated: Option<Level>,
}

/// What is received from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// One of our links, from which nobody else receives.
    Link(&'a Arc<dyn Link>),
    /// A socket of the host's, where datagrams may have waited for as long as it likes.
    Hosts(BorrowedFd<'a>),
}

impl Origin<'_> {
    fn receive(self, inbox: &mut Inbox, at_most: usize) -> io::Result<usize> {
        match self {
            Self::Link(link) => link.receive(inbox, at_most),
            Self::Hosts(fd) => inbox.receive(fd, at_most),
        }
    }
}

/// Why a datagram is not used, and how seriously to log it.
struct Dropped {
    reject: Reject,
    /// By how many milliseconds its sender's clock is ahead, if that is why.
    skew_ms: Option<i64>,
    level: Level,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reject.reason())?;
        let Some(skew) = self.skew_ms else {
            return Ok(());
        };
        let direction = if skew < 0 { "behind" } else { "ahead" };
        let seconds = skew.unsigned_abs() as f64 / 1000.0;
        write!(f, "; its clock is {seconds:.1} s {direction}")
    }
}

impl Engine {
    /// Receives and applies what waits at `fd`, at most as much as its receive
    /// buffer holds, without blocking.
    pub fn receive_from(&self, fd: BorrowedFd<'_>) {
        let mut inbox = Inbox::new(MAX_RECEIVED);
        let mut left = receive_capacity(fd);
        while left > 0 && !self.run.is_stopping() {
            match self.receive_some(Origin::Hosts(fd), &mut inbox) {
                Ok(0) | Err(_) => break,
                Ok(received) => left = left.saturating_sub(received),
            }
        }
        // They came together with others: the kernel does not have them any more.
        while !inbox.is_empty() && !self.run.is_stopping() {
            self.deliver(inbox.take_stamped(RECV_BATCH_PACKETS), Origin::Hosts(fd), false);
        }
        // our event loop sleeps, and does not know of it.
        if !self.run.is_stopping() {
            self.do_at_once();
        }
    }

    /// Receives and applies some datagrams, as far as the host has room for them; how many
    /// there were. The inbox keeps those for which there is none.
    pub(super) fn receive_some(&self, origin: Origin<'_>, inbox: &mut Inbox) -> io::Result<usize> {
        let room = self.room();
        if room == 0 {
            return Ok(0);
        }
        if inbox.is_empty() {
            match origin.receive(inbox, room) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                received => received?,
            };
        }
        let most = room.min(RECV_BATCH_PACKETS);
        let drains = inbox.is_drained_by(most);
        let datagrams = inbox.take_stamped(most);
        let count = datagrams.len();
        self.deliver(datagrams, origin, drains);
        Ok(count)
    }

    /// Hands datagrams to the protocol, and what it has of them to the host. Perhaps nothing else
    /// had arrived when they were received.
    ///
    /// The host is entered for its own functions only. What we do ourselves takes and gives
    /// memory, and a stop that waited for that would wait for the allocator's lock, which the
    /// code may hold that its signal has interrupted.
    fn deliver<'a>(
        &self,
        datagrams: impl ExactSizeIterator<Item = (Option<SocketAddr>, Option<Duration>, &'a [u8])>,
        origin: Origin<'_>,
        drains: bool,
    ) {
        // Nobody blesses what has no IP address.
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut arrived = Vec::with_capacity(datagrams.len());
        if let Some(_in_host) = self.run.enter_host() {
            arrived.extend(datagrams.map(|(source, stamp, datagram)| {
                (self.bless(source.unwrap_or(nowhere)), stamp, datagram)
            }));
        }
        let mut arrived = arrived.into_iter();
        while arrived.len() > 0 && self.host_is_up() {
            let Some(outcomes) = self.hear_some(&mut arrived, origin, drains) else {
                return;
            };
            for outcome in outcomes {
                self.conclude(outcome);
            }
        }
    }

    /// Hands datagrams to the protocol, for as long as our lock may be held.
    fn hear_some<'a>(
        &self,
        mut datagrams: impl ExactSizeIterator<Item = (Source, Option<Duration>, &'a [u8])>,
        origin: Origin<'_>,
        drains: bool,
    ) -> Option<Vec<Outcome<'a>>> {
        let mut outcomes = Vec::with_capacity(datagrams.len());
        let mut state = self.lock();
        let live = state.live.as_mut()?;
        let place = match origin {
            Origin::Link(link) => Some(live.links.place(link)?),
            Origin::Hosts(_) => None,
        };
        let mut delivery = self.deliveries.current();
        let mut now = self.clock.now();
        let end = now + MAX_LOCK_HOLD;
        for (source, stamp, datagram) in datagrams.by_ref() {
            live.node.set_delivery(delivery);
            delivery = Deliveries::after(delivery);
            let waited = place.map_or(Waited::UNKNOWN, |place| {
                live.links.receiving(place).waited(now, stamp)
            });
            let outcome = hear(live, now, waited, source, datagram);
            let is_rest = matches!(&outcome.progress, Ok(Progress::Rest(_)));
            let is_short = matches!(
                &outcome.progress,
                Ok(Progress::Done(Received::Peers(peers))) if peers.len() <= SHORT_LIST_LEN
            );
            outcomes.push(outcome);
            if !is_short || outcomes.len().is_multiple_of(SHORT_LISTS_PER_CLOCK_READ) {
                now = self.clock.now();
            }
            if is_rest || now >= end {
                break;
            }
        }
        if let Some(place) = place.filter(|_| drains && datagrams.len() == 0) {
            live.links.receiving(place).note_drained(now);
        }
        Some(outcomes)
    }

    /// Hands the rest of a list to the protocol, by and by.
    fn hear_rest<'a>(&self, mut progress: Progress<'a>) -> Received<'a> {
        loop {
            let rest = match progress {
                Progress::Done(received) => return received,
                Progress::Rest(rest) => rest,
            };
            let mut state = self.lock();
            let Some(live) = &mut state.live else {
                return Received::Nothing;
            };
            progress = live.node.handle_rest(self.clock.now(), rest);
        }
    }

    /// Has the host apply what it has applied in another order.
    pub(super) fn apply_corrections(&self) {
        while self.room() > 0 {
            let mut state = self.lock();
            let Some(live) = &mut state.live else { return };
            live.node.set_delivery(self.deliveries.current());
            let corrections = live.node.poll_corrections(RECV_BATCH_PACKETS);
            drop(state);
            if corrections.is_empty() {
                return;
            }
            self.apply(corrections.into_iter());
        }
    }

    /// How many packets the host takes for now.
    pub(super) fn room(&self) -> usize {
        let in_host = self.run.enter_host();
        in_host.map_or(0, |_in_host| self.host.room())
    }

    fn bless(&self, address: SocketAddr) -> Source {
        let ip = address.ip();
        Source {
            address,
            allowed: !ip.is_unspecified() && self.may_call_host() && self.host.is_allowed(ip),
        }
    }

    fn conclude(&self, outcome: Outcome<'_>) {
        let Outcome { source, len, .. } = outcome;
        if let Some((id, why, level)) = outcome.new_id {
            self.goes_on_as(id, why, Some(source), level);
        }
        if let Some(level) = outcome.unauthenticated {
            self.report(
                level,
                format_args!(
                    "used a packet from {source} although no key proves that it is the cluster's"
                ),
            );
        }
        let received = outcome.progress.map(|progress| self.hear_rest(progress));
        match received {
            Ok(Received::Peers(peers)) => self.apply(peers),
            Ok(Received::Late(announces)) => self.apply(announces.into_iter()),
            Ok(Received::Torrents(torrents)) => {
                self.deliveries.advance();
                self.merge(torrents);
            }
            Ok(Received::Nothing) => self.deliveries.advance(),
            Err(dropped) => {
                self.deliveries.advance();
                self.report(
                    dropped.level,
                    format_args!("dropped a packet of {len} bytes from {source}: {dropped}"),
                );
            }
        }
    }

    /// Tells the host of the id under which we go on, and the log why; perhaps it was a packet from
    /// this source.
    pub(super) fn goes_on_as(
        &self,
        id: TrackerId,
        why: NewId,
        source: Option<SocketAddr>,
        level: Level,
    ) {
        if !self.hands_over_id(id) {
            return;
        }
        match (why, source) {
            (NewId::SameId, Some(source)) => self.report(
                level,
                format_args!("{source} has the same tracker id as we; we go on as tracker {id}"),
            ),
            (NewId::SameId, None) => self.report(
                level,
                format_args!("another tracker has the same id as we; we go on as tracker {id}"),
            ),
            (NewId::NeverSent, Some(source)) => self.report(
                level,
                format_args!(
                    "{source} has heard packets under our tracker id that we have not sent: \
                     somebody forges them; we go on as tracker {id}"
                ),
            ),
            (NewId::NeverSent, None) => self.report(
                level,
                format_args!(
                    "others have heard packets under our tracker id that we have not sent: \
                     somebody forges them; we go on as tracker {id}"
                ),
            ),
            (NewId::ClockSetBack, _) => self.report(
                Level::Warn,
                format_args!("the clock was set back; we go on as tracker {id}"),
            ),
        }
    }

    /// Tells the host of the id under which we go on; whether it is up.
    fn hands_over_id(&self, id: TrackerId) -> bool {
        self.run.enter_host().is_some_and(|_in_host| {
            let up = self.may_call_host();
            if up {
                self.host.new_tracker_id(id);
            }
            up
        })
    }

    fn apply(&self, announces: impl Iterator<Item = Announce>) {
        let Some(_in_host) = self.run.enter_host() else {
            return;
        };
        let mut applied = 0;
        let mut unreachable = 0;
        for Announce { info_hash, peer } in announces {
            if !self.may_call_host() {
                return;
            }
            if !peer.is_reachable() {
                unreachable += 1;
                continue;
            }
            if peer.is_stopped() {
                self.host.remove_peer(&info_hash, &peer);
            } else {
                self.host.add_peer(&info_hash, &peer);
            }
            applied += 1;
        }
        if unreachable > 0
            && let Some(live) = &mut self.lock().live
        {
            live.node.drop_bad_peers(unreachable);
        }
        // What the host announces from here on it announces behind this.
        self.deliveries.advance();
        if applied > 0 && self.may_call_host() {
            self.host.packet_applied(applied);
        }
    }

    /// Logs what a delivery is about.
    fn report(&self, level: Level, message: fmt::Arguments<'_>) {
        if self.host_is_up() {
            self.log_unless_stopping(level, message);
        }
    }
}

fn hear<'a>(
    live: &mut Live,
    now: Time,
    waited: Waited,
    source: Source,
    datagram: &'a [u8],
) -> Outcome<'a> {
    let node = &mut live.node;
    let progress = node.handle_datagram_after(now, waited, source, datagram);
    Outcome {
        source: source.address,
        len: datagram.len(),
        progress: progress.map_err(|reject| Dropped {
            reject,
            skew_ms: (reject == Reject::Skewed).then(|| live.node.skew_ms()),
            level: live.level_of(now, reject),
        }),
        new_id: live.take_new_id(now),
        unauthenticated: live.level_of_unauthenticated(now),
    }
}
