//! Our own packets that come back from another address.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use livesync::stats::Reject;
use livesync::{Config, InfoHash, Keys, Livesync, Memory, Peer, PeerFlags, TrackerId};

use crate::support::netns::{self, Host, Network};
use crate::support::{cc, skip};

const PATIENCE: Duration = Duration::from_secs(60);
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 42, 5);
const PORT: u16 = 9696;
const PEERS: u16 = 500;

fn config(address: Ipv4Addr) -> Config {
    Config::on(address)
        .flush_after(Duration::from_millis(5))
        .allow(["10.77.0.0/24".parse().expect("a network")])
}

fn tracker(host: &Host, config: Config, id: u8) -> Livesync {
    let memory = Arc::new(Memory::new(livesync::memory::Limits::default()));
    let tracker = host.inside(|| Livesync::open(config, memory));
    let tracker = tracker.expect("open");
    tracker.start(TrackerId([id; 4])).expect("start");
    tracker
}

/// Clients announce themselves to each tracker.
fn announce_all(trackers: &[&Livesync]) {
    for port in 1..=PEERS {
        for (number, tracker) in trackers.iter().enumerate() {
            let peer = Peer {
                ip: [192, 0, 2, number as u8].into(),
                port,
                flags: PeerFlags::SEEDING,
            };
            tracker
                .announce(InfoHash([0xab; 20]), peer)
                .expect("announced");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Checks that each tracker got each announce of the others once, and kept its id.
fn all_is_heard_once(trackers: &[&Livesync]) {
    let others = (trackers.len() as u64 - 1) * u64::from(PEERS);
    let stats = |tracker: &Livesync| tracker.stats().expect("it runs");
    let start = Instant::now();
    let knows_all = |tracker: &&&Livesync| {
        stats(tracker)
            .table
            .is_some_and(|table| table.peers == others)
    };
    while trackers.iter().filter(knows_all).count() < trackers.len() {
        let known: Vec<_> = trackers.iter().map(|tracker| stats(tracker)).collect();
        assert!(start.elapsed() < PATIENCE, "{known:?}");
        thread::sleep(Duration::from_millis(1));
    }
    for (number, tracker) in trackers.iter().enumerate() {
        let stats = stats(tracker);
        let counters = &stats.counters;
        assert_eq!(stats.id, TrackerId([number as u8 + 1; 4]), "{counters}");
        assert_eq!(counters.id_collisions, 0, "{counters}");
        assert_eq!(counters.records_heard, others, "{counters}");
        assert_eq!(counters.repair.packets_lost, 0, "{counters}");
    }
}

fn own_packets(tracker: &Livesync) -> u64 {
    let stats = tracker.stats().expect("it runs");
    stats.counters.drops.of(Reject::OwnPacket)
}

/// A host that sends all packets of the group a second time, from its own address.
struct Reflector {
    over: Arc<AtomicBool>,
    reflected: Arc<AtomicUsize>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Reflector {
    fn on(host: &Host) -> Self {
        let address = host.address();
        let [input, output] = host.inside(|| {
            let input = UdpSocket::bind((GROUP, PORT)).expect("a socket for the group");
            input.join_multicast_v4(&GROUP, &address).expect("join");
            let output = UdpSocket::bind((address, 0)).expect("a socket to send from");
            output.set_multicast_loop_v4(false).expect("no loop-back");
            [input, output]
        });
        input
            .set_read_timeout(Some(Duration::from_millis(10)))
            .expect("a time-out");
        let (over, reflected) = <(Arc<AtomicBool>, Arc<AtomicUsize>)>::default();
        let (ends, count) = (over.clone(), reflected.clone());
        let thread = thread::spawn(move || {
            let mut packet = [0; 2048];
            while !ends.load(Ordering::SeqCst) {
                if let Ok((len, _)) = input.recv_from(&mut packet) {
                    // Its interface may be busy: then that packet is not reflected.
                    if output.send_to(&packet[..len], (GROUP, PORT)).is_ok() {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        });
        Self {
            over,
            reflected,
            thread: Some(thread),
        }
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic in the reflector");
        }
    }
}

#[test]
fn what_a_reflector_sends_back_is_not_used_and_changes_no_id() {
    const TEST: &str = "echoes::what_a_reflector_sends_back_is_not_used_and_changes_no_id";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    for keys in [None, Some(Keys::new([7; 32]))] {
        let mut network = Network::new().expect("a network");
        let hosts = ["one", "other", "mirror"].map(|name| network.add_host(name).expect("a host"));
        let [one, other, mirror] = &hosts;
        let reflector = Reflector::on(mirror);
        let config = |host: &Host| config(host.address()).keys(keys.clone());
        let one = tracker(one, config(one), 1);
        let other = tracker(other, config(other), 2);
        announce_all(&[&one, &other]);
        all_is_heard_once(&[&one, &other]);
        assert!(reflector.reflected.load(Ordering::SeqCst) > 0);
        assert!(own_packets(&one) > 0 && own_packets(&other) > 0);
    }
}

/// A host has two interfaces in the same segment, and a tracker on each: a packet of one of
/// them arrives at the host twice.
#[test]
fn two_interfaces_in_one_segment_are_no_second_tracker() {
    const TEST: &str = "echoes::two_interfaces_in_one_segment_are_no_second_tracker";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut network = Network::new().expect("a network");
    let [both, other] = ["both", "other"].map(|name| network.add_host(name).expect("a host"));
    let second = Ipv4Addr::new(10, 77, 0, 99);
    network.attach(&both, "eth1", second).expect("eth1");
    for setting in ["accept_local=1", "rp_filter=0"] {
        for interface in ["all", "eth0", "eth1"] {
            let setting = format!("net.ipv4.conf.{interface}.{setting}");
            cc::run(both.command("sysctl").args(["-qw", &setting]));
        }
    }
    let first = tracker(&both, config(both.address()).loopback(true), 1);
    let twin = tracker(&both, config(second).loopback(true), 2);
    let other = tracker(&other, config(other.address()), 3);
    announce_all(&[&first, &twin, &other]);
    all_is_heard_once(&[&first, &twin, &other]);
}
