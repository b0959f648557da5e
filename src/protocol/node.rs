//! One node of a cluster: the protocol as a state machine.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fastrand::Rng;

use super::counters::Counters;
use super::identity::Identity;
use super::inbound::{Arrival, Arrived, Authentication, Nodes, RemoteStats};
use super::isolation::IsolationMonitor;
use super::links::{LinkInfo, max_packet};
use super::outbound::{Batch, Class, Kind, Queue, Trailers, WallClock, repairs};
use super::received::{Received, Source, Waited};
use super::repair::Repair;
use super::rest::Progress;
use super::scrape::ScrapeSync;
use super::timers::{Timer, Timers};
use crate::address::Allowed;
use crate::config::Config;
use crate::reject::Reject;
use crate::time::Time;
use crate::types::{Announce, TrackerId};
use crate::wire::{Frame, Packet, PacketType, Trailer};

/// A node of a cluster, without I/O: it takes events, and returns what is to be done.
///
/// Time comes in as a value and may jump in either direction: what is overdue is done once, and
/// what is due in a minute stays due in a minute.
///
/// After each call of [`announce`](Self::announce) or of a `handle_…`, the caller does what
/// `poll_task` returns (with scrape sync), sends what [`poll_transmit`](Self::poll_transmit)
/// returns, and calls [`handle_timeout`](Self::handle_timeout) at
/// [`poll_timeout`](Self::poll_timeout).
///
/// # Examples
///
/// ```
/// use livesync::{Config, Announce, InfoHash, Peer, PeerFlags, TrackerId};
/// use livesync::unstable::protocol::{LinkInfo, Node, Received, Source};
/// use livesync::unstable::Time;
///
/// // With repair, heartbeats would be due as well.
/// let config = Config::default().repair(false);
/// let address = |last| std::net::SocketAddr::from(([10, 0, 0, last], 9696));
/// let links = |last| [LinkInfo::multicast_ipv4(address(last))];
/// let mut sender = Node::new(Time::START, TrackerId([1; 4]), &links(1), 1, &config);
/// let mut receiver = Node::new(Time::START, TrackerId([2; 4]), &links(2), 2, &config);
///
/// let announce = Announce {
///     info_hash: InfoHash([0xab; 20]),
///     peer: Peer { ip: [192, 0, 2, 1].into(), port: 6881, flags: PeerFlags::SEEDING },
/// };
/// sender.announce(Time::START, announce);
/// let due = sender.poll_timeout();
/// assert_eq!(due, Time::START + config.flush_after);
/// sender.handle_timeout(due);
/// let packet = sender.poll_transmit().expect("a packet");
///
/// let source = Source { address: address(1), allowed: true };
/// let received = receiver.handle_datagram(due, source, packet.as_ref());
/// let Ok(Received::Peers(mut peers)) = received else {
///     panic!("not a list of peers");
/// };
/// assert_eq!(peers.next(), Some(announce));
/// ```
#[derive(Debug)]
pub struct Node {
    pub(super) identity: Identity,
    pub(super) flush_after: Duration,
    pub(super) ipv4: Batch<Announce<Ipv4Addr>>,
    pub(super) ipv6: Batch<Announce<Ipv6Addr>>,
    pub(super) allow: Allowed,
    pub(super) hears_ipv6: bool,
    pub(super) nodes: Nodes,
    pub(super) isolation: IsolationMonitor,
    isolated: bool,
    pub(super) queue: Queue,
    pub(super) timers: Timers,
    pub(super) counters: Counters,
    pub(super) began: Time,
    pub(super) wall: WallClock,
    /// `None` if our packets have no trailers.
    pub(super) trailers: Option<Trailers>,
    /// `None` without a key.
    pub(super) authentication: Option<Authentication>,
    pub(super) repair: Option<Repair>,
    pub(super) scrape: ScrapeSync,
}

impl Node {
    /// Creates a node that sends as `id` on these links and starts at `now`.
    ///
    /// The configuration must be [valid](Config::validate), and each link must have room for a
    /// header, a record and a trailer. `seed` determines random delays and ids; each node needs
    /// another one.
    pub fn new(now: Time, id: TrackerId, links: &[LinkInfo], seed: u64, config: &Config) -> Self {
        let mut timers = Timers::new(now);
        let mut rng = Rng::with_seed(seed);
        let wall = WallClock::default();
        let trailers = Trailers::new(now, wall, config);
        let longest = max_packet(links) - trailers.as_ref().map_or(0, |_| Trailer::LEN);
        let announces = Kind::Announces { packet: 0 };
        Self {
            identity: Identity::new(id, links, rng.fork()),
            flush_after: config.flush_after,
            ipv4: Batch::new(id, PacketType::Live, announces, longest),
            ipv6: Batch::new(id, PacketType::LIVE_IPV6, announces, longest),
            allow: Allowed::new(&config.allow),
            hears_ipv6: config.ipv6,
            nodes: Nodes::default(),
            isolation: IsolationMonitor::new(config, &mut timers),
            isolated: false,
            queue: Queue::default(),
            counters: Counters::default(),
            began: now,
            wall,
            trailers,
            authentication: Authentication::new(config),
            repair: repairs(config).then(|| Repair::new(rng.fork(), config, &mut timers)),
            scrape: ScrapeSync::new(id, longest, &mut rng, config, &mut timers),
            timers,
        }
    }

