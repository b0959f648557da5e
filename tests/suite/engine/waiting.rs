//! Packets that have waited in a socket for long before the engine reads them.

#[cfg(target_os = "linux")]
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
#[cfg(target_os = "linux")]
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use livesync::stats::Reject;
use livesync::{Config, TrackerId};
#[cfg(target_os = "linux")]
use livesync::{Event, Events, InfoHash, Keys, Livesync, Peer, PeerFlags};

use super::table::{PATIENCE, announce_one, engine_with};
use crate::support::group::{Wire, port};

/// A tracker stands still for longer than clocks may be apart, and still uses the packets that
/// had arrived in time.
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
    // The kernel sets no time stamps until a moment after the first socket has requested them.
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
    let packets_out = || speaks.stats().expect("it runs").counters.packets_out;
    let before = packets_out();
    let start = Instant::now();
    while packets_out() == before || start.elapsed() < Duration::from_millis(200) {
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

/// A packet without a trailer does not say when it left, and a socket of the host not when it
/// arrived.
#[test]
fn our_own_packets_may_wait_in_a_socket_of_the_hosts_for_as_long_as_they_like() {
    let port = port();
    let hosts = Wire::join(port);
    let (engine, _table) = engine_with(Config::default().repair(false), port);
    engine.start(TrackerId([1; 4])).expect("start");
    announce_one(&engine);
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
