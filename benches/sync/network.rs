//! The common part of both ways: the announces, and sockets that are set up in the same way.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU16, Ordering};

use livesync::{InfoHash, Peer, PeerFlags};
use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, Protocol, Socket, Type};

pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 42, 5);

/// Same size as the library's buffer. The kernel grants less where `net.core.rmem_max` is
/// smaller.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Returns a group port that no other program uses.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (process::id() % 400) as u16 * 64;
    first + NEXT.fetch_add(1, Ordering::Relaxed) % 64
}

/// Makes distinct announces, before anything is measured.
pub fn announces() -> Vec<(InfoHash, Peer)> {
    (0..4096_u32).map(announce).collect()
}

fn announce(number: u32) -> (InfoHash, Peer) {
    let mut info_hash = [0; 20];
    info_hash[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    let peer = Peer {
        ip: Ipv4Addr::from(0x0a00_0000 + number).into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    (InfoHash(info_hash), peer)
}

/// Returns a socket that sends to the group on this interface.
pub fn sender(interface: Ipv4Addr) -> Socket {
    let socket = udp_socket();
    socket
        .set_multicast_if_v4(&interface)
        .expect("an interface");
    socket.set_multicast_ttl_v4(1).expect("a ttl");
    socket.set_multicast_loop_v4(false).expect("no loop-back");
    socket
        .bind(&SocketAddrV4::new(interface, 0).into())
        .expect("an address");
    socket
}

/// Returns a socket that receives from the group on the loopback interface, which brings back
/// every packet.
pub fn listener(port: u16) -> UdpSocket {
    let socket = udp_socket();
    socket.set_reuse_address(true).expect("a shared port");
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket
        .bind(&SocketAddrV4::new(GROUP, port).into())
        .expect("a port");
    socket
        .join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)
        .expect("a group");
    socket.into()
}

/// Moves this thread, and those that it starts from now on, into a network namespace of its
/// own. Its interface, unlike the loopback interface, brings back no packets; returns its
/// address. Needs root and iproute2.
pub fn of_our_own() -> Result<Ipv4Addr, String> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| format!("no network namespace: {e}"))?;
    for arguments in [
        "link set lo up",
        "link add own type veth peer name other",
        "address add 10.77.0.1/24 dev own",
        "link set own up",
        "link set other up",
    ] {
        let status = Command::new("ip").args(arguments.split(' ')).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("ip {arguments} fails"));
        }
    }
    Ok(Ipv4Addr::new(10, 77, 0, 1))
}

fn udp_socket() -> Socket {
    Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket")
}
