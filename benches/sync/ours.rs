//! Ours, as a program uses it.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use livesync::stats::Counters;
use livesync::{Config, Host, InfoHash, Livesync, Peer, TrackerId};

use crate::announcer::Announcer;

/// A host that does nothing with what it hears but count it, by packets.
#[derive(Default)]
pub struct Nothing(AtomicU64);

impl Nothing {
    /// How many records were applied.
    pub fn applied(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Host for Nothing {
    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        black_box((info_hash, peer));
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        black_box((info_hash, peer));
    }

    fn packet_applied(&self, records: usize) {
        let sum = self.applied() + records as u64;
        self.0.store(sum, Ordering::Relaxed);
    }
}

/// On the loop-back interface, where everybody may speak.
pub fn config(port: u16) -> Config {
    Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .allow([IpAddr::from(Ipv4Addr::LOCALHOST).into()])
}

/// A node that runs by itself.
pub fn start(config: Config, host: Arc<dyn Host>) -> Livesync {
    let node = Livesync::open(config, host).expect("a handle");
    node.start(TrackerId::random()).expect("a start");
    node
}

/// What the node has done so far.
pub fn counters(node: &Livesync) -> Counters {
    node.stats().expect("it was started").counters
}

impl Announcer for Livesync {
    fn send_announce(&self, info_hash: &InfoHash, peer: &Peer) {
        let _ = self.announce(*info_hash, *peer);
    }

    /// What the last packet has waits for so long that more might come.
    fn until_all_has_left(&self) {
        thread::sleep(Config::default().flush_after + Duration::from_millis(50));
    }
}
