//! Measures the time from an announce until another tracker has applied it, on an idle machine.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use livesync::{Host, InfoHash, Peer};

use crate::network;
use crate::ours::{self, Nothing};
use crate::table::{Effort, quantile, row_of_ours};

pub fn run(effort: Effort) {
    let port = network::port();
    let config = ours::config(port).loopback(true);
    let (applied, arrivals) = mpsc::channel();
    let teller = ours::start(config.clone(), Arc::new(Nothing::default()));
    let _hearer = ours::start(config, Arc::new(Noting(applied)));
    let announces = network::announces();
    let mut took = vec![];
    for (number, (info_hash, peer)) in announces.iter().take(effort.pick(200, 5)).enumerate() {
        let start = Instant::now();
        teller.announce(*info_hash, *peer).expect("it runs");
        let limit = Duration::from_secs(5);
        let (at, ip) = arrivals.recv_timeout(limit).expect("it arrives");
        assert_eq!(ip, peer.ip);
        took.push((at - start).as_secs_f64() * 1e3);
        thread::sleep(Duration::from_millis(number as u64 * 37 % 50));
    }
    row_of_ours(
        "announce to applied, quiet cluster, p99",
        "15-17 s (its source; not measured here)",
        quantile(took, 9_900),
        "ms",
        "at most 150 ms",
    );
}

/// A host that reports when it gets which peer.
struct Noting(Sender<(Instant, IpAddr)>);

impl Host for Noting {
    fn add_peer(&self, _info_hash: &InfoHash, peer: &Peer) {
        let _ = self.0.send((Instant::now(), peer.ip));
    }

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}
}
