//! What a node must never do, checked whenever it does something. All times are
//! the node's own: how long its clock has run since it started, jumps forward
//! included and jumps back left out.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::wire::Packet;
use livesync::{Config, Cursor, InfoHash, Merged, Task, Torrent, TrackerId};

use super::host::Answer;

/// Tell records in a full packet, and in one with room for a trailer.
const PER_PACKET: [u64; 2] = [45, 44];

const TICK: Duration = Duration::from_millis(100);

/// How often a node that stays silent is asked.
const INQUIRIES: u32 = 3;

/// For so many intervals a node that was asked need not be the one that is asked, though it is
/// the fullest.
const ASKED_FOR: u32 = 60;

/// Of so many nodes beacons are remembered at most.
const CANDIDATES: usize = 32;

/// Tells that are less than so many intervals apart hold a node up for so many at most, and then
/// not for as long.
const IN_A_ROW: u32 = 8;
const HELD_UP: u32 = 10;

/// How many tell records a node with these settings puts into a packet.
pub fn per_packet(config: &Config) -> u64 {
    PER_PACKET[usize::from(config.repair)]
}

/// The auditor of one node, from its start to its end.
#[derive(Debug)]
pub struct Audit {
    config: Config,
    /// The host answers at once, so what a node does is done when it is due.
    prompt: bool,
    last_seen: Time,
    elapsed: Duration,
    /// When the node sent the last beacon.
    beacon: Option<Duration>,
    /// When it sent the last tell packet.
    tell: Option<Duration>,
    /// When the last tell of somebody else was heard.
    tell_heard: Option<Duration>,
    /// The first and the last tell of those that follow each other.
    row_of_tells: Option<(Duration, Duration)>,
    /// When, since then, the first beacon worth asking was heard.
    worth_asking: Option<Duration>,
    /// The beacons of the last two intervals.
    beacons_heard: VecDeque<(Duration, TrackerId, u64)>,
    /// The torrents of an id got fewer (two trackers share it), so which is the
    /// fullest is anybody's guess.
    somebody_shrank: bool,
    remotes: BTreeMap<TrackerId, Remote>,
    /// Whom we asked last, without having heard a tell since.
    asking: Option<TrackerId>,
    /// Our ids: old ones are answered for, too.
    ids: HashSet<TrackerId>,
    /// Somebody asked us while we were not telling.
    inquired: bool,
    telling: bool,
    /// What was heard with a smaller count than ours, and not yet told back or
    /// heard with one as large.
    known_better: BTreeSet<InfoHash>,
    /// What of it the host was asked last.
    looked_up: Vec<InfoHash>,
    /// Somebody told since the host was asked last to walk, or to look up.
    walk_interrupted: bool,
    look_up_interrupted: bool,
    /// When the tell packets of the last tick were sent.
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
            tell: None,
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

    /// The node is told the time.
    pub fn set_now(&mut self, now: Time) {
        self.elapsed += now.since(self.last_seen);
        self.last_seen = now;
    }

    /// Whether the node is telling all its torrents.
    pub fn is_telling(&self) -> bool {
        self.telling
    }

    /// Whether all that we knew better than somebody else has been said.
    pub fn has_told_back_all(&self) -> bool {
        self.known_better.is_empty()
    }

    /// The node goes by this id.
    pub fn note_id(&mut self, id: TrackerId) {
        self.ids.insert(id);
    }

    /// The node, with so many torrents, accepted a packet.
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

    /// Whether a tell heard now holds the node up.
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

    /// The host merged a torrent.
    pub fn merged(&mut self, heard: &Torrent, merged: Merged) {
        if merged == Merged::KnownBetter {
            self.known_better.insert(heard.info_hash);
        } else {
            self.known_better.remove(&heard.info_hash);
        }
    }

    /// The node asks its host.
    pub fn asks_host(&mut self, task: &Task) {
        match task {
            Task::CountTorrents => {}
            Task::Walk { cursor, .. } => {
                self.may_tell();
                self.walk_interrupted = false;
                if !self.telling {
                    assert_eq!(*cursor, Cursor::default(), "it begins amidst");
                    assert!(self.inquired, "it tells all, and nobody asked");
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
            "told after a tell",
        );
    }

    /// The node has been answered, and has sent what comes of it. What somebody's
    /// tell has overtaken is not told; it will ask again.
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

    /// What was looked up has left, the last packet as far as it was filled.
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

    /// The node, with so many torrents, sent a packet, and for the first time.
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
        self.is_at_least(interval, self.tell_heard, "a beacon after a tell");
        assert!(!self.telling, "a beacon while it tells");
        if self.prompt {
            self.is_at_least(interval, self.tell, "a beacon after its own tell");
        }
        self.beacon = Some(self.elapsed);
    }

    fn sent_inquire(&mut self, ours: u64, asked: TrackerId) {
        let interval = self.config.beacon_interval;
        assert!(
            self.worth_asking.is_some(),
            "it asks, and since the last tell heard no beacon worth asking"
        );
        self.is_at_least(interval * 2, self.worth_asking, "it asks after a beacon");
        let remote = self.remotes.get(&asked).expect("it asks one never heard");
        assert!(
            self.is_worth_asking(ours, remote.torrents),
            "with {ours} it asks one with {}",
            remote.torrents
        );
        self.is_at_least(interval, remote.inquired, "it asks the same one again");
        let lately = |other: &Remote| {
            let inquired = other.inquired;
            inquired.is_some_and(|at| self.elapsed - at < interval * ASKED_FOR)
        };
        let asked_lately = self.remotes.values().any(lately);
        let ids: BTreeSet<_> = self.beacons_heard.iter().map(|heard| heard.1).collect();
        let all_are_weighed = ids.len() <= CANDIDATES && !asked_lately;
        if self.asking != Some(asked) && !self.somebody_shrank && all_are_weighed {
            let (torrents, id) = (remote.torrents, asked);
            for (at, other, others) in &self.beacons_heard {
                assert!(
                    *at + interval * 2 < self.elapsed || (*others, id) <= (torrents, *other),
                    "it asks {id} with {torrents}, not {other} with {others}"
                );
            }
        }
        let remote = self.remotes.entry(asked).or_default();
        remote.inquired = Some(self.elapsed);
        remote.inquiries_since_beacon += 1;
        assert!(
            remote.inquiries_since_beacon <= INQUIRIES,
            "it asks again and again, and heard no beacon meanwhile"
        );
        self.asking = Some(asked);
    }

    fn sent_tell(&mut self) {
        self.scrape_tell_packets += 1;
        self.tell = Some(self.elapsed);
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
