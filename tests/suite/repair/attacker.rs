//! An attacker on the segment with an allowed address, and the effect of its packets.

use std::net::{SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use livesync::stats::Reject;
use socket2::SockRef;

use super::forgery::Attack;
use super::segment::{PATIENCE, PORT, Segment, Tracker, until};
use crate::support::group::GROUP;
use crate::support::netns::{Host, Network};

/// Number of its packets that wait in a receive buffer at most, if it limits its rate.
const MAX_IN_BUFFER: usize = 50;

pub struct Attacker {
    socket: UdpSocket,
    _host: Host,
}

impl Attacker {
    pub fn on(network: &mut Network) -> Self {
        let host = network.add_host("attacker").expect("a host");
        let interface = host.address();
        let bind = || UdpSocket::bind(SocketAddrV4::new(interface, 0));
        let socket = host.inside(bind).expect("a socket");
        let multicast = SockRef::from(&socket).set_multicast_if_v4(&interface);
        multicast.expect("the interface");
        Self {
            socket,
            _host: host,
        }
    }

    /// Sends as fast as all trackers can receive. They drop all packets, for these reasons.
    pub fn send(
        &self,
        segment: &Segment,
        name: &str,
        reasons: &[Reject],
        packets: impl ExactSizeIterator<Item = Vec<u8>>,
    ) {
        let all = packets.len();
        // There may be duplicates, too, from nodes that retransmit lost packets.
        let others = |reason: &Reject| !reasons.contains(reason) && *reason != Reject::Duplicate;
        let others: Vec<_> = Reject::ALL.iter().copied().filter(others).collect();
        let before = [reasons, &others].map(|reasons| Counted::of(segment, reasons));
        let arrived = |sent: usize| {
            let dropped = dropped(segment, reasons);
            let mut dropped = dropped.iter().zip(&before[0].dropped);
            dropped.all(|(now, before)| *now >= before + sent as u64)
        };
        let start = Instant::now();
        for (number, packet) in packets.enumerate() {
            self.say(&packet);
            if number % MAX_IN_BUFFER == 0 {
                let limit = Duration::from_millis(100);
                until(limit, || arrived(number.saturating_sub(MAX_IN_BUFFER)));
            }
        }
        let all_counted = || {
            let Counted { dropped, lost } = Counted::of(segment, reasons).since(&before[0]);
            let mut both = dropped.iter().zip(&lost);
            both.all(|(dropped, lost)| dropped + lost >= all as u64)
        };
        until(PATIENCE, all_counted);
        println!("{name}: {all} in {:?}", start.elapsed());
        let counted = Counted::of(segment, reasons).since(&before[0]);
        for (dropped, lost) in counted.dropped.iter().zip(counted.lost) {
            assert!(dropped + lost >= all as u64, "{name}: {dropped} of {all}");
        }
        let others = Counted::of(segment, &others).since(&before[1]);
        assert!(others.dropped.iter().all(|dropped| *dropped == 0), "{name}");
    }

    /// Sends as fast as possible, and waits until all packets are dropped or lost.
    pub fn flood(&self, segment: &Segment, attacks: &[Attack<'_>], packets: usize) {
        let before = Counted::of(segment, Reject::ALL);
        let start = Instant::now();
        for number in 0..packets {
            let attack = &attacks[number % attacks.len()];
            self.say(&(attack.packet)(number / attacks.len()));
        }
        println!("as fast as possible: {packets} in {:?}", start.elapsed());
        let over = || {
            let Counted { dropped, lost } = Counted::of(segment, Reject::ALL).since(&before);
            let mut both = dropped.iter().zip(&lost);
            both.all(|(dropped, lost)| dropped + lost >= packets as u64)
        };
        assert!(until(PATIENCE, over).is_some());
    }

    /// Sends one packet.
    pub fn say(&self, packet: &[u8]) {
        let group = SocketAddrV4::new(GROUP, PORT);
        self.socket.send_to(packet, group).expect("send");
    }
}

/// The fate of packets, at each tracker.
#[derive(Debug)]
pub struct Counted {
    /// Dropped by the tracker, for certain reasons.
    pub dropped: Vec<u64>,
    /// Lost in the kernel, since the receive buffer was full.
    pub lost: Vec<u64>,
}

impl Counted {
    pub fn of(segment: &Segment, reasons: &[Reject]) -> Self {
        Self {
            dropped: dropped(segment, reasons),
            lost: segment.hosts.iter().map(Host::lost_packets).collect(),
        }
    }

    pub fn since(self, before: &Self) -> Self {
        let more = |now: Vec<u64>, before: &[u64]| {
            let more = now.iter().zip(before).map(|(now, before)| now - before);
            more.collect()
        };
        Self {
            dropped: more(self.dropped, &before.dropped),
            lost: more(self.lost, &before.lost),
        }
    }
}

/// Returns how many packets each tracker has dropped for these reasons.
fn dropped(segment: &Segment, reasons: &[Reject]) -> Vec<u64> {
    let of = |tracker: &Tracker| {
        let drops = tracker.stats().counters.drops;
        reasons.iter().map(|reason| drops.of(*reason)).sum()
    };
    segment.trackers.iter().map(of).collect()
}
