//! The library, used as a program uses it.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use livesync::stats::Counters;
use livesync::{Config, Host, InfoHash, Livesync, Peer, TrackerId};

use crate::announcer::Announcer;

/// A host that only counts its announces, by packets.
#[derive(Default)]
pub struct Nothing(AtomicU64);

impl Nothing {
    /// Returns the number of applied records.
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

/// Returns a configuration for the loopback interface, where every address is allowed.
pub fn config(port: u16) -> Config {
    Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .allow([IpAddr::from(Ipv4Addr::LOCALHOST).into()])
}

/// Starts a node with a receive thread.
pub fn start(config: Config, host: Arc<dyn Host>) -> Livesync {
    let node = Livesync::open(config, host).expect("a handle");
    node.start(TrackerId::random()).expect("a start");
    node
}

/// Returns the node's counters.
pub fn counters(node: &Livesync) -> Counters {
    node.stats().expect("it was started").counters
}

impl Announcer for Livesync {
    fn send_announce(&self, info_hash: &InfoHash, peer: &Peer) {
        let _ = self.announce(*info_hash, *peer);
    }

    /// The last packet waits this long for more announces.
    fn until_all_has_left(&self) {
        thread::sleep(Config::default().flush_after + Duration::from_millis(50));
    }
}
