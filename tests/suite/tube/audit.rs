//! Checks the rules that a node must never break, at each of its actions. All times are the
//! node's own: the time that its clock has run since its start, with jumps forward and without
//! jumps back.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::wire::Packet;
use livesync::{Config, Cursor, InfoHash, Merged, Task, Torrent, TrackerId};

use super::host::Answer;

/// Torrent records in a full packet, and in one with room for a trailer.
const PER_PACKET: [u64; 2] = [45, 44];

const TICK: Duration = Duration::from_millis(100);

/// Number of inquiries for a node that does not answer.
const INQUIRIES: u32 = 3;

/// For this many intervals after an inquiry to a node, the next one may go to another node,
/// even if the first one is the fullest.
const ASKED_FOR: u32 = 60;

/// Number of nodes whose beacons are remembered.
const CANDIDATES: usize = 32;

/// Scrape tells that are less than this many intervals apart count as one row,
const IN_A_ROW: u32 = 8;

/// which holds a node up for at most this many intervals.
const HELD_UP: u32 = 10;

/// Returns how many torrent records a node with these settings puts into a packet.
pub fn per_packet(config: &Config) -> u64 {
    PER_PACKET[usize::from(config.repair)]
}

/// The auditor of one node, from its start to its end.
#[derive(Debug)]
pub struct Audit {
    config: Config,
    /// True if the host answers at once, so that the node does all work when it is due.
    prompt: bool,
    last_seen: Time,
    elapsed: Duration,
    /// Time of the node's last beacon.
    beacon: Option<Duration>,
    /// Time of the node's last tell packet.
    tell_sent: Option<Duration>,
    /// Time of the last tell packet from another node.
    tell_heard: Option<Duration>,
    /// The first and the last of the tell packets that follow each other.
    row_of_tells: Option<(Duration, Duration)>,
    /// Time, since then, of the first beacon that is worth an inquiry.
    worth_asking: Option<Duration>,
    /// The beacons of the last two intervals.
    beacons_heard: VecDeque<(Duration, TrackerId, u64)>,
    /// The torrents of an id got fewer (two trackers share it), so it is not clear which node
    /// is the fullest.
    somebody_shrank: bool,
    remotes: BTreeMap<TrackerId, Remote>,
    /// The node of our last inquiry, without a tell packet since.
    asking: Option<TrackerId>,
    /// Our ids: a node answers for its old ids, too.
    ids: HashSet<TrackerId>,
    /// An inquiry for us came while we were not telling.
    inquired: bool,
    telling: bool,
    /// Torrents that were told with a smaller count than ours, and that nobody has told with
    /// our count since.
    known_better: BTreeSet<InfoHash>,
    /// The torrents of them that the host was last requested to look up.
    looked_up: Vec<InfoHash>,
    /// A tell packet came since the host was last requested to walk or look up torrents.
    walk_interrupted: bool,
    look_up_interrupted: bool,
    /// The tell packets of the last tick, by time.
    tells: VecDeque<Duration>,
    scrape_tell_packets: u64,
    tell_packets_needed: u64,
    walked_in_this_telling: u64,
    looked_up_in_a_row: u64,
}

#[derive(Debug, Default)]
struct Remote {
    torrents: u64,
    inquired: Option<Duration>,
    inquiries_since_beacon: u32,
}

impl Audit {
    pub fn new(now: Time, config: &Config, prompt: bool) -> Self {
        Self {
            config: config.clone(),
            prompt,
            last_seen: now,
            elapsed: Duration::ZERO,
            beacon: None,
            tell_sent: None,
            tell_heard: None,
            row_of_tells: None,
            worth_asking: None,
            beacons_heard: VecDeque::new(),
            somebody_shrank: false,
            remotes: BTreeMap::new(),
            asking: None,
            ids: HashSet::new(),
            inquired: false,
            telling: false,
            known_better: BTreeSet::new(),
            looked_up: Vec::new(),
            walk_interrupted: false,
            look_up_interrupted: false,
            tells: VecDeque::new(),
            scrape_tell_packets: 0,
            tell_packets_needed: 0,
            walked_in_this_telling: 0,
            looked_up_in_a_row: 0,
        }
    }

    /// Advances the node's own time.
    pub fn set_now(&mut self, now: Time) {
        self.elapsed += now.since(self.last_seen);
        self.last_seen = now;
    }

    /// Returns whether the node is in the middle of a telling.
    pub fn is_telling(&self) -> bool {
        self.telling
    }

    /// Returns whether the node has told back all larger counts.
    pub fn has_told_back_all(&self) -> bool {
        self.known_better.is_empty()
    }

