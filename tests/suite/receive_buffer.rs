//! The receive buffer: its size, and the packets that do not fit into it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::{Config, Host, InfoHash, Livesync, Peer, TrackerId};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{UdpGroSegment, UdpGsoSegment};

use crate::support::group::{Wire, port};
use crate::support::skip;

const PATIENCE: Duration = Duration::from_secs(120);

/// The size that the library requests.
const WANTED: usize = 8 << 20;

/// Number of announces in a full packet.
const RECORDS: u64 = 52;

/// A host that keeps its log.
#[derive(Default)]
struct Listener {
    lines: Mutex<Vec<String>>,
}

impl Host for Listener {
    fn add_peer(&self, _: &InfoHash, _: &Peer) {}

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}

    fn log(&self, _: Level, message: &str) {
        let mut lines = self.lines.lock().expect("nobody panics with it");
        lines.push(message.to_owned());
    }
}

fn config(port: u16) -> Config {
    Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .allow([IpAddr::from(Ipv4Addr::LOCALHOST).into()])
        .log(Level::Info)
}

/// Returns a full SYNC_LIVE packet of another tracker.
fn packet() -> Vec<u8> {
    let mut packet = vec![9, 9, 9, 9, 0, 0, 0, 0];
    for torrent in 0..RECORDS {
        packet.extend([torrent as u8; 20]);
        packet.extend([10, 0, 0, 1, 0x1a, 0xe1, 0x80, 0]);
    }
    packet
}

#[test]
fn what_does_not_fit_into_the_receive_buffer_is_counted() {
    let port = port();
    let host = Arc::new(Listener::default());
    let node = Livesync::open(config(port), host.clone()).expect("open");
    node.start_polling(TrackerId([1; 4])).expect("start");
    let stats = || node.stats().expect("it was started");
    let wire = Wire::join(port);
    let packet = packet();
    let mut sent = 0;
    // No thread processes. A buffer of that size takes fewer packets than this.
    let most = 2 * WANTED / packet.len();
    while stats().receive_buffer_errors == 0 {
        assert!(sent < most as u64, "{sent} packets, and none dropped");
        for _ in 0..50 {
            wire.send(&packet);
            sent += 1;
        }
    }
    let start = Instant::now();
    while stats().counters.records_heard + RECORDS * stats().receive_buffer_errors < RECORDS * sent
    {
        assert!(start.elapsed() < PATIENCE, "{sent} sent: {:?}", stats());
        node.process().expect("it runs");
        thread::sleep(Duration::from_millis(1));
    }
    let dropped = stats().receive_buffer_errors;
    let applied = stats().counters.records_heard;
    assert_eq!(applied, RECORDS * (sent - dropped), "{dropped} of {sent}");
    assert!(applied > 0 && dropped > 0, "{dropped} of {sent}");
    let sample = format!("}} {dropped}");
    let metrics = node.metrics();
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with("livesync_receive_buffer_errors_total{"));
    assert!(line.is_some_and(|line| line.ends_with(&sample)), "{line:?}");
    node.close();
    assert_eq!(stats().receive_buffer_errors, dropped, "after the stop");
    let lines = host.lines.lock().expect("lines");
    let last = lines.last().expect("a last line");
    let said = format!("; {dropped} packets dropped by the kernel");
    assert!(last.contains(&said), "{last}");
}

/// A host that takes this many packets.
struct Busy {
    room: AtomicUsize,
    heard: AtomicUsize,
}

impl Host for Busy {
    fn add_peer(&self, _: &InfoHash, _: &Peer) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}

    fn packet_applied(&self, _: usize) {
        self.room.fetch_sub(1, Ordering::Relaxed);
    }

    fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }
}

/// Number of packets that come together.
const PACKETS: usize = 40;

/// Returns a node whose host has room for four packets.
fn busy(port: u16) -> (Livesync, Arc<Busy>) {
    let host = Arc::new(Busy {
        room: 4.into(),
        heard: 0.into(),
    });
    let node = Livesync::open(config(port).repair(false), host.clone()).expect("open");
    node.start_polling(TrackerId([1; 4])).expect("start");
    (node, host)
}

/// They leave the kernel together, so it no longer reports that they wait.
#[test]
fn packets_that_came_together_are_heard_as_soon_as_there_is_room() {
    let port = port();
    let (node, host) = busy(port);
    let wire = Wire::join(port);
    let packet = packet();
    setsockopt(&wire, UdpGsoSegment, &(packet.len() as i32)).expect("UDP_SEGMENT");
    wire.send(&packet.repeat(PACKETS));
    let start = Instant::now();
    let heard = || host.heard.load(Ordering::Relaxed);
    while heard() == 0 {
        assert!(start.elapsed() < PATIENCE, "nothing heard");
        node.process().expect("it runs");
    }
    assert_eq!(heard(), 4 * RECORDS as usize);
    let soon = Duration::from_millis(10);
    let timeout = node.next_timeout().expect("it runs");
    assert!(
        timeout.is_some_and(|timeout| timeout <= soon),
        "{timeout:?}"
    );
    host.room.store(usize::MAX, Ordering::Relaxed);
    // A call ends after 10 ms, of which a busy machine may leave it time for a few packets only.
    for _ in 0..PACKETS {
        if heard() < PACKETS * RECORDS as usize {
            assert_eq!(node.next_timeout().expect("it runs"), Some(Duration::ZERO));
            node.process().expect("it runs");
        }
    }
    assert_eq!(heard(), PACKETS * RECORDS as usize);
}

/// As handle_livesync() receives them, from a socket of the host that takes them together.
#[test]
fn packets_that_came_together_are_not_lost_between_two_calls() {
    let (node, host) = busy(port());
    let hosts = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    setsockopt(&hosts, UdpGroSegment, &true).expect("UDP_GRO");
    let to = hosts.local_addr().expect("an address");
    let packet = packet();
    let wire = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    setsockopt(&wire, UdpGsoSegment, &(packet.len() as i32)).expect("UDP_SEGMENT");
    wire.send_to(&packet.repeat(PACKETS), to).expect("send");
    while host.heard.load(Ordering::Relaxed) == 0 {
        node.receive_from(hosts.as_fd());
    }
    assert_eq!(
        host.heard.load(Ordering::Relaxed),
        PACKETS * RECORDS as usize
    );
}

#[test]
fn a_start_says_whether_the_kernel_grants_the_receive_buffer() {
    const TEST: &str = "receive_buffer::a_start_says_whether_the_kernel_grants_the_receive_buffer";
    let Ok(most) = fs::read_to_string("/proc/sys/net/core/rmem_max") else {
        return skip(TEST, "net.core.rmem_max is not to be seen here");
    };
    let most: usize = most.trim().parse().expect("a number");
    for listens in [true, false] {
        let host = Arc::new(Listener::default());
        let config = config(port()).listen(listens);
        let node = Livesync::open(config, host.clone()).expect("open");
        node.start(TrackerId([1; 4])).expect("start");
        let lines = host.lines.lock().expect("lines");
        let line = lines.iter().find(|line| line.contains("net.core.rmem_max"));
        let expected = (listens && most < WANTED).then(|| {
            format!(
                "the kernel grants a receive buffer of {most} bytes only; \
                 set net.core.rmem_max={WANTED} to make room for longer bursts of packets"
            )
        });
        assert_eq!(line, expected.as_ref());
    }
}
