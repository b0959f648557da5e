//! Hosts that panic, block, are too slow, or call each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::{Config, Events, Host, InfoHash, Livesync, NotRunning, Peer, PeerFlags, TrackerId};

use crate::support::group::port;

const PATIENCE: Duration = Duration::from_secs(60);

fn config(port: u16) -> Config {
    Config::on([127, 0, 0, 1])
        .port(port)
        .loopback(true)
        .allow(["127.0.0.1/32".parse().expect("a network")])
        .flush_after(Duration::from_millis(5))
}

fn open(port: u16, host: Arc<dyn Host>) -> Livesync {
    Livesync::open(config(port), host).expect("open")
}

/// Another tracker, which only speaks.
fn teller(port: u16) -> Livesync {
    let teller = open(port, Arc::new(Events::default()));
    teller.start(TrackerId([9; 4])).expect("start");
    teller
}

fn announce(livesync: &Livesync, torrent: u32) {
    let mut info_hash = InfoHash([0; 20]);
    info_hash.0[..4].copy_from_slice(&torrent.to_be_bytes());
    let peer = Peer {
        ip: [192, 0, 2, 1].into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    livesync.announce(info_hash, peer).expect("it runs");
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Panics in every callback, including its log, as with a lock that the first panic has
/// poisoned.
struct Panics;

impl Host for Panics {
    fn add_peer(&self, _: &InfoHash, _: &Peer) {
        panic!("a bug of the host, for a test");
    }

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}

    fn log(&self, _: Level, _: &str) {
        panic!("another one");
    }
}

#[test]
fn who_panics_even_in_its_log_is_let_go() {
    let port = port();
    let livesync = open(port, Arc::new(Panics));
    livesync.start(TrackerId([1; 4])).expect("start");
    announce(&teller(port), 1);
    wait_until("tripped", || livesync.is_tripped());
    let (dropped, wait) = mpsc::channel();
    thread::spawn(move || {
        drop(livesync);
        let _ = dropped.send(());
    });
    wait.recv_timeout(PATIENCE).expect("it is dropped");
}

/// Blocks in its log.
#[derive(Default)]
struct SlowLog {
    inside: AtomicBool,
    go: AtomicBool,
}

impl Host for SlowLog {
    fn add_peer(&self, _: &InfoHash, _: &Peer) {}

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}

    fn log(&self, _: Level, _: &str) {
        self.inside.store(true, Ordering::SeqCst);
        while !self.go.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        self.inside.store(false, Ordering::SeqCst);
    }
}

#[test]
fn a_close_waits_for_the_log_too() {
    let host = Arc::new(SlowLog::default());
    let livesync = Livesync::open(config(port()).log(Level::Info), host.clone()).expect("open");
    thread::scope(|scope| {
        scope.spawn(|| livesync.start_polling(TrackerId([1; 4])).expect("start"));
        wait_until("logged", || host.inside.load(Ordering::SeqCst));
        scope.spawn(|| {
            // The close stops first, and then waits.
            wait_until("stopped", || {
                livesync.stats().is_none_or(|stats| !stats.running)
            });
            host.go.store(true, Ordering::SeqCst);
        });
        livesync.close();
        let inside = host.inside.load(Ordering::SeqCst);
        host.go.store(true, Ordering::SeqCst);
        assert!(!inside, "a call of the host goes on after the close");
    });
}

#[test]
fn events_that_nobody_fetches_wait_in_the_kernel_also_with_a_thread() {
    let port = port();
    let events = Arc::new(Events::default());
    let livesync = open(port, events.clone());
    livesync.start(TrackerId([1; 4])).expect("start");
    let teller = teller(port);
    for torrent in 0..20_000 {
        announce(&teller, torrent);
    }
    wait_until("full", || events.len() >= 4096);
    let mut fetched = 0;
    wait_until("all there", || {
        assert!(events.len() < 4096 + 52, "{} events wait", events.len());
        fetched += std::iter::from_fn(|| events.next()).count();
        fetched == 20_000
    });
}

/// A host whose callback calls another handle.
#[derive(Default)]
struct Nests {
    other: OnceLock<Livesync>,
    answers: Mutex<Vec<Result<(), NotRunning>>>,
    called: AtomicUsize,
}

impl Host for Nests {
    fn add_peer(&self, _: &InfoHash, _: &Peer) {
        let other = self.other.get().expect("another handle");
        let answer = other.process();
        self.answers.lock().expect("no panic").push(answer);
        self.called.fetch_add(1, Ordering::SeqCst);
    }

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}
}

#[test]
fn from_inside_of_a_call_no_handle_is_processed() {
    let port = port();
    let host = Arc::new(Nests::default());
    let livesync = open(port, host.clone());
    let other = open(port, Arc::new(Events::default()));
    other.start_polling(TrackerId([2; 4])).expect("start");
    assert!(other.process().is_ok());
    assert!(host.other.set(other).is_ok());
    livesync.start(TrackerId([1; 4])).expect("start");
    announce(&teller(port), 1);
    wait_until("called", || host.called.load(Ordering::SeqCst) == 1);
    let answers = host.answers.lock().expect("no panic");
    assert_eq!(*answers, [Err(NotRunning)]);
}
