//! The engine at its worst moments: the host holds the receive thread, or panics, or
//! starts it twice.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::stats::Reject;
use livesync::{
    Config, Event, Events, Host, InfoHash, Keys, Livesync, Peer, PeerFlags, SetupError, TrackerId,
};
#[cfg(feature = "want_sync_scrape")]
use livesync::{Cursor, Merged, Torrent};

use crate::support::group::{Wire, port};

const PATIENCE: Duration = Duration::from_secs(60);

/// A table that a test can lock, as a tracker locks a bucket.
#[derive(Default)]
struct Table {
    bucket: Mutex<()>,
    added: AtomicUsize,
    /// The first byte of the last torrent to which a peer was added.
    last: AtomicU8,
    errors: Mutex<Vec<String>>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.bucket.lock().expect("nobody panics with the bucket")
    }

    fn wait_for(&self, added: usize) {
        let start = Instant::now();
        while self.added.load(Ordering::SeqCst) != added {
            assert!(start.elapsed() < PATIENCE, "never {added}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

struct TableHost(Arc<Table>);

impl Host for TableHost {
    fn is_blessed(&self, _source: IpAddr) -> bool {
        true
    }

    fn add_peer(&self, info_hash: &InfoHash, _peer: &Peer) {
        self.0.last.store(info_hash.0[0], Ordering::SeqCst);
        self.0.added.fetch_add(1, Ordering::SeqCst);
        assert_ne!(info_hash.0[0], 0xff, "a bug, for a test");
        drop(self.0.lock());
    }

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn packet_applied(&self, _records: usize) {}

    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn livesync::Torrents> {
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
impl livesync::Torrents for TableHost {
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

/// After a second of silence the thread looks for nothing any more. It is woken, and held up then.
#[test]
fn announces_are_sent_on_time_while_the_host_holds_a_thread_that_slept() {
    let port = port();
    let wire = Wire::join(port);
    let config = Config::default().repair(false);
    let (engine, table) = engine_with(config.flush_after(Duration::from_millis(20)), port);
    engine.start(TrackerId([1; 4])).expect("start");
    let sleep = 10 * Duration::from_millis(20);
    for silence in [sleep, Duration::from_secs(1)] {
        thread::sleep(silence);
        let bucket = table.lock();
        let added = table.added.load(Ordering::SeqCst);
        wire.send(&packet(1));
        table.wait_for(added + 1);
        let start = Instant::now();
        tell(&engine);
        while wire
            .receive(Duration::from_millis(10))
            .is_none_or(|packet| packet[..4] != [1; 4])
        {
            assert!(start.elapsed() < PATIENCE, "it waits for the thread");
            engine.tick();
        }
        drop(bucket);
    }
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

#[test]
fn to_ask_for_statistics_sends_nothing() {
    let config = Config::default().flush_after(Duration::from_secs(600));
    let (engine, _) = engine_with(config.listen(false), port());
    engine.start_polling(TrackerId([1; 4])).expect("start");
    (0..200).for_each(|_| tell(&engine));
    let counters = engine.stats().expect("it runs").counters;
    assert_eq!((counters.records_told, counters.packets_out), (200, 0));
    engine.stop();
}

/// What is told leaves although it fills no packet and the driver does not come to it: five
/// packets of it, of which the first may be from before.
fn is_sent_on_time(wire: &Wire, tell: impl Fn()) {
    let start = Instant::now();
    let mut packets = 0;
    while packets < 5 {
        assert!(start.elapsed() < PATIENCE, "{packets} packets");
        tell();
        let packet = wire.receive(Duration::from_millis(20));
        packets += usize::from(packet.is_some_and(|packet| packet.len() < 8 + 51 * 28));
    }
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
    // It returns although the bucket is locked, or this never ends.
    engine.stop();
    for _ in 0..520 {
        tell(&engine);
    }
    drop(bucket);
    engine.start(TrackerId([2; 4])).expect("start again");
    // What was sent or called after the stop would be before this.
    tell(&engine);
    wire.send(&packet(3));
    while let Some(packet) = wire.receive(PATIENCE)
        && packet[..4] != [2; 4]
    {
        assert_ne!(packet[..4], [1; 4], "told after the stop");
    }
    table.wait_for(2);
    assert_eq!(
        table.last.load(Ordering::SeqCst),
        3,
        "called after the stop"
    );
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
        assert!(start.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(1));
    }
    tell(&engine);
    wire.send(&packet(1));
    assert!(!engine.stats().expect("it has run").running);
    // Its thread ends, and its sockets with it.
    while sockets_at(port) > 1 {
        assert!(start.elapsed() < PATIENCE, "not only that of the test");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(table.added.load(Ordering::SeqCst), 1);
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
    let intervals = start.elapsed().div_duration_f64(interval);
    assert!(
        (1.0..=intervals).contains(&f64::from(beacons)),
        "{beacons} beacons in {intervals} intervals"
    );
}

/// A tracker stands still for longer than clocks may be apart, and finds what had arrived in time.
#[test]
#[cfg(target_os = "linux")]
fn what_arrived_while_it_stood_still_is_not_too_old() {
    let max_skew = Duration::from_secs(1);
    let config = Config::on(Ipv4Addr::LOCALHOST)
        .port(port())
        .loopback(true)
        .keys(Keys::new([7; 32]))
        .max_skew(max_skew)
        .allow([IpAddr::from(Ipv4Addr::LOCALHOST).into()]);
    let events = Arc::new(Events::default());
    let stands = Livesync::open(config.clone(), events.clone()).expect("open");
    let speaks = Livesync::open(config, Arc::new(Events::default())).expect("open");
    for (livesync, id) in [(&stands, 1), (&speaks, 2)] {
        livesync.start_polling(TrackerId([id; 4])).expect("start");
        livesync.process().expect("it runs");
    }
    // The kernel stamps nothing until a moment after the first socket has asked for it.
    let start = Instant::now();
    while stands.stats().expect("it runs").counters.packets_in == 0 {
        assert!(start.elapsed() < PATIENCE, "it hears the other one");
        speaks.process().expect("it runs");
        stands.process().expect("it runs");
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(200));
    stands.process().expect("it runs");
    let before_it_stands = stands.stats().expect("it runs").counters.drops;
    let peer = Peer {
        ip: [192, 0, 2, 1].into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    speaks
        .announce(InfoHash([0xab; 20]), peer)
        .expect("it runs");
    let told = || speaks.stats().expect("it runs").counters.packets_out;
    let before = told();
    let start = Instant::now();
    while told() == before || start.elapsed() < Duration::from_millis(200) {
        assert!(start.elapsed() < PATIENCE, "it leaves at the latest now");
        speaks.process().expect("it runs");
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(max_skew + Duration::from_millis(100));
    stands.process().expect("it runs");
    let counters = stands.stats().expect("it runs").counters;
    let skewed = counters.drops.of(Reject::Skewed);
    assert_eq!(skewed, before_it_stands.of(Reject::Skewed), "{counters}");
    assert!(matches!(events.next(), Some(Event::AddPeer(announce)) if announce.peer == peer));
}

/// A packet without a trailer says not when it left, and a socket of the host's not when it arrived.
#[test]
fn our_own_packets_may_wait_in_a_socket_of_the_hosts_for_as_long_as_they_like() {
    let port = port();
    let hosts = Wire::join(port);
    let (engine, _table) = engine_with(Config::default().repair(false), port);
    engine.start(TrackerId([1; 4])).expect("start");
    tell(&engine);
    let own = || {
        let stats = engine.stats().expect("it runs");
        stats.counters.drops.of(Reject::OwnPacket)
    };
    let start = Instant::now();
    while own() == 0 {
        assert!(start.elapsed() < PATIENCE, "our own thread hears nothing");
        thread::sleep(Duration::from_millis(1));
    }
    // Longer than a packet may take from us to us.
    thread::sleep(Duration::from_secs(2));
    let before = own();
    engine.receive_from(hosts.as_fd());
    assert!(own() > before, "nothing has waited");
    let stats = engine.stats().expect("it runs");
    assert_eq!(stats.id, TrackerId([1; 4]));
    engine.stop();
}
