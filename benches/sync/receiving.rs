//! Measures receiving: the processor time that ten million records cost the kernel and a host
//! that ignores them. The records come in bursts that fit into the receive buffer, so that
//! neither sending nor loss is part of the result.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node};
use livesync::{Announce, Livesync, TrackerId};
use socket2::Socket;

use crate::announcer::Announcer;
use crate::baseline::{self, Teller, Tracker};
use crate::measure::processor;
use crate::network::{self, GROUP};
use crate::ours::{self, Nothing};
use crate::table::{Effort, note, row};

/// Packets in a burst.
const BURST: usize = 40;

/// Sends a burst, and returns its number of records.
type Sender = Box<dyn FnMut() -> u64>;

pub fn run(effort: Effort) {
    rows(effort, "sent one by one", one_by_one);
    if segments(network::port()).is_none() {
        return note("this kernel does not know UDP_SEGMENT");
    }
    let in_segments = |port| segments(port).expect("the kernel knows UDP_SEGMENT");
    rows(effort, "sent by UDP_SEGMENT", in_segments);
}

/// With repair, our way keeps a copy of each received packet for ten seconds, in memory that no
/// cache holds.
fn rows(effort: Effort, how: &str, sender: impl Fn(u16) -> Sender) {
    for (repair, without) in [(true, ""), (false, ", without repair")] {
        let [figures] = effort.medians(
            || [the_c_way(effort, &sender)],
            || [our_way(effort, &sender, repair)],
        );
        let path = format!("processor per 10 million received, {how}{without}");
        row(&path, "s", figures, "0.50: 0.08 of 0.16 s");
    }
}

fn the_c_way(effort: Effort, sender: impl Fn(u16) -> Sender) -> f64 {
    let port = network::port();
    let socket = network::listener(port);
    socket.set_nonblocking(true).expect("non-blocking");
    let tracker = Tracker::doing_nothing();
    let mut buffer = [0; 1500];
    receive_all(effort, sender(port), |_| {
        let mut records = 0;
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((len, _)) => records += tracker.apply(&buffer[..len]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return records,
                Err(e) => panic!("{e}"),
            }
        }
    })
}

/// Receives by [`process`](Livesync::process), which does the same work as the receive thread.
fn our_way(effort: Effort, sender: impl Fn(u16) -> Sender, repair: bool) -> f64 {
    let port = network::port();
    let host = Arc::new(Nothing::default());
    let node = Livesync::open(ours::config(port).repair(repair), host.clone()).expect("a handle");
    node.start_polling(TrackerId::random()).expect("a start");
    receive_all(effort, sender(port), |sent| {
        let before = host.applied();
        // One turn is usually enough.
        for _ in 0..100 {
            node.process().expect("it runs");
            if host.applied() - before >= sent {
                break;
            }
        }
        host.applied() - before
    })
}

/// Returns the seconds of processor time for ten million of the `received` records.
fn receive_all(effort: Effort, mut send: Sender, mut receive: impl FnMut(u64) -> u64) -> f64 {
    let wanted = effort.pick(5_000_000, 50_000);
    let (mut sent, mut received, mut spent) = (0, 0, Duration::ZERO);
    while sent < wanted {
        let burst = send();
        sent += burst;
        spent += processor(|| received += receive(burst));
    }
    assert!(received * 100 > sent * 99, "{received} of {sent} received");
    spent.as_secs_f64() * 1e7 / received as f64
}

/// Sends one datagram per system call, as a C module does.
fn one_by_one(port: u16) -> Sender {
    let teller = Teller::new(port);
    let announces = network::announces();
    Box::new(move || {
        let records = baseline::RECORDS * BURST;
        for (info_hash, peer) in announces.iter().cycle().take(records) {
            teller.send_announce(info_hash, peer);
        }
        records as u64
    })
}

/// Sends a burst with one system call, as the library does. `None` if the kernel cannot do
/// that.
fn segments(port: u16) -> Option<Sender> {
    let socket: Socket = network::sender(Ipv4Addr::LOCALHOST);
    let mut packets = Packets::new();
    set_segment(&socket, packets.next().len()).then_some(())?;
    Some(Box::new(move || {
        let before = packets.records;
        let burst: Vec<u8> = (0..BURST).flat_map(|_| packets.next()).collect();
        let group = SocketAddrV4::new(GROUP, port).into();
        socket.send_to(&burst, &group).expect("a burst leaves");
        packets.records - before
    }))
}

/// Lets the kernel split each write into datagrams of this length. Returns whether it can.
#[cfg(target_os = "linux")]
fn set_segment(socket: &Socket, len: usize) -> bool {
    use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};
    setsockopt(socket, UdpGsoSegment, &(len as i32)).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn set_segment(_socket: &Socket, _len: usize) -> bool {
    false
}

/// The packets of a node, with the library's sequence numbers.
struct Packets {
    node: Node,
    records: u64,
    announces: Vec<Announce>,
}

impl Packets {
    fn new() -> Self {
        let address = ([127, 0, 0, 1], 9).into();
        let config = ours::config(1);
        let announces = network::announces().into_iter();
        Self {
            node: Node::new(
                Time::START,
                TrackerId::random(),
                &[LinkInfo::multicast_ipv4(address)],
                7,
                &config,
            ),
            records: 0,
            announces: announces
                .map(|(info_hash, peer)| Announce { info_hash, peer })
                .collect(),
        }
    }

    /// Returns a full packet.
    fn next(&mut self) -> Vec<u8> {
        loop {
            if let Some(packet) = self.node.poll_transmit() {
                return packet.as_ref().to_vec();
            }
            let announce = self.announces[self.records as usize % self.announces.len()];
            self.node.announce(Time::START, announce);
            self.records += 1;
        }
    }
}
