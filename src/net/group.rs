//! "Each tracker should join the multicast group and send its live sync packets
//! to that group, using a ttl of 1."

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Config;
use crate::error::SetupError;

/// How much may wait in the kernel while the receive thread is busy in the
/// tracker. The kernel grants less where net.core.rmem_max is smaller.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Our membership in a group, on one interface.
#[derive(Debug)]
pub(crate) struct Group {
    receiver: UdpSocket,
    /// Connected to the group.
    sender: UdpSocket,
    /// Where our own packets come from.
    address: SocketAddrV4,
}

impl Group {
    /// Joins the group that `config` names, at `port`, on the interface that
    /// has the address `interface`.
    pub(crate) fn join(
        config: &Config,
        interface: Ipv4Addr,
        port: u16,
    ) -> Result<Self, SetupError> {
        if !config.group.is_multicast() {
            return Err(SetupError::NotMulticast(config.group));
        }
        if port == 0 {
            return Err(SetupError::NoPort);
        }
        let membership = Membership {
            group: SocketAddrV4::new(config.group, port),
            interface,
        };
        let receiver = membership.receiver()?;
        let sender = membership.sender(config)?;
        let address = match sender.local_addr() {
            Ok(SocketAddr::V4(address)) => Ok(address),
            Ok(SocketAddr::V6(_)) => Err(io::ErrorKind::AddrNotAvailable.into()),
            Err(e) => Err(e),
        };
        Ok(Self {
            receiver,
            sender,
            address: address.map_err(membership.failed("find our address in"))?,
        })
    }

    /// The address our own packets come from. Its port is the kernel's choice,
    /// and so tells several trackers on one host apart.
    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Sends one packet to the group, without blocking.
    pub(crate) fn send(&self, payload: &[u8]) -> io::Result<()> {
        loop {
            match self.sender.send(payload) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent.map(drop),
            }
        }
    }

    /// What to wait on when the network does not take a packet now.
    pub(crate) fn sender(&self) -> BorrowedFd<'_> {
        self.sender.as_fd()
    }

    /// What to wait on and to receive from.
    pub(crate) fn receiver(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

/// Which group, and where.
struct Membership {
    group: SocketAddrV4,
    interface: Ipv4Addr,
}

impl Membership {
    /// A socket that hears the packets to our group, and nothing else: bound to the
    /// group's own address it gets no unicast, and without IP_MULTICAST_ALL none of
    /// the same group from an interface that only somebody else joined.
    fn receiver(&self) -> Result<UdpSocket, SetupError> {
        let socket = udp_socket().map_err(self.failed("create the receiving socket for"))?;
        socket
            .set_reuse_address(true)
            .map_err(self.failed("share the port of"))?;
        #[cfg(target_os = "linux")]
        socket
            .set_multicast_all_v4(false)
            .map_err(self.failed("hear only our interface in"))?;
        // Failing to get a large buffer is no reason to run without sync.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket
            .bind(&self.group.into())
            .map_err(self.failed("bind the receiving socket to"))?;
        socket
            .join_multicast_v4(self.group.ip(), &self.interface)
            .map_err(self.failed("join"))?;
        Ok(socket.into())
    }

    /// A socket that sends from our interface to the group.
    fn sender(&self, config: &Config) -> Result<UdpSocket, SetupError> {
        let socket = udp_socket().map_err(self.failed("create the sending socket for"))?;
        socket
            .set_multicast_if_v4(&self.interface)
            .map_err(self.failed("send to"))?;
        socket
            .set_multicast_ttl_v4(config.ttl.into())
            .map_err(self.failed("set the ttl for"))?;
        socket
            .set_multicast_loop_v4(config.loopback)
            .map_err(self.failed("set the loop-back for"))?;
        socket
            .bind(&SocketAddrV4::new(self.interface, 0).into())
            .map_err(self.failed("bind the sending socket for"))?;
        socket
            .connect(&self.group.into())
            .map_err(self.failed("send to"))?;
        Ok(socket.into())
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> SetupError {
        let Self { group, interface } = *self;
        move |error| SetupError::Socket {
            action,
            group,
            interface,
            error,
        }
    }
}

fn udp_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;

    use super::*;

    #[test]
    fn the_sockets_are_set_up_as_the_specification_says() {
        let mut config = Config::default();
        for (ttl, loopback) in [(1, false), (7, true)] {
            config.ttl = ttl;
            config.loopback = loopback;
            let group = Group::join(&config, Ipv4Addr::LOCALHOST, 19_696).unwrap();
            let sender = SockRef::from(&group.sender);
            assert_eq!(sender.multicast_ttl_v4().unwrap(), ttl.into());
            assert_eq!(sender.multicast_loop_v4().unwrap(), loopback);
            assert_eq!(sender.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
            let to = sender.peer_addr().unwrap().as_socket_ipv4().unwrap();
            assert_eq!(to, SocketAddrV4::new(config.group, 19_696));
            assert_eq!(*group.address().ip(), Ipv4Addr::LOCALHOST);
            let receiver = SockRef::from(&group.receiver);
            assert!(receiver.reuse_address().unwrap());
            #[cfg(target_os = "linux")]
            assert!(!receiver.multicast_all_v4().unwrap());
            let at = receiver.local_addr().unwrap().as_socket_ipv4().unwrap();
            assert_eq!(at, to);
        }
    }

    #[test]
    fn a_group_that_is_no_multicast_address_is_refused() {
        let config = Config {
            group: Ipv4Addr::new(10, 0, 0, 1),
            ..Config::default()
        };
        let error = Group::join(&config, Ipv4Addr::LOCALHOST, 19_696).unwrap_err();
        assert_eq!(
            error.to_string(),
            "group 10.0.0.1 is not a multicast address"
        );
    }
}
