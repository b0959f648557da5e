//! The C way, of our own: what the module of the C tracker does for each announce and
//! each datagram, and nothing else.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Mutex;

use livesync::{InfoHash, Peer};
use socket2::{Domain, Protocol, Socket, Type};

pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 42, 5);

const RECORDS: usize = 52;
const PACKET: usize = 8 + 28 * RECORDS;

/// One mutex, one buffer, one socket.
pub struct Teller {
    buffer: Mutex<(usize, [u8; PACKET])>,
    socket: Socket,
    group: SocketAddrV4,
}

impl Teller {
    pub fn new(port: u16) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("socket");
        socket
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .expect("interface");
        socket.set_multicast_loop_v4(true).expect("loop");
        Self {
            buffer: Mutex::new((8, [0; PACKET])),
            socket,
            group: SocketAddrV4::new(GROUP, port),
        }
    }

    pub fn tell(&self, info_hash: &InfoHash, peer: &Peer) {
        let mut buffer = self.buffer.lock().expect("lock");
        let (used, packet) = &mut *buffer;
        let record = &mut packet[*used..*used + 28];
        record[..20].copy_from_slice(&info_hash.0);
        if let std::net::IpAddr::V4(ip) = peer.ip {
            record[20..24].copy_from_slice(&ip.octets());
        }
        record[24..26].copy_from_slice(&peer.port.to_be_bytes());
        record[26] = peer.flags.0;
        *used += 28;
        if *used == PACKET {
            let _ = self.socket.send_to(&packet[..], &self.group.into());
            *used = 8;
        }
    }
}

/// Looks at each record of a packet, as a host would; how many there are.
pub fn apply(packet: &[u8]) -> u64 {
    let mut at = 8;
    let mut records = 0;
    while at + 28 <= packet.len() {
        std::hint::black_box(&packet[at..at + 28]);
        at += 28;
        records += 1;
    }
    records
}

/// A socket that hears the group on the loop-back interface.
pub fn listener(port: u16) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("socket");
    socket.set_reuse_address(true).expect("reuse");
    let _ = socket.set_recv_buffer_size(8 << 20);
    socket
        .bind(&SocketAddrV4::new(GROUP, port).into())
        .expect("bind");
    socket
        .join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)
        .expect("join");
    socket.into()
}