    /// Returns what this node has counted so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        let posted = self.queue.posted();
        counters.packets_out = posted.packets;
        counters.bytes_out = posted.bytes;
        counters.packets_overflowed = posted.overflowed.iter().sum();
        let overflowed = |class: Class| posted.overflowed[class as usize];
        counters.overflowed_control = overflowed(Class::Control);
        counters.overflowed_live = overflowed(Class::Live);
        counters.overflowed_repair = overflowed(Class::Repair);
        counters.overflowed_bulk = overflowed(Class::Bulk);
        if let Some(repair) = &self.repair {
            counters.repair = repair.counters.clone();
            let dropped = repair.order.corrections_dropped();
            counters.drops.add(Reject::TooLate, dropped);
        }
        let tally = self.nodes.tally();
        counters.repair.packets_recovered = tally.recovered;
        counters.repair.packets_lost = tally.lost;
        self.scrape.count(&mut counters);
        counters
    }

    /// Returns the other nodes that were heard in the last hour, in no order.
    ///
    /// At most [`MAX_NODES`](super::MAX_NODES) are known at a time.
    pub fn nodes(&self, now: Time) -> impl Iterator<Item = RemoteStats> {
        self.nodes.all(now)
    }

    /// Returns true once after no other node was heard for
    /// [`isolated_after`](Config::isolated_after) although this node sent packets.
    pub fn take_isolated(&mut self) -> bool {
        std::mem::take(&mut self.isolated)
    }

    /// Returns whether a packet was used since the last call although no key authenticates it.
    pub fn take_unauthenticated(&mut self) -> bool {
        let authentication = self.authentication.as_mut();
        authentication.is_some_and(Authentication::take_unauthenticated)
    }

    /// Returns by how many milliseconds the sender's clock was ahead of ours when a packet was last
    /// refused for that; 0 before the first.
    pub fn skew_ms(&self) -> i64 {
        let authentication = self.authentication.as_ref();
        authentication.map_or(0, Authentication::skew_ms)
    }

    /// Returns whether the queue has room for more announces: some 500 packets of them.
    pub fn has_room(&self) -> bool {
        self.queue.has_room(Class::Live)
    }

    /// Handles a datagram that arrives now, and returns what it contains for the host.
    ///
    /// # Errors
    ///
    /// Returns the reason if the datagram is not used. [`Counters::drops`] counts it.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Time,
        source: Source,
        datagram: &'a [u8],
    ) -> Result<Received<'a>, Reject> {
        let at_once = Waited::exactly(Duration::ZERO);
        let mut progress = self.handle_datagram_after(now, at_once, source, datagram)?;
        loop {
            match progress {
                Progress::Done(received) => return Ok(received),
                Progress::Rest(rest) => progress = self.handle_rest(now, rest),
            }
        }
    }

    /// Handles a datagram that arrived earlier, and has waited since.
    ///
    /// Of a long list it handles only a part, so that one call takes some ten microseconds at most;
    /// [`handle_rest`](Self::handle_rest) continues with the rest.
    ///
    /// # Errors
    ///
    /// Returns the reason if the datagram is not used. [`Counters::drops`] counts it.
    pub fn handle_datagram_after<'a>(
        &mut self,
        now: Time,
        waited: Waited,
        source: Source,
        datagram: &'a [u8],
    ) -> Result<Progress<'a>, Reject> {
        self.timers.set_now(now);
        self.counters.packets_in += 1;
        self.counters.bytes_in += datagram.len() as u64;
        let received = self
            .accept(source, waited, datagram)
            .and_then(|arrived| match arrived {
                Some((frame, arrived)) => self.handle_packet(frame, &arrived),
                None => Ok(Progress::Done(Received::Nothing)),
            });
        if let Err(reject) = received {
            self.counters.drops.count(reject);
        }
        received
    }

    /// Does what is due. It is harmless to call it too early, or more than once.
    pub fn handle_timeout(&mut self, now: Time) {
        self.timers.set_now(now);
        if self.timers.take_due(Timer::Flush) {
            self.flush();
        }
        self.draw_if_needed();
        self.repair();
        let packets_out = self.queue.posted().packets;
        self.isolated |= self.isolation.check_isolated(packets_out, &mut self.timers);
        self.scrape.handle_timeout(&mut self.timers);
    }

    /// Returns the latest time at which [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Time {
        self.timers.earliest()
    }

    /// Returns whether [`poll_transmit`](Self::poll_transmit) has a packet.
    pub fn has_transmit(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Counts a packet that could not be sent at all.
    pub fn count_send_error(&mut self) {
        self.counters.send_errors += 1;
    }

    /// Completes the packets that are being filled. Empty packets are never sent.
    pub fn flush(&mut self) {
        self.timers.stop(Timer::Flush);
        let ipv4 = self.ipv4.take();
        let ipv6 = self.ipv6.take();
        for datagram in [ipv4, ipv6].into_iter().flatten() {
            self.queue.post(datagram);
        }
    }

    fn handle_packet<'a>(
        &mut self,
        frame: Frame<'a>,
        arrived: &Arrived,
    ) -> Result<Progress<'a>, Reject> {
        let received = match frame.packet {
            Packet::Live(peers) => self.handle_peers(peers, arrived),
            Packet::Heartbeat(_) => Ok(Progress::Done(Received::Nothing)),
            Packet::Nak(nak) => {
                self.handle_nak(arrived.from, &nak);
                Ok(Progress::Done(Received::Nothing))
            }
            packet => self.handle_torrents(arrived, packet).map(Progress::Done),
        };
        if let Some((number, Arrival::Late(_))) = arrived.order
            && let Some(stream) = arrived.stream
        {
            let used = !matches!(received, Err(Reject::TooLate));
            let streams = self.nodes.get_mut(arrived.node).streams_mut();
            streams.settle(stream, number.seq, used);
        }
        received
    }

    pub(super) fn count_tail(&mut self, tail: &[u8]) {
        if !tail.is_empty() {
            self.counters.drops.count(Reject::TruncatedTail);
        }
    }
}
