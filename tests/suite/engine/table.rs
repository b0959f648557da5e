//! An engine over a table that a test can lock.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::{Config, Host, InfoHash, Livesync, Peer, PeerFlags};
#[cfg(feature = "want_sync_scrape")]
use livesync::{Cursor, Merged, Torrent};

pub const PATIENCE: Duration = Duration::from_secs(60);

/// A table that a test can lock, as a tracker locks a bucket.
#[derive(Default)]
pub struct Table {
    bucket: Mutex<()>,
    added: AtomicUsize,
    last: AtomicU8,
    errors: Mutex<Vec<String>>,
}

impl Table {
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.bucket.lock().expect("nobody panics with the bucket")
    }

    /// Returns how many peers were added and how many warnings were logged.
    pub fn added(&self) -> usize {
        self.added.load(Ordering::SeqCst)
    }

    /// Returns the first byte of the last torrent to which a peer was added.
    pub fn last(&self) -> u8 {
        self.last.load(Ordering::SeqCst)
    }

    /// Returns the logged errors.
    pub fn errors(&self) -> MutexGuard<'_, Vec<String>> {
        self.errors.lock().expect("nobody panics with the log")
    }

    pub fn wait_for(&self, added: usize) {
        let start = Instant::now();
        while self.added() != added {
            assert!(start.elapsed() < PATIENCE, "never {added}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

struct TableHost(Arc<Table>);

impl Host for TableHost {
    fn is_allowed(&self, _source: IpAddr) -> bool {
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
            self.0.errors().push(message.to_owned());
        }
    }
}

/// A torrent that exists, but has no counts.
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

pub fn engine(port: u16) -> (Arc<Livesync>, Arc<Table>) {
    engine_with(Config::default(), port)
}

pub fn engine_with(config: Config, port: u16) -> (Arc<Livesync>, Arc<Table>) {
    let table = Arc::new(Table::default());
    let config = config.interface(Ipv4Addr::LOCALHOST).port(port);
    let host = Arc::new(TableHost(table.clone()));
    (Arc::new(Livesync::open(config, host).expect("open")), table)
}

pub fn announce_one(engine: &Livesync) {
    let peer = Peer {
        ip: [192, 0, 2, 1].into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    let _ = engine.announce(InfoHash([0xab; 20]), peer);
}

/// Returns a SYNC_LIVE packet of another tracker, with one announce of this torrent.
pub fn packet(torrent: u8) -> Vec<u8> {
    let mut packet = vec![9, 9, 9, 9, 0, 0, 0, 0];
    packet.extend([torrent; 20]);
    packet.extend([10, 0, 0, 1, 0x1a, 0xe1, 0x80, 0]);
    packet
}
