//! Ours, as a program uses it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use livesync::{Config, Host, InfoHash, Livesync, Peer, TrackerId};

/// A host that only counts.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl Host for Counting {
    fn add_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}
}

impl Counting {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A node on the loop-back interface that runs with a thread.
pub fn node(port: u16) -> Livesync {
    let (node, _) = open(port);
    node.start(TrackerId::random()).expect("a start");
    node
}

/// A node on the loop-back interface that its owner runs.
pub fn polling_node(port: u16) -> (Livesync, Arc<Counting>) {
    let (node, host) = open(port);
    node.start_polling(TrackerId::random()).expect("a start");
    (node, host)
}

fn open(port: u16) -> (Livesync, Arc<Counting>) {
    let config = Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .allow([Ipv4Addr::LOCALHOST.into()]);
    let host = Arc::new(Counting::default());
    let node = Livesync::open(config, host.clone()).expect("a handle");
    (node, host)
}
