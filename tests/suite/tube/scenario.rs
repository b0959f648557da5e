//! Random clusters and disturbances.

use std::time::Duration;

use fastrand::Rng;
use livesync::{Config, TrackerId};

use super::cluster::Cluster;
use super::host::{Entry, Host, info_hash};
use super::network::Conditions;

/// A cluster and the dice that decide its fate.
pub struct Scenario {
    pub cluster: Cluster,
    pub config: Config,
    rng: Rng,
    /// Number of distinct torrents.
    torrents: u64,
}

impl Scenario {
    /// Makes a cluster of two to six trackers with random torrents, all started at once and
    /// with the same settings, on a network without faults. Some may be slow.
    pub fn new(seed: u64, some_are_slow: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut scenario = Self {
            cluster: Cluster::new(rng.u64(..)),
            config: random_config(&mut rng),
            torrents: 1 << rng.u32(0..10),
            rng,
        };
        for _ in 0..scenario.rng.u32(2..=6) {
            let slow = some_are_slow && scenario.rng.bool();
            let slowness = Duration::from_millis(if slow { 300 } else { 0 });
            let (id, host) = (scenario.random_id(), scenario.random_host());
            scenario.cluster.join(id, host, &scenario.config, slowness);
        }
        scenario
    }

    /// Disturbs the cluster for some hours, in every possible way.
    pub fn chaos(&mut self) {
        let end = self.cluster.now + Duration::from_secs(self.rng.u64(600..4 * 3600));
        self.cluster.network.loopback = self.rng.bool();
        while self.cluster.now < end {
            match self.rng.u32(0..10) {
                0..2 => self.cluster.network.conditions = self.random_conditions(),
                2 => self.partition(),
                3 => self.cluster.network.sides.clear(),
                4 => self.restart(),
                5 => self.collide(),
                6 => self.jump(),
                7 => self.learn(),
                _ => self.download(),
            }
            let pause = self.rng.u64(1..900);
            self.cluster.run_for(Duration::from_secs(pause));
        }
    }

    /// Ends all disturbances.
    pub fn calm(&mut self) {
        self.cluster.network.conditions = Conditions::CALM;
        self.cluster.network.sides.clear();
        // Late packets arrive before this ends, so that they do not count as sent now.
        self.cluster.run_for(Duration::from_secs(10));
        self.cluster.sent_torrents.clear();
    }

    /// Runs until every node has sent a beacon, and then only beacons were sent for this many
    /// intervals.
    pub fn settle(&mut self, silence: u32) {
        let interval = self.config.beacon_interval;
        // A clock that jumped back while its node slept makes it wait once more.
        let first_beacons = self.config.first_beacon_delay * 2 + interval;
        self.cluster.run_for(first_beacons);
        self.cluster
            .run_until_silent_for(interval * silence, interval * silence * 100);
    }

    /// Adds some torrents to a tracker.
    pub fn learn(&mut self) {
        let number = self.random_member();
        let part = self.rng.f64();
        let more = self.random_torrents(part);
        let host = &mut self.cluster.nodes[number].host;
        for (hash, entry) in more.torrents {
            host.torrents.entry(hash).or_insert(entry);
        }
    }

    /// Completes downloads of some of a tracker's torrents.
    pub fn download(&mut self) {
        let number = self.random_member();
        for entry in self.cluster.nodes[number].host.torrents.values_mut() {
            if self.rng.bool() {
                entry.downloaded += self.rng.u64(1..10);
            }
        }
    }

    /// Restarts a tracker, which may have lost or learned torrents meanwhile.
    pub fn restart(&mut self) {
        let id = self.random_id();
        self.restart_as(id);
    }

    /// Restarts a tracker, with an id that another node may have.
    fn collide(&mut self) {
        let other = self.random_member();
        self.restart_as(self.cluster.nodes[other].protocol.id());
    }

    fn restart_as(&mut self, id: TrackerId) {
        let number = self.random_member();
        let host = match self.rng.u32(0..3) {
            0 => self.cluster.nodes[number].host.clone(),
            1 => Host::default(),
            _ => self.random_host(),
        };
        self.cluster.restart(number, id, host);
    }

    /// Lets a tracker's clock jump by up to some hours.
    pub fn jump(&mut self) {
        let number = self.random_member();
        let by = Duration::from_millis(1 << self.rng.u32(0..24));
        self.cluster.nodes[number].jump(by, self.rng.bool());
    }

    /// Splits the network into two parts.
    fn partition(&mut self) {
        let trackers = self.cluster.nodes.len();
        self.cluster.network.sides = (0..trackers).map(|_| self.rng.usize(0..2)).collect();
    }

    fn random_member(&mut self) -> usize {
        self.rng.usize(0..self.cluster.nodes.len())
    }

    fn random_id(&mut self) -> TrackerId {
        TrackerId(self.rng.u32(..).to_ne_bytes())
    }

    fn random_host(&mut self) -> Host {
        let part = [0.0, 1.0, self.rng.f64(), self.rng.f64()][self.rng.usize(0..4)];
        self.random_torrents(part)
    }

    /// Returns a random part of the torrents. Counts are small, so that many are equal.
    fn random_torrents(&mut self, part: f64) -> Host {
        let now = (self.cluster.now.as_secs() / 60) as i64;
        let mut host = Host::default();
        for number in 0..self.torrents {
            if self.rng.f64() < part {
                let entry = Entry {
                    downloaded: self.rng.u64(0..5),
                    announced: now - self.rng.i64(0..60),
                };
                host.torrents.insert(info_hash(number), entry);
            }
        }
        host
    }

    fn random_conditions(&mut self) -> Conditions {
        let bad = |rng: &mut Rng| if rng.bool() { rng.f64() } else { 0.0 };
        let slowest = 1 << self.rng.u32(8..23);
        Conditions {
            loss: bad(&mut self.rng),
            duplication: bad(&mut self.rng),
            delay: 0..=slowest,
            ..Conditions::CALM
        }
    }
}

/// Returns random settings for scrape sync.
fn random_config(rng: &mut Rng) -> Config {
    Config::default()
        .first_beacon_delay(Duration::from_secs([0, 10, 600, 1800][rng.usize(0..4)]))
        .beacon_interval(Duration::from_secs([10, 60, 60, 120][rng.usize(0..4)]))
        .inquire_threshold([0.5, 0.75, 0.75, 0.9][rng.usize(0..4)])
        .scrape_tell_packets([1u32, 3, 10, 100][rng.usize(0..4)])
        .repair(rng.u32(0..4) == 0)
}
