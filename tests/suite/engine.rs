//! The engine at its worst moments: the host holds the receive thread, or panics, or
//! starts it twice.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use livesync::Livesync;
use livesync::config::Config;
use livesync::error::SetupError;
use livesync::host::Host;
use livesync::log::Level;
#[cfg(feature = "want_sync_scrape")]
use livesync::types::{Cursor, Merged, Torrent};
use livesync::types::{InfoHash, Peer, PeerFlags, TrackerId};

use crate::support::group::{Wire, port};

const SILENCE: Duration = Duration::from_millis(300);

/// A table that a test can lock, as a tracker locks a bucket.
#[derive(Default)]
struct Table {
    bucket: Mutex<()>,
    added: AtomicUsize,
    errors: Mutex<Vec<String>>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.bucket.lock().expect("nobody panics with the bucket")
    }

    fn wait_for(&self, added: usize) {
        let start = Instant::now();
        while self.added.load(Ordering::SeqCst) != added {
            assert!(start.elapsed() < Duration::from_secs(10), "never {added}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

struct TableHost(Arc<Table>);

impl Host for TableHost {
    fn is_blessed(&self, _source: Ipv4Addr) -> bool {
        true
    }

    fn add_peer(&self, info_hash: &InfoHash, _peer: &Peer) {
        self.0.added.fetch_add(1, Ordering::SeqCst);
        assert_ne!(info_hash.0[0], 0xff, "a bug, for a test");
        drop(self.0.lock());
    }

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn packet_applied(&self, _records: usize) {}

    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn livesync::host::Torrents> {
        Some(self)
    }

    fn log(&self, level: Level, message: &str) {
        if level == Level::Warn {
            self.0.added.fetch_add(1, Ordering::SeqCst);
            drop(self.0.lock());
        }
        if level == Level::Error {
            let mut errors = self.0.errors.lock().expect("nobody panics with the log");
            errors.push(message.to_owned());
        }
    }
}

/// One torrent, of which nothing is known but that it is there.
#[cfg(feature = "want_sync_scrape")]
impl livesync::host::Torrents for TableHost {
    fn count(&self) -> u64 {
        1
    }

    fn walk(&self, _: Cursor, _: usize, _: &mut Vec<Torrent>) -> Option<Cursor> {
        None
    }

    fn look_up(&self, _: &InfoHash) -> Option<Torrent> {
        None
    }

    fn merge(&self, _: &Torrent) -> Merged {
        Merged::Failed
    }
}

fn engine(port: u16) -> (Arc<Livesync>, Arc<Table>) {
    engine_with(Config::default(), port)
}

fn engine_with(config: Config, port: u16) -> (Arc<Livesync>, Arc<Table>) {
    let table = Arc::new(Table::default());
    let config = config.interface(Ipv4Addr::LOCALHOST).port(port);
    let host = Arc::new(TableHost(table.clone()));
    (Arc::new(Livesync::open(config, host).expect("open")), table)
}

fn tell(engine: &Livesync) {
    let peer = Peer {
        ip: [192, 0, 2, 1].into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    let _ = engine.announce(InfoHash([0xab; 20]), peer);
}

/// A SYNC_LIVE packet of another tracker, with one announce of this torrent.
fn packet(torrent: u8) -> Vec<u8> {
    let mut packet = vec![9, 9, 9, 9, 0, 0, 0, 0];
    packet.extend([torrent; 20]);
    packet.extend([10, 0, 0, 1, 0x1a, 0xe1, 0x80, 0]);
    packet
}

#[test]
fn announces_are_sent_on_time_while_the_host_holds_the_receive_thread() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, table) = engine(port);
    engine.start(TrackerId([1; 4])).expect("start");
    let bucket = table.lock();
    wire.send(&packet(1));
    table.wait_for(1);
    is_sent_on_time(&wire, || tell(&engine));
    drop(bucket);
    engine.stop();
}

#[test]
fn announces_are_sent_on_time_while_the_host_logs() {
    let port = port();
    let wire = Wire::join(port);
    let lonely = Config::default().lonely_after(Duration::from_millis(200));
    let (engine, table) = engine_with(lonely, port);
    engine.start(TrackerId([1; 4])).expect("start");
    let bucket = table.lock();
    tell(&engine);
    table.wait_for(1);
    is_sent_on_time(&wire, || tell(&engine));
    drop(bucket);
    engine.stop();
}

#[test]
fn announces_are_sent_on_time_while_a_loop_is_held_up_and_somebody_counts() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, _) = engine(port);
    engine.start_polling(TrackerId([1; 4])).expect("start");
    is_sent_on_time(&wire, || {
        tell(&engine);
        assert!(engine.stats().is_some_and(|stats| stats.running));
    });
    engine.stop();
}

