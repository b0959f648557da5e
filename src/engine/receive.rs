//! Receiving: hands datagrams to the protocol, many at a time, and the results to the host.

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

/// How many datagrams are handed to the protocol together.
const RECV_BATCH_PACKETS: usize = if cfg!(shuttle) { 2 } else { 32 };

/// Upper bound for one hold of the engine lock while datagrams are handed to the protocol. Threads
/// that announce may wait for the lock.
const MAX_LOCK_HOLD: Duration = Duration::from_micros(128);

/// The longest list that counts as short. A short list of announces none of which is superseded
/// takes so little time that the clock is not read after each.
const SHORT_LIST_LEN: usize = 52;

/// After how many short lists the clock is read. To authenticate each of them takes some
/// microseconds.
const SHORT_LISTS_PER_CLOCK_READ: usize = 8;

/// The result of handing a datagram to the protocol.
struct Outcome<'a> {
    source: SocketAddr,
    len: usize,
    progress: Result<Progress<'a>, Dropped>,
    /// The new tracker id, if the datagram made the node draw one.
    new_id: Option<(TrackerId, NewId, Level)>,
    /// The level at which to log that the datagram was used although it was unauthenticated.
    unauthenticated: Option<Level>,
}

/// The socket that is received from.
#[derive(Clone, Copy)]
pub(super) enum Socket<'a> {
    /// The socket of a link, from which only the engine receives.
    Link(&'a Arc<dyn Link>),
    /// A socket of the application, where datagrams may have waited for any time.
    Hosts(BorrowedFd<'a>),
}

impl Socket<'_> {
    fn receive(self, inbox: &mut Inbox, at_most: usize) -> io::Result<usize> {
        match self {
            Self::Link(link) => link.receive(inbox, at_most),
            Self::Hosts(fd) => inbox.receive(fd, at_most),
        }
    }
}

/// The reason why a datagram was dropped, and the level at which to log that.
struct Dropped {
    reject: Reject,
    /// By how many milliseconds the sender's clock is ahead, if the datagram was dropped for that.
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
    /// Receives and applies what waits in the socket `fd`, at most as much as its receive buffer
    /// holds, without blocking.
    pub fn receive_from(&self, fd: BorrowedFd<'_>) {
        let mut inbox = Inbox::new(MAX_RECEIVED);
        let mut left = receive_capacity(fd);
        while left > 0 && !self.run.is_stopping() {
            match self.receive_some(Socket::Hosts(fd), &mut inbox) {
                Ok(0) | Err(_) => break,
                Ok(received) => left = left.saturating_sub(received),
            }
        }
        // These came in the same messages as others, so the kernel has them no more.
        while !inbox.is_empty() && !self.run.is_stopping() {
            self.deliver(
                inbox.take_stamped(RECV_BATCH_PACKETS),
                Socket::Hosts(fd),
                false,
            );
        }
        // The event loop may sleep, and does not know of what was received here.
        if !self.run.is_stopping() {
            self.do_at_once();
        }
    }

    /// Receives and applies some datagrams, as far as the host has room for them, and returns how
    /// many. The inbox keeps those for which there is no room.
    pub(super) fn receive_some(&self, origin: Socket<'_>, inbox: &mut Inbox) -> io::Result<usize> {
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

    /// Hands datagrams to the protocol, and the results to the host. `drains` says that the socket
    /// was empty after these were received.
    ///
    /// A thread enters the host only around the host's own functions. The engine's code in between
    /// allocates and frees memory, and a stop that waited for it would wait for the allocator's
    /// lock. If the stop comes from a signal handler, the thread that it interrupted may hold that
    /// lock.
    fn deliver<'a>(
        &self,
        datagrams: impl ExactSizeIterator<Item = (Option<SocketAddr>, Option<Duration>, &'a [u8])>,
        origin: Socket<'_>,
        drains: bool,
    ) {
        // A source without an IP address is never allowed.
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut arrived = Vec::with_capacity(datagrams.len());
        if let Some(_in_host) = self.run.enter_host() {
            arrived.extend(datagrams.map(|(source, stamp, datagram)| {
                (self.source_of(source.unwrap_or(nowhere)), stamp, datagram)
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

    /// Hands datagrams to the protocol during one hold of the engine lock.
    fn hear_some<'a>(
        &self,
        mut datagrams: impl ExactSizeIterator<Item = (Source, Option<Duration>, &'a [u8])>,
        origin: Socket<'_>,
        drains: bool,
    ) -> Option<Vec<Outcome<'a>>> {
        let mut outcomes = Vec::with_capacity(datagrams.len());
        let mut state = self.lock();
        let live = state.live.as_mut()?;
        let place = match origin {
            Socket::Link(link) => Some(live.links.place(link)?),
            Socket::Hosts(_) => None,
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

    /// Hands the rest of a list to the protocol in several holds of the engine lock.
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

    /// Has the host apply once more what it has applied in the wrong order.
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

    /// Returns how many packets the host has room for.
    pub(super) fn room(&self) -> usize {
        let in_host = self.run.enter_host();
        in_host.map_or(0, |_in_host| self.host.room())
    }

    fn source_of(&self, address: SocketAddr) -> Source {
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
                    "used an unauthenticated packet from {source}: no key proves that it belongs \
                     to this cluster"
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

    /// Gives the host the new tracker id, and logs why the node has drawn one. `source` is where
    /// the packet came from that was the reason, if there was one.
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
                format_args!("{source} has our tracker id; we continue as tracker {id}"),
            ),
            (NewId::SameId, None) => self.report(
                level,
                format_args!("another tracker has our tracker id; we continue as tracker {id}"),
            ),
            (NewId::NeverSent, Some(source)) => self.report(
                level,
                format_args!(
                    "{source} has received packets with our tracker id that we have not sent: \
                     another host forges them; we continue as tracker {id}"
                ),
            ),
            (NewId::NeverSent, None) => self.report(
                level,
                format_args!(
                    "others have received packets with our tracker id that we have not sent: \
                     another host forges them; we continue as tracker {id}"
                ),
            ),
            (NewId::ClockSetBack, _) => self.report(
                Level::Warn,
                format_args!("the clock was set back; we continue as tracker {id}"),
            ),
        }
    }

    /// Gives the host the new tracker id, and returns whether the host is up.
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
        // Announces of the host from here on come after this delivery.
        self.deliveries.advance();
        if applied > 0 && self.may_call_host() {
            self.host.packet_applied(applied);
        }
    }

    /// Logs a line about a delivery, if the host is up.
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