    /// Notes an id of the node.
    pub fn note_id(&mut self, id: TrackerId) {
        self.ids.insert(id);
    }

    /// Notes that the node, with this many torrents, accepted a packet.
    pub fn heard(&mut self, torrents: u64, from: TrackerId, packet: &Packet<'_>) {
        match packet {
            Packet::Live(_) | Packet::Heartbeat(_) | Packet::Nak(_) => {}
            Packet::ScrapeBeacon(beacon) => self.heard_beacon(torrents, from, beacon.torrents),
            Packet::ScrapeInquire(inquire) => {
                self.inquired |= self.ids.contains(&inquire.asked) && !self.telling;
            }
            Packet::ScrapeTell(_) if !self.is_held_up() => {}
            Packet::ScrapeTell(_) => {
                self.tell_heard = Some(self.elapsed);
                self.worth_asking = None;
                self.asking = None;
                self.walk_interrupted = true;
                self.look_up_interrupted = true;
            }
        }
    }

    /// Returns whether a tell packet that arrives now holds the node up.
    fn is_held_up(&mut self) -> bool {
        let now = self.elapsed;
        let interval = self.config.beacon_interval;
        let goes_on = |(first, last): &(Duration, Duration)| {
            now - *last < interval * IN_A_ROW && now - *first < interval * HELD_UP * 2
        };
        let first = self.row_of_tells.filter(goes_on).map_or(now, |row| row.0);
        self.row_of_tells = Some((first, now));
        now - first < interval * HELD_UP
    }

    fn heard_beacon(&mut self, ours: u64, from: TrackerId, torrents: u64) {
        let remote = self.remotes.entry(from).or_default();
        self.somebody_shrank |= torrents < remote.torrents;
        remote.torrents = torrents.max(remote.torrents);
        remote.inquiries_since_beacon = 0;
        if self.is_worth_asking(ours, torrents) {
            self.worth_asking.get_or_insert(self.elapsed);
        }
        self.beacons_heard.push_back((self.elapsed, from, torrents));
        let window = self.config.beacon_interval * 2;
        while (self.beacons_heard.front()).is_some_and(|(at, ..)| *at + window < self.elapsed) {
            self.beacons_heard.pop_front();
        }
    }

    /// Notes that the host merged a torrent.
    pub fn merged(&mut self, heard: &Torrent, merged: Merged) {
        if merged == Merged::KnownBetter {
            self.known_better.insert(heard.info_hash);
        } else {
            self.known_better.remove(&heard.info_hash);
        }
    }

    /// Checks a task that the node gives to its host.
    pub fn asks_host(&mut self, task: &Task) {
        match task {
            Task::CountTorrents => {}
            Task::Walk { cursor, .. } => {
                self.may_tell();
                self.walk_interrupted = false;
                if !self.telling {
                    assert_eq!(*cursor, Cursor::default(), "it begins amidst");
                    assert!(self.inquired, "it tells all torrents without an inquiry");
                    self.inquired = false;
                    self.telling = true;
                    self.walked_in_this_telling = 0;
                }
            }
            Task::LookUp(hashes) => {
                self.may_tell();
                self.look_up_interrupted = false;
                for hash in hashes {
                    assert!(
                        self.known_better.contains(hash),
                        "it tells back {hash}, of which nobody said less"
                    );
                }
                self.looked_up.clone_from(hashes);
            }
        }
    }

    /// "A tracker should wait LIVESYNC_BEACON_INTERVAL after receiving a scrape
    /// tell."
    fn may_tell(&self) {
        self.is_at_least(
            self.config.beacon_interval,
            self.tell_heard,
            "told too soon after a scrape tell",
        );
    }

    /// Notes that the host answered, and that the node sent the resulting packets. A lookup
    /// that a scrape tell of another node has interrupted is not told; the node repeats it.
    pub fn answered(&mut self, answer: &Answer) {
        match answer {
            Answer::Count(_) => {}
            Answer::Walked(torrents, next) => {
                if self.walk_interrupted && !torrents.is_empty() {
                    return;
                }
                for torrent in torrents {
                    self.known_better.remove(&torrent.info_hash);
                }
                self.walked_in_this_telling += torrents.len() as u64;
                if next.is_none() {
                    self.telling = false;
                    let per_packet = per_packet(&self.config);
                    self.tell_packets_needed += self.walked_in_this_telling.div_ceil(per_packet);
                    self.told_in_full_packets();
                }
            }
            Answer::LookedUp(_) if self.look_up_interrupted => self.told_back(),
            Answer::LookedUp(torrents) => {
                for hash in self.looked_up.drain(..) {
                    self.known_better.remove(&hash);
                }
                self.looked_up_in_a_row += torrents.len() as u64;
                if self.known_better.is_empty() {
                    self.told_back();
                    self.told_in_full_packets();
                }
            }
        }
    }

