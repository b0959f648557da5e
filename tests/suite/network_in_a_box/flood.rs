//! A host on the segment that sends many packets.

use std::net::{SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use livesync::TrackerId;
use livesync::unstable::wire::{Header, PacketType, Trailer};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use socket2::SockRef;

use super::trackers::SYNC_PORT;
use crate::support::group::GROUP;
use crate::support::netns::Host;

/// The torrent in forged packets.
pub const HOSTILE: [u8; 20] = [0xee; 20];

/// Number of packets that are handed to the kernel at once.
const BATCH: usize = 64;

/// Packets of the same length.
pub struct Packets {
    bytes: Vec<u8>,
    length: u16,
}

/// Makes packets of random bytes.
pub fn garbage(random: &mut fastrand::Rng) -> Packets {
    let length = random.u16(1..300);
    let mut bytes = vec![0; BATCH * usize::from(length)];
    random.fill(&mut bytes);
    Packets { bytes, length }
}

/// Makes announces as a tracker would send them, with the wrong tag.
pub fn forged(random: &mut fastrand::Rng) -> Packets {
    let records = random.u8(1..8);
    let mut bytes = Vec::new();
    for _ in 0..BATCH {
        let id = TrackerId(random.u32(..).to_ne_bytes());
        let header = Header::new(id, PacketType::Live);
        bytes.extend(header.emit());
        for _ in 0..records {
            bytes.extend(HOSTILE);
            bytes.extend(random.u64(..).to_ne_bytes());
        }
        let trailer = Trailer {
            tag: std::array::from_fn(|_| random.u8(..)),
            epoch: random.u32(..),
            sent: random.u32(..),
            seq: random.u32(1..),
            flags: Trailer::TAGGED,
        };
        bytes.extend(trailer.emit());
    }
    let length = (bytes.len() / BATCH) as u16;
    Packets { bytes, length }
}

/// A flood that runs until it is ended.
pub struct Flood {
    began: Instant,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<usize>>,
}

impl Flood {
    /// Sends this many packets per second, or as many as two threads can send.
    pub fn start(from: &Host, packets: Vec<Packets>, per_second: u32) -> Self {
        let pause = Duration::from_secs(1) * (2 * BATCH) as u32 / per_second;
        let over = Arc::new(AtomicBool::new(false));
        let packets = Arc::new(packets);
        let threads = (0..2).map(|_| {
            let (socket, over, packets) = (socket(from), over.clone(), packets.clone());
            thread::spawn(move || send_until(&over, &socket, &packets, pause))
        });
        Self {
            began: Instant::now(),
            threads: threads.collect(),
            over,
        }
    }

    /// Ends it; returns how many packets were sent, and in which time.
    pub fn end(self) -> (usize, Duration) {
        self.over.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        let sent = threads.map(|thread| thread.join().expect("no panic")).sum();
        (sent, self.began.elapsed())
    }
}

fn socket(from: &Host) -> UdpSocket {
    let interface = from.address();
    let bind = || UdpSocket::bind(SocketAddrV4::new(interface, 0));
    let socket = from.inside(bind).expect("a socket");
    let multicast = SockRef::from(&socket).set_multicast_if_v4(&interface);
    multicast.expect("the interface");
    let group = SocketAddrV4::new(GROUP, SYNC_PORT);
    socket.connect(group).expect("connect");
    socket
}

/// Returns how many packets were sent.
fn send_until(
    over: &AtomicBool,
    socket: &UdpSocket,
    packets: &[Packets],
    pause: Duration,
) -> usize {
    let mut due = Instant::now();
    let mut sent = 0;
    let mut packets = packets.iter().cycle();
    while !over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += pause;
        let Packets { bytes, length } = packets.next().expect("a cycle");
        setsockopt(socket, UdpGsoSegment, &i32::from(*length)).expect("UDP_SEGMENT");
        socket.send(bytes).expect("send");
        sent += BATCH;
    }
    sent
}
