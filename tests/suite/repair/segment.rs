//! Trackers on one segment, each on a host of its own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::{Announce, Config, Host, InfoHash, Livesync, Peer, PeerFlags, Stats, TrackerId};

use crate::support::netns;

pub const PORT: u16 = 9696;

/// Time limit for everything that is not measured. No test waits that long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration that allows every address of a segment.
pub fn config() -> Config {
    Config::default()
        .port(PORT)
        .log(Level::Error)
        .scrape(false)
        .allow(["10.77.0.0/24".parse().expect("a network")])
}

/// Returns the announce of a peer that no other number has.
pub fn announce(number: u32) -> Announce {
    let mut info_hash = [0xab; 20];
    info_hash[..4].copy_from_slice(&(number / 10).to_be_bytes());
    Announce {
        info_hash: InfoHash(info_hash),
        peer: Peer {
            ip: Ipv4Addr::from(0x0a00_0000 | number).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        },
    }
}

/// Returns the announce with which the same peer leaves.
pub fn stop(number: u32) -> Announce {
    let mut stop = announce(number);
    stop.peer.flags = PeerFlags::STOPPED;
    stop
}

/// A tracker's peers.
pub type Peers = HashMap<(InfoHash, IpAddr, u16), PeerFlags>;

/// Returns the peers of a tracker that has got these announces.
pub fn peers(announces: impl IntoIterator<Item = Announce>) -> Peers {
    let mut peers = Peers::new();
    announces
        .into_iter()
        .for_each(|announce| apply(&mut peers, &announce));
    peers
}

fn apply(peers: &mut Peers, Announce { info_hash, peer }: &Announce) {
    let key = (*info_hash, peer.ip, peer.port);
    if peer.is_stopped() {
        peers.remove(&key);
    } else {
        peers.insert(key, peer.flags);
    }
}

#[derive(Default)]
struct Table(Mutex<Peers>);

impl Table {
    fn apply(&self, announce: &Announce) {
        apply(&mut self.0.lock().expect("nobody panics here"), announce);
    }
}

impl Host for Table {
    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let (info_hash, peer) = (*info_hash, *peer);
        self.apply(&Announce { info_hash, peer });
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        self.add_peer(info_hash, peer);
    }
}

/// A running tracker.
pub struct Tracker {
    pub livesync: Livesync,
    table: Arc<Table>,
}

impl Tracker {
    /// Starts a tracker. Its id is made of the address of its host, so that a restart keeps it.
    pub fn start(host: &netns::Host, config: Config) -> Self {
        Self::start_at(host.address(), host, config)
    }

    /// Starts a tracker on the interface of the host that has this address.
    pub fn start_at(address: Ipv4Addr, host: &netns::Host, config: Config) -> Self {
        let table = Arc::new(Table::default());
        let config = config.interface(address);
        let open = || Livesync::open(config, table.clone()).expect("join the group");
        let livesync = host.inside(open);
        let id = TrackerId(address.octets());
        livesync.start(id).expect("start");
        Self { livesync, table }
    }

    /// A client announces itself.
    pub fn announce(&self, announce: Announce) {
        self.table.apply(&announce);
        let Announce { info_hash, peer } = announce;
        self.livesync.announce(info_hash, peer).expect("it runs");
    }

    pub fn peers(&self) -> Peers {
        self.table.0.lock().expect("nobody panics here").clone()
    }

    /// Returns whether it knows at least this many peers.
    pub fn knows(&self, peers: usize) -> bool {
        self.table.0.lock().expect("nobody panics here").len() >= peers
    }

    pub fn stats(&self) -> Stats {
        self.livesync.stats().expect("it was started")
    }
}

/// A segment, and trackers on it. Only one exists at a time, since its times are measured.
pub struct Segment {
    pub trackers: Vec<Tracker>,
    pub hosts: Vec<netns::Host>,
    pub network: netns::Network,
    _alone: MutexGuard<'static, ()>,
}

impl Segment {
    /// Starts this many trackers with the same configuration.
    pub fn of(trackers: usize, config: &Config) -> Self {
        let alone = netns::alone();
        let mut network = netns::Network::new().expect("a network");
        let hosts: Vec<_> = (1..=trackers)
            .map(|number| network.add_host(&format!("tracker{number}")))
            .collect::<Result<_, _>>()
            .expect("hosts");
        let start = |host| Tracker::start(host, config.clone());
        Self {
            trackers: hosts.iter().map(start).collect(),
            hosts,
            network,
            _alone: alone,
        }
    }

    /// Waits until all trackers have received a packet of all others, and so send NAKs for
    /// missing packets. No packets may be lost before: a tracker that has just started sends no
    /// NAK for packets that were sent before it knew their sender.
    pub fn meet(&self) {
        let others = self.trackers.len() - 1;
        let know_all = || {
            let mut trackers = self.trackers.iter();
            trackers.all(|tracker| tracker.stats().nodes >= others)
        };
        assert!(until(PATIENCE, know_all).is_some(), "some never met");
    }

    /// Stops a tracker, and restarts it with an empty table.
    pub fn restart(&mut self, number: usize, config: Config) {
        drop(self.trackers.remove(number));
        let tracker = Tracker::start(&self.hosts[number], config);
        self.trackers.insert(number, tracker);
    }

    /// Clients announce themselves, evenly over this time, to one tracker after the other.
    pub fn announce(&self, numbers: std::ops::Range<u32>, over: Duration) {
        let start = Instant::now();
        let amount = numbers.len() as u32;
        for (done, number) in numbers.enumerate() {
            if done % 20 == 0 {
                let due = start + over * done as u32 / amount;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            self.trackers[done % self.trackers.len()].announce(announce(number));
        }
    }

    /// Waits until every tracker knows this many peers, and returns how long it took.
    pub fn until_all_know(&self, peers: usize) -> Option<Duration> {
        until(PATIENCE, || {
            self.trackers.iter().all(|tracker| tracker.knows(peers))
        })
    }

    /// Returns the sum of a counter over all trackers.
    pub fn sum(&self, count: impl Fn(Stats) -> u64) -> u64 {
        self.trackers
            .iter()
            .map(|tracker| count(tracker.stats()))
            .sum()
    }
}

/// Waits until a condition holds, and returns how long it took.
pub fn until(limit: Duration, is_so: impl Fn() -> bool) -> Option<Duration> {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(Duration::from_micros(500));
    }
    Some(start.elapsed())
}

/// Ends the work of another thread when dropped, also during a panic.
pub struct Ends<'a>(pub &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
