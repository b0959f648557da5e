//! A plain socket in the sync group, which reads and sends packets.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use socket2::{Domain, Protocol, Socket, Type};

/// The group of the specification.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 42, 5);

/// The packet type of heartbeats.
pub const HEARTBEAT: u32 = 0x4c53_0001;

/// The length of the trailer behind a list.
pub const TRAILER: usize = 27;

/// Returns a port that no other test uses.
pub fn port() -> u16 {
    ports(1)
}

/// Returns the first of `count` ports in a row that no other test uses.
pub fn ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    assert!(
        first + count <= RANGE,
        "more ports than there are in a range"
    );
    *range() + first
}

/// Number of ports that belong to this process, below those that the kernel hands out.
const RANGE: u16 = 600;

/// Returns the first port of a range that no other run of these tests uses on this host. A run
/// claims a range by binding its first port without sharing it, which the other runs notice.
fn range() -> &'static u16 {
    // OnceLock of the standard library is not built for ThreadSanitizer, which does not see it
    // work.
    static RANGE_AND_CLAIM: OnceCell<(u16, UdpSocket)> = OnceCell::new();
    let (first, _) = RANGE_AND_CLAIM.get_or_init(|| {
        let ranges = (20_000..32_000).step_by(RANGE.into()).cycle();
        ranges
            .skip(std::process::id() as usize % 20)
            .take(20)
            .find_map(|first| Some((first, UdpSocket::bind((Ipv4Addr::LOCALHOST, first)).ok()?)))
            .expect("a range of ports that nobody uses")
    });
    first
}

/// A socket that has joined the group.
pub struct Wire {
    socket: UdpSocket,
    group: SocketAddrV4,
}

impl Wire {
    /// Joins the group on the loopback interface.
    pub fn join(port: u16) -> Self {
        Self::open(Ipv4Addr::LOCALHOST, port).expect("join the group on the loopback interface")
    }

    /// Joins the group on the interface with this address.
    pub fn open(interface: Ipv4Addr, port: u16) -> io::Result<Self> {
        let group = SocketAddrV4::new(GROUP, port);
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_recv_buffer_size(4 << 20)?;
        socket.bind(&group.into())?;
        socket.join_multicast_v4(&GROUP, &interface)?;
        socket.set_multicast_if_v4(&interface)?;
        Ok(Self {
            socket: socket.into(),
            group,
        })
    }

    /// Returns the next packet, if one comes within `limit`. It skips heartbeats, which come
    /// all the time.
    pub fn receive(&self, limit: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let packet = self.receive_any(left)?;
            if packet.get(4..8) != Some(&HEARTBEAT.to_be_bytes()) {
                return Some(packet);
            }
        }
    }

    /// Returns the next packet of any type.
    pub fn receive_any(&self, limit: Duration) -> Option<Vec<u8>> {
        let limit = limit.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(limit)).expect("timeout");
        let mut buffer = vec![0; 65_536];
        let (len, _) = self.socket.recv_from(&mut buffer).ok()?;
        buffer.truncate(len);
        Some(buffer)
    }

    /// Sends to the group from this socket; its source port is the group's.
    pub fn send(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.group).expect("send");
    }

    /// Sends to another address.
    pub fn send_to(&self, packet: &[u8], address: SocketAddrV4) {
        self.socket.send_to(packet, address).expect("send");
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
