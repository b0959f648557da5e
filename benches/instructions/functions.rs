//! The measured functions. Each does its work as often as its argument says.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use livesync::memory::Limits;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source};
use livesync::unstable::wire::{Frame, Packet};
use livesync::{
    Announce, Config, Host, InfoHash, Keys, Livesync, Memory, Peer, PeerFlags, TrackerId,
};

use crate::MORE_CALLS;

/// Calls the measured function this many times.
pub type Function = fn(u64);

/// Number of announces between two turns of the host loop.
const BURST: u64 = 500;

/// Wall-clock time at which signed packets are neither old nor from the future.
const NOW: Duration = Duration::from_secs(1_800_000_000);

/// Announces, and sends with a host loop; no node listens.
pub fn announce_all(calls: u64) {
    let config = Config::on(Ipv4Addr::LOCALHOST)
        .port(20_000 + (process::id() % 20_000) as u16)
        .listen(false);
    let node = Livesync::open(config, Arc::new(Nothing)).expect("a handle");
    node.start_polling(TrackerId([1; 4])).expect("a start");
    for number in 0..calls {
        let Announce { info_hash, peer } = announce(number);
        node.announce(info_hash, peer).expect("it runs");
        if number % BURST == BURST - 1 {
            node.process().expect("it runs");
        }
    }
}

/// Builds packets from announces.
pub fn make(calls: u64) {
    packets(&Config::default(), calls, |packet| {
        black_box(packet);
    });
}

/// Builds packets and signs them.
pub fn make_and_sign(calls: u64) {
    packets(&signed(), calls, |packet| {
        black_box(packet);
    });
}

/// Parses packets into announces.
pub fn read(calls: u64) {
    let mut full = vec![];
    packets(&Config::default(), 1, |packet| full = packet.to_vec());
    for _ in 0..calls {
        let frame = Frame::parse(black_box(&full)).expect("a packet");
        let Packet::Live(peers) = frame.packet else {
            panic!("not a list of peers");
        };
        peers.for_each(|announce| {
            black_box(announce);
        });
    }
}

/// Takes a packet through all checks, and its announces out of it.
pub fn hear(calls: u64) {
    hear_with(&Config::default(), calls);
}

/// Takes a signed packet through all checks, and its announces out of it.
pub fn hear_signed(calls: u64) {
    hear_with(&signed(), calls);
}

/// Picks the peers for an answer from a large swarm.
pub fn peers(calls: u64) {
    let (memory, info_hash) = large_swarm();
    for _ in 0..calls {
        assert_eq!(memory.peers(black_box(&info_hash), 50).len(), 50);
    }
}

/// Counts a large swarm.
pub fn counts(calls: u64) {
    let (memory, info_hash) = large_swarm();
    for _ in 0..calls {
        assert!(memory.counts(black_box(&info_hash)).is_some());
    }
}

fn large_swarm() -> (Memory, InfoHash) {
    let memory = Memory::new(Limits::default());
    let Announce { info_hash, .. } = announce(0);
    for number in 0..20_000 {
        let mut peer = announce(number).peer;
        peer.port = number as u16;
        memory.announce(&Announce { info_hash, peer });
    }
    (memory, info_hash)
}

fn hear_with(config: &Config, calls: u64) {
    let mut made = vec![];
    // Both processes make the same number of packets.
    packets(config, MORE_CALLS, |packet| made.push(packet.to_vec()));
    let mut node = node(2, config);
    let source = Source {
        address: address(1),
        allowed: true,
    };
    for packet in &made[..calls as usize] {
        match node.handle_datagram(Time::START, source, packet) {
            Ok(Received::Peers(peers)) => peers.for_each(|announce| {
                black_box(announce);
            }),
            other => panic!("{other:?}"),
        }
    }
}

/// Has a node make this many full packets.
pub fn packets(config: &Config, amount: u64, mut take: impl FnMut(&[u8])) {
    let mut node = node(1, config);
    let mut announces = (0..).map(announce);
    for _ in 0..amount {
        let packet = loop {
            if let Some(packet) = node.poll_transmit() {
                break packet;
            }
            node.announce(Time::START, announces.next().expect("there are more"));
        };
        take(packet.as_ref());
    }
}

pub fn node(last: u8, config: &Config) -> Node {
    let id = TrackerId([last; 4]);
    let mut node = Node::new(
        Time::START,
        id,
        &[LinkInfo::multicast_ipv4(address(last))],
        u64::from(last),
        config,
    );
    node.set_unix_time(Time::START, NOW);
    node
}

pub fn address(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 9696).into()
}

fn signed() -> Config {
    Config::default().keys(Keys::new([7; 32]))
}

pub fn announce(number: u64) -> Announce {
    let mut info_hash = [0; 20];
    info_hash[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Announce {
        info_hash: InfoHash(info_hash),
        peer: Peer {
            ip: Ipv4Addr::from(0x0a00_0000 + number as u32 % 4096).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        },
    }
}

struct Nothing;

impl Host for Nothing {
    fn add_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}
}
