//! A tracker with a few buckets. As in opentracker, it announces with a bucket locked, and the
//! engine's calls lock a bucket.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as Unseen, OnceLock, Weak};
use std::time::Duration;

use shuttle::sync::{Mutex, MutexGuard};
use shuttle::thread::{self, JoinHandle};

use super::schedules::sleep;
use super::world::{REFUSAL, WORLD};
use crate::config::Config;
use crate::engine::Engine;
use crate::error::SetupError;
use crate::host::{Host, Torrents};
use crate::log::Level;
use crate::time::Time;
use crate::types::{Cursor, InfoHash, Merged, Peer, PeerFlags, Torrent, TrackerId};
use crate::wire::{Header, Inquire, Packet, PacketType, Record};

pub(super) const FLUSH_AFTER: Duration = Duration::from_millis(100);

pub(super) const ID: TrackerId = TrackerId([1; 4]);

/// A teller and a number, both of which are in the info_hash.
type Announce = (u8, u8);

pub(super) const NEIGHBOUR_ID: TrackerId = TrackerId([2; 4]);

/// The teller of the neighbour's announces. No local teller has this number, so its announces
/// leave only as an echo.
const NEIGHBOUR: u8 = 0xe1;

/// Each teller has a bucket of its own, and all calls of the engine take that of teller 1.
const BUCKETS: usize = 4;

pub(super) struct Tracker {
    pub(super) engine: Arc<Engine>,
    table: Arc<Table>,
    flush_after: Duration,
}

/// State that is not shuttle's belongs to the test alone, and is no place to change threads.
#[derive(Default)]
struct Table {
    engine: OnceLock<Weak<Engine>>,
    buckets: [Mutex<()>; BUCKETS],
    announced: Unseen<BTreeMap<Announce, Time>>,
    applied: Unseen<Vec<u8>>,
    calls: AtomicUsize,
    stop_began: AtomicBool,
    stopped: AtomicBool,
}

impl Tracker {
    /// Starts a tracker that syncs.
    pub(super) fn start(flush_after: Duration, first_beacon_delay: Duration) -> Self {
        let tracker = Self::bound(flush_after, first_beacon_delay);
        tracker.engine.start(ID).expect("start");
        tracker
    }

    pub(super) fn bound(flush_after: Duration, first_beacon_delay: Duration) -> Self {
        let table = Arc::new(Table::default());
        let host = Arc::new(TableHost(table.clone()));
        let engine = Arc::new(Engine::new(host).expect("an engine"));
        table.engine.get_or_init(|| Arc::downgrade(&engine));
        let config = Config::on(Ipv4Addr::LOCALHOST)
            .flush_after(flush_after)
            .first_beacon_delay(first_beacon_delay)
            .beacon_interval(Duration::from_millis(20))
            .isolated_after(Duration::ZERO)
            .log(Level::Debug);
        engine.bind(config).expect("bind");
        Self {
            engine,
            table,
            flush_after,
        }
    }

    /// Locks a bucket and announces; keeps it locked for a while.
    pub(super) fn announce(&self, teller: u8, number: u8, hold: Duration) {
        let bucket = self.table.lock(teller);
        let _ = self.engine.announce(info_hash((teller, number)), peer());
        // The call may have waited for room before, of which there is little in the model.
        let now = WORLD.now();
        if !self.table.stop_began.load(SeqCst) {
            let mut announced = self.table.announced.lock().expect("no panic");
            announced.insert((teller, number), now);
        }
        sleep(hold);
        drop(bucket);
    }

    /// Starts a thread.
    pub(super) fn spawn(
        self: &Arc<Self>,
        body: impl FnOnce(&Self) + Send + 'static,
    ) -> JoinHandle<()> {
        let tracker = self.clone();
        thread::spawn(move || body(&tracker))
    }

    /// Stops; from now on a call of the host is a fault.
    pub(super) fn stop(&self) {
        self.table.stop_began.store(true, SeqCst);
        let start = WORLD.now();
        self.engine.stop();
        self.table.stopped.store(true, SeqCst);
        let took = WORLD.now().since(start);
        if took > Duration::from_millis(160) {
            WORLD.fault("a stop that takes long");
        }
    }

    /// Closes the handle, which may log the last line of a run that a stop did not wait for.
    pub(super) fn close(&self) {
        self.table.stopped.store(false, SeqCst);
        self.engine.close();
        self.table.stopped.store(true, SeqCst);
    }

    /// Starts once more, and checks that an announce gets through.
    pub(super) fn works_again(&self) {
        self.table.stopped.store(false, SeqCst);
        self.table.stop_began.store(false, SeqCst);
        self.engine.start(ID).expect("start again");
        let last = (0xaa, 0);
        self.announce(last.0, last.1, Duration::ZERO);
        sleep(self.flush_after + Duration::from_millis(1));
        assert!(self.sent().iter().any(|(_, sent)| *sent == last));
    }

    pub(super) fn calls(&self) -> usize {
        self.table.calls.load(SeqCst)
    }

    /// Returns the neighbours' announces that were applied, sorted.
    pub(super) fn applied(&self) -> Vec<u8> {
        let mut applied = self.table.applied.lock().expect("no panic").clone();
        applied.sort();
        applied
    }

    /// Checks that each teller's announces left once, in order. The last ones may be missing if
    /// they were made after a stop began.
    pub(super) fn assert_told_is_sent(&self) {
        let mut next = BTreeMap::new();
        let sent = self.sent();
        for (_, (teller, number)) in &sent {
            let next = next.entry(*teller).or_insert(0);
            assert_eq!(number, next, "teller {teller} in {sent:?}");
            *next += 1;
        }
        for (teller, number) in self.table.announced.lock().expect("no panic").keys() {
            let left = next.get(teller).is_some_and(|next| number < next);
            assert!(left, "{teller}.{number} was announced and is not sent");
        }
    }

