//! Walks over torrents that do not end.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use livesync::log::Level;
use livesync::{
    Config, Cursor, Host, InfoHash, Livesync, Merged, Peer, Torrent, Torrents, TrackerId,
};

use crate::support::group::{Wire, port};

const PATIENCE: Duration = Duration::from_secs(60);

/// Goes from one bucket to the next and back, and has no torrents in them.
struct Circle {
    walks: AtomicU64,
    lines: Mutex<mpsc::Sender<String>>,
}

impl Host for Circle {
    fn is_allowed(&self, _: IpAddr) -> bool {
        true
    }

    fn add_peer(&self, _: &InfoHash, _: &Peer) {}

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}

    fn torrents(&self) -> Option<&dyn Torrents> {
        Some(self)
    }

    fn log(&self, _: Level, message: &str) {
        let _ = self.lines.lock().expect("no panic").send(message.into());
    }
}

impl Torrents for Circle {
    fn count(&self) -> u64 {
        1
    }

    fn walk(&self, cursor: Cursor, _: usize, _: &mut Vec<Torrent>) -> Option<Cursor> {
        self.walks.fetch_add(1, SeqCst);
        let bucket = (cursor.bucket + 1) % 3;
        Some(Cursor { bucket, ..cursor })
    }

    fn look_up(&self, _: &InfoHash) -> Option<Torrent> {
        None
    }

    fn merge(&self, _: &Torrent) -> Merged {
        Merged::AsHeard
    }
}

/// Such a walk used to keep the thread busy for ever.
#[test]
fn a_walk_that_goes_round_in_circles_ends_and_is_said_once() {
    let port = port();
    let (lines, log) = mpsc::channel();
    let host = Arc::new(Circle {
        walks: AtomicU64::new(0),
        lines: Mutex::new(lines),
    });
    let config = Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .log(Level::Warn)
        .beacon_interval(Duration::from_millis(10));
    let livesync = Livesync::open(config, host.clone()).expect("open");
    livesync.start(TrackerId([1; 4])).expect("start");
    let wire = Wire::join(port);
    for telling in 1..=2 {
        let before = host.walks.load(SeqCst);
        let start = std::time::Instant::now();
        while host.walks.load(SeqCst) == before {
            assert!(start.elapsed() < PATIENCE, "no walk {telling}");
            wire.send(&[9, 9, 9, 9, 0, 0, 0, 2, 1, 1, 1, 1]);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let line = log.recv_timeout(PATIENCE).expect("a line");
    assert!(line.contains("to where it was before"), "{line}");
    livesync.stop();
    assert!(host.walks.load(SeqCst) < 1000);
    assert_eq!(log.try_iter().collect::<Vec<_>>(), [] as [&str; 0]);
}