    /// Checks that the looked-up torrents have left, including the last packet, which may not
    /// be full.
    fn told_back(&mut self) {
        let records = std::mem::take(&mut self.looked_up_in_a_row);
        self.tell_packets_needed += records.div_ceil(per_packet(&self.config));
    }

    fn told_in_full_packets(&self) {
        if self.prompt {
            assert_eq!(
                self.scrape_tell_packets, self.tell_packets_needed,
                "tell packets"
            );
        }
    }

    /// Checks a packet that the node, with this many torrents, sends for the first time.
    pub fn sent(&mut self, torrents: u64, packet: &Packet<'_>) {
        match packet {
            Packet::Live(_) | Packet::Heartbeat(_) | Packet::Nak(_) => {}
            Packet::ScrapeBeacon(beacon) => {
                assert_eq!(beacon.torrents, torrents, "the beacon's count");
                self.sent_beacon();
            }
            Packet::ScrapeInquire(inquire) => self.sent_inquire(torrents, inquire.asked),
            Packet::ScrapeTell(_) => self.sent_tell(),
        }
    }

    fn sent_beacon(&mut self) {
        let first = self.config.first_beacon_delay;
        assert!(
            self.elapsed >= first,
            "first beacon after {:?}",
            self.elapsed
        );
        let interval = self.config.beacon_interval;
        self.is_at_least(interval, self.beacon, "a beacon after a beacon");
        self.is_at_least(interval, self.tell_heard, "a beacon after a scrape tell");
        assert!(!self.telling, "a beacon while it tells");
        if self.prompt {
            self.is_at_least(
                interval,
                self.tell_sent,
                "a beacon after its own scrape tell",
            );
        }
        self.beacon = Some(self.elapsed);
    }

    fn sent_inquire(&mut self, ours: u64, target: TrackerId) {
        let interval = self.config.beacon_interval;
        assert!(
            self.worth_asking.is_some(),
            "it inquires without a beacon that is worth it since the last scrape tell"
        );
        self.is_at_least(interval * 2, self.worth_asking, "an inquiry after a beacon");
        let remote = self
            .remotes
            .get(&target)
            .expect("an inquiry to an unknown node");
        assert!(
            self.is_worth_asking(ours, remote.torrents),
            "with {ours} it inquires of one with {}",
            remote.torrents
        );
        self.is_at_least(
            interval,
            remote.inquired,
            "a second inquiry to the same node",
        );
        let lately = |other: &Remote| {
            let inquired = other.inquired;
            inquired.is_some_and(|at| self.elapsed - at < interval * ASKED_FOR)
        };
        let asked_lately = self.remotes.values().any(lately);
        let ids: BTreeSet<_> = self.beacons_heard.iter().map(|heard| heard.1).collect();
        let all_are_weighed = ids.len() <= CANDIDATES && !asked_lately;
        if self.asking != Some(target) && !self.somebody_shrank && all_are_weighed {
            let (torrents, id) = (remote.torrents, target);
            for (at, other, others) in &self.beacons_heard {
                assert!(
                    *at + interval * 2 < self.elapsed || (*others, id) <= (torrents, *other),
                    "it inquires of {id} with {torrents}, not {other} with {others}"
                );
            }
        }
        let remote = self.remotes.entry(target).or_default();
        remote.inquired = Some(self.elapsed);
        remote.inquiries_since_beacon += 1;
        assert!(
            remote.inquiries_since_beacon <= INQUIRIES,
            "too many inquiries without a beacon in between"
        );
        self.asking = Some(target);
    }

    fn sent_tell(&mut self) {
        self.scrape_tell_packets += 1;
        self.tell_sent = Some(self.elapsed);
        self.tells.push_back(self.elapsed);
        while (self.tells.front()).is_some_and(|at| *at + TICK <= self.elapsed) {
            self.tells.pop_front();
        }
        if self.prompt {
            let limit = self.config.scrape_tell_packets as usize;
            assert!(
                self.tells.len() <= limit,
                "more tell packets than a tick allows: {:?} of {limit} at {:?}",
                self.tells,
                self.elapsed
            );
        }
    }

    fn is_worth_asking(&self, ours: u64, torrents: u64) -> bool {
        (ours as f64) < self.config.inquire_threshold * torrents as f64
    }

    fn is_at_least(&self, wait: Duration, since: Option<Duration>, what: &str) {
        if let Some(since) = since {
            let waited = self.elapsed - since;
            assert!(waited >= wait, "{what}: {waited:?}, not {wait:?}");
        }
    }
}
