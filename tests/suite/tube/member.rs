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

/// Where every clock stands when the test begins: none jumps back beyond its
/// start.
const CLOCKS_BEGIN: Duration = Duration::from_secs(10 * 24 * 3600);

/// What the clock on every wall shows then, since 1970, unless somebody sets it.
const WALLS_BEGIN: Duration = Duration::from_secs(1_780_000_000);

/// The address of a member.
pub fn address(number: usize) -> SocketAddr {
    (Ipv4Addr::from(0x0a00_0001 + number as u32), 40_000).into()
}

/// What is in a packet.
pub fn parse(datagram: &[u8]) -> Frame<'_> {
    Frame::parse(datagram).expect("a packet")
}

/// A tracker of the cluster. `now` is virtual time.
pub struct Member {
    pub host: Host,
    pub peers: Peers,
    pub config: Config,
    pub node: Node,
    audit: Audit,
    address: SocketAddr,
    /// Its clock is so far ahead of virtual time,
    clock: Duration,
    /// and gains so many millionths.
    drift: u32,
    /// What the clock on its wall shows at the begin of virtual time.
    wall: Duration,
    /// So late at most the host answers, and so late at most the node is told
    /// the time after a datagram.
    slowness: Duration,
    /// Answers that are on their way from the host to the node.
    answers: Vec<(Duration, Answer)>,
    /// When a slow member does what is due after a datagram.
    tick: Option<Duration>,
    /// How long it sleeps if nothing happens, by virtual time: a jump of its clock
    /// wakes nobody.
    sleeps_until: Duration,
    /// How many torrents it had when it last counted them.
    counted: u64,
}

impl Member {
    /// The member of this number starts.
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
            node,
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

    /// It starts again, under this id, with these torrents and no peers.
    pub fn restart(&mut self, now: Duration, id: TrackerId, host: Host, seed: u64) {
        let time = self.time(now);
        let links = [LinkInfo::multicast_ipv4(self.address)];
        self.host = host;
        self.peers = Peers::default();
        self.audit = Audit::new(time, &self.config, self.slowness.is_zero());
        self.node = Node::new(time, id, &links, seed, &self.config);
        self.node.set_unix_time(time, self.wall + now);
        self.answers.clear();
        self.tick = None;
        self.sleeps_until = now;
    }

    /// Its clock jumps.
    pub fn jump(&mut self, by: Duration, forwards: bool) {
        self.clock = if forwards {
            self.clock + by
        } else {
            self.clock.saturating_sub(by)
        };
    }

    /// Its clock gains so many millionths.
    pub fn drift(&mut self, millionths: u32) {
        self.drift = millionths;
    }

    /// Somebody sets the clock on its wall, ahead of virtual time by so much, beyond that of the
    /// others.
    pub fn set_wall(&mut self, now: Duration, ahead: Duration) {
        let time = self.time(now);
        self.wall = WALLS_BEGIN + ahead;
        self.node.set_unix_time(time, self.wall + now);
    }

    /// Its host hears an announce.
    pub fn announce(&mut self, now: Duration, announce: Announce) {
        let time = self.time(now);
        self.peers.apply([announce]);
        self.node.announce(time, announce);
        self.peers.apply(self.node.poll_corrections(usize::MAX));
    }

    /// A datagram arrives from this address: what is in it, if it is used.
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
        self.audit.note_id(self.node.id());
        let received = self.node.handle_datagram(time, source, datagram).ok()?;
        let frame = parse(datagram);
        // A host that has just been asked has not seen what was merged since.
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
                self.node.handle_merged(time, &results);
            }
        }
        Some(frame)
    }

    /// It does what is due.
    pub fn tick(&mut self, now: Duration) {
        let time = self.time(now);
        self.tick = None;
        self.node.handle_timeout(time);
    }

    /// A slow member does what is due at this time, if not before.
    pub fn tick_at(&mut self, at: Duration) {
        self.tick = Some(self.tick.map_or(at, |other| other.min(at)));
    }

    /// How late at most it is.
    pub fn slowness(&self) -> Duration {
        self.slowness
    }

    /// Whether its node tells all its torrents.
    pub fn is_telling(&self) -> bool {
        self.audit.is_telling()
    }

    /// Whether all that it knows better was told back.
    pub fn has_told_back_all(&self) -> bool {
        self.audit.has_told_back_all()
    }

    /// Its node asks its host.
    pub fn ask(&mut self, now: Duration, task: &Task) -> Answer {
        self.audit.asks_host(task);
        self.host.answer(minutes(now), task)
    }

    /// The host's answer comes at this time.
    pub fn answer_at(&mut self, at: Duration, answer: Answer) {
        self.answers.push((at, answer));
    }

    /// An answer that has come.
    pub fn take_answer(&mut self, now: Duration) -> Option<Answer> {
        let ready = self.answers.iter().position(|(at, _)| *at <= now)?;
        Some(self.answers.remove(ready).1)
    }

    /// Its node gets an answer.
    pub fn handle_answer(&mut self, now: Duration, answer: &Answer) {
        let time = self.time(now);
        match answer {
            Answer::Count(torrents) => {
                self.counted = *torrents;
                self.node.handle_torrent_count(time, *torrents);
            }
            Answer::Walked(torrents, next) => self.node.handle_walked(torrents, *next),
            Answer::LookedUp(torrents) => self.node.handle_looked_up(torrents),
        }
    }

    /// What came of an answer is sent.
    pub fn note_answered(&mut self, answer: &Answer) {
        self.audit.answered(answer);
    }

    /// It has sent a packet, for the first time.
    pub fn note_sent(&mut self, packet: &wire::Packet<'_>) {
        self.audit.sent(self.counted, packet);
    }

    /// It has nothing to do now.
    pub fn sleep(&mut self, now: Duration) {
        self.sleeps_until = match self.node.poll_timeout() {
            Time::NEVER => Duration::MAX,
            due => now + due.since(self.time(now)),
        };
    }

    /// When it has something to do.
    pub fn wakes(&self) -> Duration {
        let answers = self.answers.iter().map(|(at, _)| *at);
        answers
            .chain(self.tick)
            .fold(self.sleeps_until, Duration::min)
    }

    /// What its clock shows; this is also how the auditor gets to know it.
    fn time(&mut self, now: Duration) -> Time {
        let gained = now / 1_000_000 * self.drift;
        let time = Time::START + self.clock + now + gained;
        self.audit.set_now(time);
        time
    }

    /// The count that its host is about to answer.
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
