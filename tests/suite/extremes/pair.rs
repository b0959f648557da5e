//! Two nodes with the same configuration, in virtual time: one that knows torrents, and one
//! that starts empty beside it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use livesync::memory::Limits;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source};
use livesync::{Announce, Config, InfoHash, Memory, Peer, PeerFlags, Task, Torrents, TrackerId};

/// Number of torrents of the first node.
const TORRENTS: u32 = 300;

/// Upper bound for the timeouts of a node in a second of virtual time. The shortest repeated
/// task of a node takes 10 ms.
const MOST_PER_SECOND: u32 = 1000;

/// Time that everything may take in addition to the setting.
const SLACK: Duration = Duration::from_secs(2);

/// Time at which clocks begin.
const BEGIN: Time = Time::from_nanos(1_000_000_000_000);

/// Returns an announce of a torrent with this number.
pub fn announce(number: u32) -> Announce {
    let mut info_hash = [0xab; 20];
    info_hash[..4].copy_from_slice(&number.to_be_bytes());
    Announce {
        info_hash: InfoHash(info_hash),
        peer: Peer {
            ip: Ipv4Addr::new(192, 0, 2, 1).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        },
    }
}

struct Member {
    node: Node,
    host: Memory,
    address: SocketAddr,
    /// The time at which it got the peer that the other one announced.
    heard: Option<Time>,
    isolated: Option<Time>,
}

pub struct Pair {
    config: Config,
    members: [Member; 2],
    now: Time,
}

impl Pair {
    pub fn new(config: &Config) -> Self {
        let beacons = config.first_beacon_delay.max(config.beacon_interval);
        let mut config = config.clone();
        // The heartbeats of a year would take half a minute to simulate.
        config.repair &= beacons.max(config.isolated_after) < Duration::from_secs(24 * 3600);
        let members = [1, 2].map(|number| {
            let address = ([10, 0, 0, number], 9696).into();
            let id = TrackerId([number; 4]);
            let mut node = Node::new(
                BEGIN,
                id,
                &[LinkInfo::multicast_ipv4(address)],
                number.into(),
                &config,
            );
            node.set_unix_time(BEGIN, Duration::from_secs(1_780_000_000));
            Member {
                node,
                host: Memory::new(Limits::default()),
                address,
                heard: None,
                isolated: None,
            }
        });
        (1..=TORRENTS).for_each(|number| members[0].host.announce(&announce(number)));
        Self {
            config,
            members,
            now: BEGIN,
        }
    }

    /// Runs until everything has happened that the settings promise.
    pub fn runs(mut self, name: &str) {
        let config = self.config.clone();
        let (speaks, both) = (config.speak, config.speak && config.listen);
        if speaks {
            self.members[0].node.announce(BEGIN, announce(0));
        }
        let flush_by = config.flush_after + SLACK;
        self.run_for(flush_by);
        let heard = self.members[1].heard.map(|at| at.since(BEGIN));
        assert_eq!(heard.is_some(), both, "{name}: {heard:?}: {config:?}");
        // The decision comes two intervals after the beacon, and a scrape tell is over in one.
        let beacons = config.beacon_interval.saturating_mul(4);
        self.run_for(config.first_beacon_delay.saturating_add(beacons) + SLACK);
        let learns = both && config.scrape && config.inquire_threshold > 0.0;
        let known = self.members[1].host.count();
        let expected = if learns { TORRENTS } else { 0 };
        assert_eq!(known, u64::from(expected), "{name}: {config:?}");
        // Now the first node is alone.
        let alone = self.now;
        self.members[1].node = Node::new(
            alone,
            TrackerId([3; 4]),
            &[LinkInfo::multicast_ipv4(self.members[1].address)],
            3,
            &{ Config::default().speak(false).listen(true) },
        );
        self.members[0].isolated = None;
        self.members[0].node.announce(alone, announce(0));
        let isolated_after = config.isolated_after;
        self.run_for(isolated_after.saturating_mul(2) + config.flush_after + SLACK);
        let isolated = self.members[0].isolated.is_some();
        let says = both && !isolated_after.is_zero();
        assert_eq!(isolated, says, "{name}: {config:?}");
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        assert!(end < Time::NEVER, "it never comes: {:?}", self.config);
        let (mut second, mut turns) = (self.now, 0);
        loop {
            let wakes = self.members.iter().map(|member| member.node.poll_timeout());
            let next = wakes.min().expect("two").max(self.now);
            if next > end {
                break;
            }
            if next.since(second) >= Duration::from_secs(1) {
                (second, turns) = (next, 0);
            }
            turns += 1;
            assert!(turns < MOST_PER_SECOND, "a storm: {:?}", self.config);
            self.now = next;
            for number in 0..2 {
                let member = &mut self.members[number];
                member.node.handle_timeout(self.now);
                if member.node.take_isolated() {
                    member.isolated = Some(self.now);
                }
                self.acts(number);
            }
        }
        self.now = end;
    }

    /// Gives a node's tasks to its host, and its packets to the other node.
    fn acts(&mut self, number: usize) {
        loop {
            let now = self.now;
            let Member { node, host, .. } = &mut self.members[number];
            while let Some(task) = node.poll_task() {
                answer(node, host, now, task);
            }
            let Some(datagram) = node.poll_transmit() else {
                return;
            };
            if self.config.speak && self.config.listen {
                self.hears(number, datagram.as_ref());
            }
        }
    }

    fn hears(&mut self, from: usize, datagram: &[u8]) {
        let source = Source {
            address: self.members[from].address,
            allowed: true,
        };
        let now = self.now;
        let Member {
            node, host, heard, ..
        } = &mut self.members[1 - from];
        match node.handle_datagram(now, source, datagram) {
            Ok(Received::Peers(_) | Received::Late(_)) => *heard = Some(now),
            Ok(Received::Torrents(torrents)) => {
                let merged = torrents.map(|torrent| (torrent.info_hash, host.merge(&torrent)));
                let merged: Vec<_> = merged.collect();
                node.handle_merged(now, &merged);
            }
            Ok(Received::Nothing) => {}
            Err(reject) => panic!("{}: {:?}", reject.reason(), self.config),
        }
    }
}

fn answer(node: &mut Node, host: &Memory, now: Time, task: Task) {
    match task {
        Task::CountTorrents => node.handle_torrent_count(now, host.count()),
        Task::Walk { cursor, limit } => {
            let mut walked = Vec::new();
            let next = host.walk(cursor, limit, &mut walked);
            node.handle_walked(&walked, next);
        }
        Task::LookUp(hashes) => {
            let known: Vec<_> = hashes
                .iter()
                .filter_map(|hash| host.look_up(hash))
                .collect();
            node.handle_looked_up(&known);
        }
    }
}
