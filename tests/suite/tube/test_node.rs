//! A tracker of the cluster: a node, its host, and a clock of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source};
use livesync::unstable::wire::{self, Frame};
use livesync::{Announce, Config, Task, TrackerId};

use super::audit::Audit;
use super::host::{Answer, Host};
use super::peers::Peers;

/// Every clock's time when the test begins: none jumps back beyond its start.
const CLOCKS_BEGIN: Duration = Duration::from_secs(10 * 24 * 3600);

/// Every wall clock's time when the test begins, since 1970.
const WALLS_BEGIN: Duration = Duration::from_secs(1_780_000_000);

/// Returns the address of a node.
pub fn address(number: usize) -> SocketAddr {
    (Ipv4Addr::from(0x0a00_0001 + number as u32), 40_000).into()
}

/// Parses a packet.
pub fn parse(datagram: &[u8]) -> Frame<'_> {
    Frame::parse(datagram).expect("a packet")
}

/// A tracker of the cluster. `now` is virtual time.
pub struct TestNode {
    pub host: Host,
    pub peers: Peers,
    pub config: Config,
    pub protocol: Node,
    audit: Audit,
    address: SocketAddr,
    /// Its clock is this far ahead of virtual time,
    clock: Duration,
    /// and gains this many millionths.
    drift: u32,
    /// The wall clock's time at the start of virtual time.
    wall: Duration,
    /// Longest time that the host takes to answer, and that the node takes to do its due work
    /// after a datagram.
    slowness: Duration,
    /// Answers on their way from the host to the node.
    answers: Vec<(Duration, Answer)>,
    /// The time at which a slow node does its due work after a datagram.
    tick: Option<Duration>,
    /// The time until which it sleeps without further events. It is virtual time, since a jump
    /// of the node's clock wakes no thread.
    sleeps_until: Duration,
    /// The number of torrents when it last counted them.
    counted: u64,
}

impl TestNode {
    /// Starts the node of this number.
    pub fn new(
        now: Duration,
        number: usize,
        id: TrackerId,
        host: Host,
        config: &Config,
        slowness: Duration,
        seed: u64,
    ) -> Self {
        let address = address(number);
        let time = Time::START + CLOCKS_BEGIN + now;
        let links = [LinkInfo::multicast_ipv4(address)];
        let mut node = Node::new(time, id, &links, seed, config);
        node.set_unix_time(time, WALLS_BEGIN + now);
        Self {
            host,
            peers: Peers::default(),
            audit: Audit::new(time, config, slowness.is_zero()),
            config: config.clone(),
            protocol: node,
            address,
            clock: CLOCKS_BEGIN,
            drift: 0,
            wall: WALLS_BEGIN,
            slowness,
            answers: Vec::new(),
            tick: None,
            sleeps_until: now,
            counted: 0,
        }
    }

    /// Restarts the tracker under this id, with these torrents and no peers.
    pub fn restart(&mut self, now: Duration, id: TrackerId, host: Host, seed: u64) {
        let time = self.time(now);
        let links = [LinkInfo::multicast_ipv4(self.address)];
        self.host = host;
        self.peers = Peers::default();
        self.audit = Audit::new(time, &self.config, self.slowness.is_zero());
        self.protocol = Node::new(time, id, &links, seed, &self.config);
        self.protocol.set_unix_time(time, self.wall + now);
        self.answers.clear();
        self.tick = None;
        self.sleeps_until = now;
    }

    /// Lets its clock jump.
    pub fn jump(&mut self, by: Duration, forwards: bool) {
        self.clock = if forwards {
            self.clock + by
        } else {
            self.clock.saturating_sub(by)
        };
    }

    /// Lets its clock gain this many millionths.
    pub fn drift(&mut self, millionths: u32) {
        self.drift = millionths;
    }

    /// Sets its wall clock to be `ahead` of virtual time, in addition to that of the others.
    pub fn set_wall(&mut self, now: Duration, ahead: Duration) {
        let time = self.time(now);
        self.wall = WALLS_BEGIN + ahead;
        self.protocol.set_unix_time(time, self.wall + now);
    }

    /// Hands the node an announce of its host.
    pub fn announce(&mut self, now: Duration, announce: Announce) {
        let time = self.time(now);
        self.peers.apply([announce]);
        self.protocol.announce(time, announce);
        self.peers.apply(self.protocol.poll_corrections(usize::MAX));
    }