    /// Checks that no announce has waited longer than the flush time, except while the network
    /// refused packets.
    pub(super) fn assert_sent_on_time(&self) {
        let announced = self.table.announced.lock().expect("no panic");
        let patience = self.flush_after + REFUSAL * WORLD.refusals();
        for (at, announce) in self.sent() {
            let waited = at.since(announced[&announce]);
            assert!(waited <= patience, "{announce:?} waited for {waited:?}");
        }
    }

    /// Returns the announces that were sent, and their times.
    fn sent(&self) -> Vec<(Time, Announce)> {
        let mut announces = Vec::new();
        for (at, packet) in WORLD.sent() {
            let (header, payload) = Header::parse(&packet).expect("a header");
            if let Ok(Packet::Live(peers)) = Packet::parse(header, payload) {
                announces.extend(peers.map(|peer| {
                    let [teller, number, ..] = peer.info_hash.0;
                    (at, (teller, number))
                }));
            }
        }
        announces
    }
}

impl Table {
    fn lock(&self, teller: u8) -> MutexGuard<'_, ()> {
        let bucket = usize::from(teller) % BUCKETS;
        self.buckets[bucket].lock().expect("no panic")
    }

    /// A call of the engine.
    fn called<T>(&self, call: &str, result: T) -> T {
        self.begins(call);
        self.calls.fetch_add(1, SeqCst);
        drop(self.lock(NEIGHBOUR));
        // A call takes some time.
        thread::yield_now();
        self.calls.fetch_sub(1, SeqCst);
        result
    }

    fn begins(&self, call: &str) {
        if self.stopped.load(SeqCst) {
            WORLD.fault(&format!("called after the stop: {call}"));
        }
    }
}

struct TableHost(Arc<Table>);

impl Host for TableHost {
    fn is_running(&self) -> bool {
        self.0.begins("is_running");
        true
    }

    fn is_allowed(&self, _source: IpAddr) -> bool {
        self.0.called("is_allowed", true)
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        self.0.called("add_peer", ());
        let engine = self.0.engine.get().and_then(Weak::upgrade);
        let bucket = self.0.lock(NEIGHBOUR);
        let _ = engine.expect("an engine").announce(*info_hash, *peer);
        drop(bucket);
        let mut applied = self.0.applied.lock().expect("no panic");
        applied.push(info_hash.0[1]);
    }

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn packet_applied(&self, _records: usize) {
        self.0.called("packet_applied", ());
    }

    fn new_tracker_id(&self, _id: TrackerId) {
        self.0.called("new_tracker_id", ());
    }

    fn torrents(&self) -> Option<&dyn Torrents> {
        Some(self)
    }

    fn log(&self, level: Level, message: &str) {
        self.0.begins(message);
        if level == Level::Error {
            WORLD.fault(message);
        }
    }
}

impl Torrents for TableHost {
    fn count(&self) -> u64 {
        self.0.called("count", 1)
    }

    fn walk(&self, _: Cursor, _: usize, walked: &mut Vec<Torrent>) -> Option<Cursor> {
        walked.extend(self.look_up(&InfoHash([1; 20])));
        None
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        self.0.called("look_up", Some(torrent(info_hash)))
    }

    fn merge(&self, _heard: &Torrent) -> Merged {
        self.0.called("merge", Merged::KnownBetter)
    }
}

/// Returns a SYNC_LIVE packet of a neighbour with these announces.
pub(super) fn announces(id: TrackerId, numbers: &[u8]) -> Vec<u8> {
    let header = Header::new(id, PacketType::Live);
    let mut packet = header.emit().to_vec();
    for number in numbers {
        let Peer { port, flags, .. } = peer();
        let record = crate::types::Announce {
            info_hash: info_hash((NEIGHBOUR, *number)),
            peer: Peer {
                ip: Ipv4Addr::LOCALHOST,
                port,
                flags,
            },
        };
        packet.extend(record.emit());
    }
    packet
}

/// Returns a SYNC_SCRAPE_TELL packet of a neighbour with these torrents.
pub(super) fn torrents(numbers: &[u8]) -> Vec<u8> {
    let header = Header::new(NEIGHBOUR_ID, PacketType::ScrapeTell);
    let mut packet = header.emit().to_vec();
    for number in numbers {
        packet.extend(torrent(&info_hash((NEIGHBOUR, *number))).emit());
    }
    packet
}

/// Returns a neighbour's inquiry to us.
pub(super) fn inquiry() -> Vec<u8> {
    Inquire { asked: ID }.emit(NEIGHBOUR_ID).to_vec()
}

/// Returns a packet of an unknown type.
pub(super) fn garbage() -> Vec<u8> {
    [&NEIGHBOUR_ID.0[..], &[0xff; 5]].concat()
}

fn torrent(info_hash: &InfoHash) -> Torrent {
    Torrent {
        info_hash: *info_hash,
        base_offset: 0,
        downloaded: 1,
    }
}

fn info_hash((teller, number): Announce) -> InfoHash {
    let mut info_hash = [0; 20];
    (info_hash[0], info_hash[1]) = (teller, number);
    InfoHash(info_hash)
}

fn peer() -> Peer {
    Peer {
        ip: Ipv4Addr::LOCALHOST.into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    }
}

/// Returns whether a start succeeded, which may be the second of two.
pub(super) fn won(started: Result<(), SetupError>) -> bool {
    match started {
        Ok(()) => true,
        Err(SetupError::AlreadyRunning) => false,
        Err(e) => panic!("{e}"),
    }
}
