//! Peers that no client can connect to: they are neither announced nor applied.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use livesync::stats::Reject;
use livesync::{
    AnnounceError, Config, Event, Events, InfoHash, Livesync, Peer, PeerFlags, TrackerId,
};

use crate::support::group::{TRAILER, Wire, port};
use crate::support::host::Host;

const PATIENCE: Duration = Duration::from_secs(120);

const GOOD: Peer = peer(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 6881);

const BAD: [Peer; 4] = [
    peer(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 0),
    peer(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 6881),
    peer(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 6881),
    peer(IpAddr::V6(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped()), 6881),
];

const fn peer(ip: IpAddr, port: u16) -> Peer {
    Peer {
        ip,
        port,
        flags: PeerFlags::SEEDING,
    }
}

fn open(port: u16) -> (Livesync, Arc<Events>) {
    let events = Arc::new(Events::default());
    let config = Config::on([127, 0, 0, 1])
        .port(port)
        .loopback(true)
        .allow([IpAddr::from(Ipv4Addr::LOCALHOST).into()])
        .flush_after(Duration::from_millis(5));
    let livesync = Livesync::open(config, events.clone()).expect("open");
    (livesync, events)
}

#[test]
fn they_are_refused_and_counted() {
    let (livesync, _) = open(port());
    for _ in 0..2 {
        livesync.start_polling(TrackerId::random()).expect("start");
        for bad in BAD {
            let refused = livesync.announce(InfoHash([1; 20]), bad);
            assert_eq!(refused, Err(AnnounceError::BadPeer), "{bad:?}");
        }
        assert_eq!(livesync.announce(InfoHash([1; 20]), GOOD), Ok(()));
        let stats = livesync.stats().expect("it runs");
        assert_eq!(stats.announces_refused, BAD.len() as u64);
        assert_eq!(stats.counters.records_announced, 1);
        let metrics = livesync.metrics();
        let line = |line: &&str| line.starts_with("livesync_announces_refused_total{");
        let line = metrics.lines().find(line).expect("a metric");
        assert!(line.ends_with(" 4"), "{line}");
        livesync.stop();
    }
    let refused = livesync.announce(InfoHash([1; 20]), GOOD);
    assert_eq!(refused, Err(AnnounceError::NotRunning));
}

#[test]
fn a_classic_tracker_does_not_tell_them() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(1, port);
    host.run("tell ab 0.0.0.0 6881 80");
    host.run("tell ab 192.0.2.1 0 80");
    host.run("tell cd 192.0.2.1 6881 80");
    let packet = wire.receive(PATIENCE).expect("a packet");
    assert_eq!(packet.len(), 8 + 28 + TRAILER);
    assert_eq!(packet[8..28], [0xcd; 20]);
    assert_eq!(host.end(), Some(0));
}

/// As a C module announces them: others are in the same packet.
#[test]
fn they_are_not_applied() {
    let port = port();
    let (livesync, events) = open(port);
    livesync.start_polling(TrackerId([7; 4])).expect("start");
    let mut packet = vec![1, 2, 3, 4, 0, 0, 0, 0];
    for (torrent, ip, port) in [(1, 9, 0u16), (2, 9, 6881), (3, 0, 6881), (4, 9, 1)] {
        packet.extend([torrent; 20]);
        packet.extend([ip; 4]);
        packet.extend(port.to_be_bytes());
        packet.extend([0x80, 0]);
    }
    Wire::join(port).send(&packet);
    let start = Instant::now();
    let mut heard = Vec::new();
    while heard.len() < 2 {
        assert!(start.elapsed() < PATIENCE, "{heard:?}");
        livesync.process().expect("process");
        while let Some(event) = events.next() {
            if let Event::AddPeer(announce) = event {
                heard.push(announce.info_hash.0[0]);
            }
        }
    }
    assert_eq!(heard, [2, 4]);
    let counters = livesync.stats().expect("it runs").counters;
    assert_eq!(counters.drops.of(Reject::BadPeer), 2);
    assert_eq!(counters.records_heard, 2);
}