    /// Receives a datagram from this address, and returns its packet if the node uses it.
    pub fn hear<'a>(
        &mut self,
        now: Duration,
        address: SocketAddr,
        datagram: &'a [u8],
    ) -> Option<Frame<'a>> {
        let time = self.time(now);
        let source = Source {
            address,
            allowed: true,
        };
        self.audit.note_id(self.protocol.id());
        let received = self.protocol.handle_datagram(time, source, datagram).ok()?;
        let frame = parse(datagram);
        // A host that is about to answer has not seen the torrents that were merged since.
        let torrents = self.host.count().min(self.being_counted());
        self.audit.heard(torrents, frame.header.id, &frame.packet);
        match received {
            Received::Nothing => {}
            Received::Peers(peers) => self.peers.apply(peers),
            Received::Late(announces) => self.peers.apply(announces),
            Received::Torrents(torrents) => {
                let mut results = Vec::new();
                for torrent in torrents {
                    let merged = self.host.merge(minutes(now), &torrent);
                    self.audit.merged(&torrent, merged);
                    results.push((torrent.info_hash, merged));
                }
                self.protocol.handle_merged(time, &results);
            }
        }
        Some(frame)
    }

    /// Does the due work.
    pub fn tick(&mut self, now: Duration) {
        let time = self.time(now);
        self.tick = None;
        self.protocol.handle_timeout(time);
    }

    /// Makes a slow node do its due work at this time, if not earlier.
    pub fn tick_at(&mut self, at: Duration) {
        self.tick = Some(self.tick.map_or(at, |other| other.min(at)));
    }

    /// Returns its longest delay.
    pub fn slowness(&self) -> Duration {
        self.slowness
    }

    /// Returns whether it is in the middle of a telling.
    pub fn is_telling(&self) -> bool {
        self.audit.is_telling()
    }

    /// Returns whether it has told back all larger counts.
    pub fn has_told_back_all(&self) -> bool {
        self.audit.has_told_back_all()
    }

    /// Gives a task to the host.
    pub fn start_task(&mut self, now: Duration, task: &Task) -> Answer {
        self.audit.asks_host(task);
        self.host.answer(minutes(now), task)
    }

    /// Delivers the host's answer at this time.
    pub fn answer_at(&mut self, at: Duration, answer: Answer) {
        self.answers.push((at, answer));
    }

    /// Takes an answer that has arrived.
    pub fn take_answer(&mut self, now: Duration) -> Option<Answer> {
        let ready = self.answers.iter().position(|(at, _)| *at <= now)?;
        Some(self.answers.remove(ready).1)
    }

    /// Hands an answer to the node.
    pub fn handle_answer(&mut self, now: Duration, answer: &Answer) {
        let time = self.time(now);
        match answer {
            Answer::Count(torrents) => {
                self.counted = *torrents;
                self.protocol.handle_torrent_count(time, *torrents);
            }
            Answer::Walked(torrents, next) => self.protocol.handle_walked(torrents, *next),
            Answer::LookedUp(torrents) => self.protocol.handle_looked_up(torrents),
        }
    }

    /// Notes that the packets that follow from an answer have been sent.
    pub fn note_answered(&mut self, answer: &Answer) {
        self.audit.answered(answer);
    }

    /// Notes that it has sent a packet for the first time.
    pub fn note_sent(&mut self, packet: &wire::Packet<'_>) {
        self.audit.sent(self.counted, packet);
    }

    /// Sleeps until the next work is due.
    pub fn sleep(&mut self, now: Duration) {
        self.sleeps_until = match self.protocol.poll_timeout() {
            Time::NEVER => Duration::MAX,
            due => now + due.since(self.time(now)),
        };
    }

    /// Returns the time at which it has work to do.
    pub fn wakes(&self) -> Duration {
        let answers = self.answers.iter().map(|(at, _)| *at);
        answers
            .chain(self.tick)
            .fold(self.sleeps_until, Duration::min)
    }

    /// Returns the time of its clock, and shows it to the auditor.
    fn time(&mut self, now: Duration) -> Time {
        let gained = now / 1_000_000 * self.drift;
        let time = Time::START + self.clock + now + gained;
        self.audit.set_now(time);
        time
    }

    /// Returns the count that its host is about to answer.
    fn being_counted(&self) -> u64 {
        let counts = self.answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Count(torrents) => Some(*torrents),
            _ => None,
        });
        counts.min().unwrap_or(u64::MAX)
    }
}

fn minutes(now: Duration) -> i64 {
    (now.as_secs() / 60) as i64
}