/// What is told for half a second.
fn is_sent_on_time(wire: &Wire, tell: impl Fn()) {
    wire.receive_all(Duration::from_millis(10));
    let mut told = 0;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        tell();
        told += 1;
        thread::sleep(Duration::from_millis(20));
    }
    let sent: usize = wire
        .receive_all(Duration::from_millis(10))
        .iter()
        .map(|packet| (packet.len() - 8) / 28)
        .sum();
    // What is not sent is younger than the flush time-out.
    assert!(told - sent <= 6, "{sent} of {told}");
}

#[test]
fn a_stop_is_bounded_and_final_also_while_the_host_holds_the_receive_thread() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, table) = engine(port);
    engine.start(TrackerId([1; 4])).expect("start");
    let bucket = table.lock();
    wire.send(&[packet(1), packet(2)[8..].to_vec()].concat());
    table.wait_for(1);
    wire.receive_all(Duration::from_millis(10));
    let start = Instant::now();
    engine.stop();
    assert!(start.elapsed() < Duration::from_millis(200));
    for _ in 0..520 {
        tell(&engine);
    }
    assert!(wire.receive(SILENCE).is_none(), "told after the stop");
    drop(bucket);
    thread::sleep(SILENCE);
    assert_eq!(
        table.added.load(Ordering::SeqCst),
        1,
        "called after the stop"
    );
    engine.start(TrackerId([1; 4])).expect("start again");
    wire.send(&packet(3));
    table.wait_for(2);
    engine.stop();
}

#[test]
fn of_two_starts_at_once_one_wins() {
    let (engine, _table) = engine(port());
    for round in 0..50 {
        let starts: Vec<_> = (0..2)
            .map(|_| {
                let engine = engine.clone();
                thread::spawn(move || engine.start(TrackerId([1; 4])))
            })
            .collect();
        let won = starts
            .into_iter()
            .map(|start| start.join().expect("no panic"))
            .filter(|started| match started {
                Ok(()) => true,
                Err(e) => {
                    assert!(matches!(e, SetupError::AlreadyRunning), "{e}");
                    false
                }
            })
            .count();
        assert_eq!(won, 1, "round {round}");
        engine.stop();
    }
}

#[test]
fn a_panic_trips_the_engine_and_says_so_once() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, table) = engine(port);
    engine.start(TrackerId([1; 4])).expect("start");
    wire.send(&packet(0xff));
    let start = Instant::now();
    while !engine.is_tripped() {
        assert!(start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(1));
    }
    tell(&engine);
    wire.send(&packet(1));
    thread::sleep(SILENCE);
    assert_eq!(table.added.load(Ordering::SeqCst), 1);
    assert!(!engine.stats().expect("it has run").running);
    assert_eq!(sockets_at(port), 1, "not only that of the test");
    engine.stop();
    let started = engine.start(TrackerId([1; 4]));
    assert!(matches!(started, Err(SetupError::Tripped)));
    let errors = table.errors.lock().expect("nobody panics with the log");
    assert_eq!(
        *errors,
        ["sync is off from now on: the receive thread panicked"]
    );
}

/// How many UDP sockets are bound to a port.
fn sockets_at(port: u16) -> usize {
    let sockets = std::fs::read_to_string("/proc/net/udp").expect("/proc/net/udp");
    let at = format!(":{port:04X} ");
    let local = |line: &&str| {
        line.split_once(": ")
            .is_some_and(|(_, rest)| rest[8..].starts_with(&at))
    };
    sockets.lines().skip(1).filter(local).count()
}

#[cfg(feature = "want_sync_scrape")]
#[test]
fn beacons_keep_their_distance_however_many_threads_tick() {
    let interval = Duration::from_millis(200);
    let config = Config::default()
        .first_beacon_delay(interval)
        .beacon_interval(interval);
    let port = port();
    let wire = Wire::join(port);
    let (engine, _table) = engine_with(config, port);
    engine.start(TrackerId([1; 4])).expect("start");
    let start = Instant::now();
    let mut beacons = 0;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while start.elapsed() < interval * 10 {
                    engine.tick();
                }
            });
        }
        while start.elapsed() < interval * 10 {
            beacons += u32::from(wire.receive(interval / 4).is_some());
        }
    });
    engine.stop();
    assert!(
        (5..=10).contains(&beacons),
        "{beacons} beacons in 10 intervals"
    );
}
