//! What arrives: many datagrams at a time for the protocol, and what it has for the host.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::engine::Engine;
use super::live::Live;
use crate::log::Level;
use crate::net::{Inbox, receive_capacity};
use crate::protocol::{Received, Source};
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{Announce, TrackerId};
use crate::wire::MAX_RECEIVED;

/// How many datagrams the protocol takes at once.
const AT_ONCE: usize = if cfg!(shuttle) { 2 } else { 32 };

/// After so long it takes no more of them before our lock was free: one that was late may
/// take as long as thousands that were not, and who tells may wait for the lock. A list that
/// comes in its order never takes long, so that the clock need not be read for it.
const HELD: Duration = Duration::from_micros(200);

/// What became of a datagram.
struct Outcome<'a> {
    source: SocketAddrV4,
    len: usize,
    received: Result<Received<'a>, Dropped>,
    /// The id under which we go on.
    new_id: Option<(TrackerId, Level)>,
    /// It was used although no key proves where it comes from.
    unproven: Option<Level>,
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
            match self.receive_some(fd, &mut inbox) {
                Ok(0) | Err(_) => break,
                Ok(received) => left = left.saturating_sub(received),
            }
        }
        // They came together with others: the kernel does not have them any more.
        while !inbox.is_empty() && !self.run.is_stopping() {
            self.deliver(inbox.take(AT_ONCE));
        }
        self.tick();
    }

    /// Receives and applies some datagrams, as far as the host has room for them; how many
    /// there were. The inbox keeps those for which there is none.
    pub(super) fn receive_some(&self, fd: BorrowedFd<'_>, inbox: &mut Inbox) -> io::Result<usize> {
        let room = self.room();
        if room == 0 {
            return Ok(0);
        }
        if inbox.is_empty() {
            match inbox.receive(fd, room) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                received => received?,
            };
        }
        let datagrams = inbox.take(room.min(AT_ONCE));
        let count = datagrams.len();
        self.deliver(datagrams);
        Ok(count)
    }

    /// Hands datagrams to the protocol, and what it has of them to the host.
    fn deliver<'a>(&self, datagrams: impl Iterator<Item = (Option<SocketAddrV4>, &'a [u8])>) {
        let Some(_in_host) = self.run.enter_host() else {
            return;
        };
        // Nobody blesses what has no IPv4 address.
        let nowhere = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let arrived: Vec<_> = datagrams
            .map(|(source, datagram)| (self.bless(source.unwrap_or(nowhere)), datagram))
            .collect();
        let mut arrived = arrived.into_iter();
        while arrived.len() > 0 && self.may_call_host() {
            let Some(outcomes) = self.hear_some(&mut arrived) else {
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
        datagrams: impl ExactSizeIterator<Item = (Source, &'a [u8])>,
    ) -> Option<Vec<Outcome<'a>>> {
        let mut outcomes = Vec::with_capacity(datagrams.len());
        let mut state = self.lock();
        let live = state.live.as_mut()?;
        let mut now = self.clock.now();
        let end = now + HELD;
        for (source, datagram) in datagrams {
            let outcome = hear(live, now, source, datagram);
            let is_short = matches!(outcome.received, Ok(Received::Peers(_)));
            outcomes.push(outcome);
            if !is_short {
                now = self.clock.now();
            }
            if now >= end {
                break;
            }
        }
        Some(outcomes)
    }

    /// How many packets the host takes for now.
    pub(super) fn room(&self) -> usize {
        let in_host = self.run.enter_host();
        in_host.map_or(0, |_in_host| self.host.room())
    }

    fn bless(&self, address: SocketAddrV4) -> Source {
        let ip = *address.ip();
        Source {
            address,
            blessed: !ip.is_unspecified() && self.may_call_host() && self.host.is_blessed(ip),
        }
    }

    fn conclude(&self, outcome: Outcome<'_>) {
        let Outcome { source, len, .. } = outcome;
        if let Some((id, level)) = outcome.new_id
            && self.may_call_host()
        {
            self.host.new_tracker_id(id);
            self.report(
                level,
                format_args!("{source} has the same tracker id as we; we go on as tracker {id}"),
            );
        }
        if let Some(level) = outcome.unproven {
            self.report(
                level,
                format_args!(
                    "used a packet from {source} although no key proves that it is the cluster's"
                ),
            );
        }
        match outcome.received {
            Ok(Received::Peers(peers)) => self.apply(peers),
            Ok(Received::Late(announces)) => self.apply(announces.into_iter()),
            #[cfg(feature = "want_sync_scrape")]
            Ok(Received::Torrents(torrents)) => self.merge(torrents),
            Ok(Received::Nothing) => {}
            Err(dropped) => self.report(
                dropped.level,
                format_args!("dropped a packet of {len} bytes from {source}: {dropped}"),
            ),
        }
    }

    fn apply(&self, announces: impl Iterator<Item = Announce>) {
        let mut applied = 0;
        for Announce { info_hash, peer } in announces {
            if !self.may_call_host() {
                return;
            }
            if peer.is_stopped() {
                self.host.remove_peer(&info_hash, &peer);
            } else {
                self.host.add_peer(&info_hash, &peer);
            }
            applied += 1;
        }
        if applied > 0 && self.may_call_host() {
            self.host.packet_applied(applied);
        }
    }

    /// Logs what a delivery is about.
    fn report(&self, level: Level, message: fmt::Arguments<'_>) {
        if self.may_call_host() {
            self.log(level, message);
        }
    }
}

fn hear<'a>(live: &mut Live, now: Time, source: Source, datagram: &'a [u8]) -> Outcome<'a> {
    let received = live.node.handle_datagram(now, source, datagram);
    Outcome {
        source: source.address,
        len: datagram.len(),
        received: received.map_err(|reject| Dropped {
            reject,
            skew_ms: (reject == Reject::Skewed).then(|| live.node.skew_ms()),
            level: live.level_of(now, reject),
        }),
        new_id: live.take_new_id(now),
        unproven: live.level_of_unproven(now),
    }
}
