//! The C way, rebuilt: the work of the C tracker's module for each announce and each datagram,
//! and nothing else.

use std::hint::black_box;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use livesync::{InfoHash, Peer};
use socket2::{SockAddr, Socket};

use crate::announcer::Announcer;
use crate::network::{self, GROUP};

/// Number of records in one packet.
pub const RECORDS: usize = 52;
const HEADER: usize = 8;
const RECORD: usize = 28;
const PACKET: usize = HEADER + RECORD * RECORDS;

const STOPPED: u8 = 0x20;

/// The sending side: one mutex, one buffer, one socket.
pub struct Teller {
    buffer: Mutex<Buffer>,
    socket: Socket,
    group: SockAddr,
}

struct Buffer {
    used: usize,
    packet: [u8; PACKET],
}

impl Teller {
    /// Opens the socket on the loopback interface.
    pub fn new(port: u16) -> Self {
        Self::on(Ipv4Addr::LOCALHOST, port)
    }

    pub fn on(interface: Ipv4Addr, port: u16) -> Self {
        let mut packet = [0; PACKET];
        packet[..4].copy_from_slice(&[0xc; 4]);
        Self {
            buffer: Mutex::new(Buffer {
                used: HEADER,
                packet,
            }),
            socket: network::sender(interface),
            group: SocketAddrV4::new(GROUP, port).into(),
        }
    }

    /// Returns the source address of its packets.
    pub fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }
}

impl Announcer for Teller {
    fn send_announce(&self, info_hash: &InfoHash, peer: &Peer) {
        let mut buffer = self.buffer.lock().expect("nobody panicked");
        let Buffer { used, packet } = &mut *buffer;
        let record = &mut packet[*used..][..RECORD];
        record[..20].copy_from_slice(&info_hash.0);
        if let IpAddr::V4(ip) = peer.ip {
            record[20..24].copy_from_slice(&ip.octets());
        }
        record[24..26].copy_from_slice(&peer.port.to_be_bytes());
        record[26] = peer.flags.0;
        *used += RECORD;
        if *used == PACKET {
            let _ = self.socket.send_to(packet, &self.group);
            *used = HEADER;
        }
    }
}

/// The functions of a tracker that the module calls for each record.
#[derive(Clone, Copy)]
pub struct Tracker {
    pub add: fn(&[u8; 20], &[u8; 8]),
    pub remove: fn(&[u8; 20], &[u8; 8]),
}

impl Tracker {
    /// Returns a host that ignores its announces.
    pub fn doing_nothing() -> Self {
        // Hides from the compiler which functions are called.
        black_box(Self {
            add: |info_hash, peer| {
                black_box((info_hash, peer));
            },
            remove: |info_hash, peer| {
                black_box((info_hash, peer));
            },
        })
    }

    /// Applies the records of a packet, and returns their number.
    pub fn apply(self, packet: &[u8]) -> u64 {
        let (records, _) = packet[HEADER.min(packet.len())..].as_chunks::<RECORD>();
        for record in records {
            let (info_hash, peer) = record.split_first_chunk().expect("20 bytes");
            let peer = peer.first_chunk().expect("8 bytes");
            if peer[6] & STOPPED != 0 {
                (self.remove)(info_hash, peer);
            } else {
                (self.add)(info_hash, peer);
            }
        }
        records.len() as u64
    }
}

/// A thread that receives until it is dropped.
pub struct Receiver {
    applied: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts the thread, which drops packets from `own`.
    pub fn start(port: u16, own: Option<SocketAddr>) -> Self {
        let socket = network::listener(port);
        let applied = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let (counter, end) = (applied.clone(), over.clone());
        let thread = thread::spawn(move || receive(&socket, own, &counter, &end));
        Self {
            applied,
            over,
            thread: Some(thread),
        }
    }

    /// Returns the number of applied records.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))));
    }
}

fn receive(socket: &UdpSocket, own: Option<SocketAddr>, applied: &AtomicU64, over: &AtomicBool) {
    let tracker = Tracker::doing_nothing();
    let look = Duration::from_millis(20);
    socket.set_read_timeout(Some(look)).expect("a time-out");
    let mut buffer = [0; PACKET + 8];
    while !over.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((_, source)) if Some(source) == own => {}
            Ok((len, _)) => {
                let sum = applied.load(Ordering::Relaxed) + tracker.apply(&buffer[..len]);
                applied.store(sum, Ordering::Relaxed);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => panic!("{e}"),
        }
    }
}
