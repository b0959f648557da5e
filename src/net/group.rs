//! "Each tracker should join the multicast group and send its live sync packets
//! to that group, using a ttl of 1."

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::mmsg::{accept_segments, drops};
use super::sender::Sender;
use crate::config::Config;
use crate::error::SetupError;

/// How much may wait in the kernel while the receive thread is busy in the
/// tracker. The kernel grants less where net.core.rmem_max is smaller.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Our membership in a group, on one interface.
#[derive(Debug)]
pub(crate) struct Group {
    /// None, if we do not listen.
    receiver: Option<UdpSocket>,
    /// Connected to the group; none, if we do not speak.
    pub(super) sender: Option<Sender>,
    /// Where our own packets come from.
    address: SocketAddrV4,
    membership: Membership,
}

impl Group {
    /// Joins the group as `config` says.
    pub(crate) fn join(config: &Config) -> Result<Self, SetupError> {
        if !config.group.is_multicast() {
            return Err(SetupError::NotMulticast(config.group));
        }
        if config.port == 0 {
            return Err(SetupError::NoPort);
        }
        let membership = Membership {
            group: SocketAddrV4::new(config.group, config.port),
            interface: config.interface,
        };
        let receiver = config.listen.then(|| membership.receiver()).transpose()?;
        let sender = config
            .speak
            .then(|| membership.sender(config))
            .transpose()?;
        let address = match sender.as_ref().map(|sender| sender.socket().local_addr()) {
            None => Ok(SocketAddrV4::new(config.interface, 0)),
            Some(Ok(SocketAddr::V4(address))) => Ok(address),
            Some(Ok(SocketAddr::V6(_))) => Err(io::ErrorKind::AddrNotAvailable.into()),
            Some(Err(e)) => Err(e),
        };
        Ok(Self {
            receiver,
            sender,
            address: address.map_err(membership.failed("find our address in"))?,
            membership,
        })
    }

    /// The address our own packets come from. Its port is the kernel's choice,
    /// and so tells several trackers on one host apart.
    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Sends one packet to the group, without blocking.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        match self.send_batch(&[packet]).1 {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Sends packets to the group, in their order and without blocking, until the network
    /// does not take one: how many it took, and why not the next.
    pub(crate) fn send_batch<D: AsRef<[u8]>>(&self, packets: &[D]) -> (usize, Option<io::Error>) {
        match &self.sender {
            Some(sender) => sender.send_batch(packets),
            None => (0, Some(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Joins again, if the membership was lost: it vanishes with its interface, and an
    /// interface that is made anew knows nothing of us. Whether it was lost.
    pub(crate) fn join_again(&self) -> io::Result<bool> {
        let Membership { group, interface } = &self.membership;
        if let Some(sender) = &self.sender {
            SockRef::from(sender.socket()).set_multicast_if_v4(interface)?;
        }
        // An interface of the kernel's choice may be another one each time.
        let Some(receiver) = self
            .receiver
            .as_ref()
            .filter(|_| !interface.is_unspecified())
        else {
            return Ok(false);
        };
        match receiver.join_multicast_v4(group.ip(), interface) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// How many messages the kernel has dropped since we joined because the receive
    /// buffer was full. Datagrams that came together count as one.
    pub(crate) fn receive_buffer_errors(&self) -> u64 {
        self.receiver().map_or(0, |fd| drops(fd).into())
    }

    /// How many bytes Linux grants the receive buffer, and how many it was asked for, if
    /// that is more.
    pub(crate) fn short_receive_buffer(&self) -> Option<(usize, usize)> {
        let receiver = SockRef::from(self.receiver.as_ref()?);
        // It doubles what it is asked for, to have room for its own overhead.
        let granted = receiver.recv_buffer_size().ok()? / 2;
        let is_short = cfg!(target_os = "linux") && granted < RECEIVE_BUFFER;
        is_short.then_some((granted, RECEIVE_BUFFER))
    }

    /// What to wait on when the network does not take a packet now.
    pub(crate) fn sender(&self) -> Option<BorrowedFd<'_>> {
        self.sender.as_ref().map(|sender| sender.socket().as_fd())
    }

    /// What to wait on and to receive from.
    pub(crate) fn receiver(&self) -> Option<BorrowedFd<'_>> {
        self.receiver.as_ref().map(AsFd::as_fd)
    }
}

/// Which group, and where.
#[derive(Debug)]
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
        // An older kernel hands us each datagram alone.
        let _ = accept_segments(socket.as_fd());
        Ok(socket.into())
    }

    /// A socket that sends from our interface to the group.
    fn sender(&self, config: &Config) -> Result<Sender, SetupError> {
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
        Ok(Sender::new(socket.into()))
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
    use super::*;

    fn config() -> Config {
        Config::on(Ipv4Addr::LOCALHOST).port(19_696u16)
    }

    #[test]
    fn who_does_not_listen_or_speak_has_no_socket_for_it() {
        let group = Group::join(&config().listen(false)).unwrap();
        assert!(group.receiver().is_none() && group.sender().is_some());
        let group = Group::join(&config().speak(false)).unwrap();
        assert!(group.receiver().is_some() && group.sender().is_none());
        assert!(group.send(&[0; 8]).is_err());
    }

    #[test]
    fn a_member_does_not_join_again() {
        let group = Group::join(&config()).unwrap();
        assert!(!group.join_again().unwrap());
        let receiver = group.receiver.as_ref().unwrap();
        let interface = Ipv4Addr::LOCALHOST;
        receiver
            .leave_multicast_v4(group.membership.group.ip(), &interface)
            .unwrap();
        assert!(group.join_again().unwrap());
        assert!(!group.join_again().unwrap());
    }

    #[test]
    fn the_sockets_are_set_up_as_the_specification_says() {
        for (ttl, loopback) in [(1, false), (7, true)] {
            let config = config().ttl(ttl).loopback(loopback);
            let group = Group::join(&config).unwrap();
            let sender = group.sender().unwrap();
            let sender = SockRef::from(&sender);
            assert_eq!(sender.multicast_ttl_v4().unwrap(), ttl.into());
            assert_eq!(sender.multicast_loop_v4().unwrap(), loopback);
            assert_eq!(sender.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
            let to = sender.peer_addr().unwrap().as_socket_ipv4().unwrap();
            assert_eq!(to, SocketAddrV4::new(config.group, 19_696));
            assert_eq!(*group.address().ip(), Ipv4Addr::LOCALHOST);
            let receiver = group.receiver().unwrap();
            let receiver = SockRef::from(&receiver);
            assert!(receiver.reuse_address().unwrap());
            #[cfg(target_os = "linux")]
            assert!(!receiver.multicast_all_v4().unwrap());
            let at = receiver.local_addr().unwrap().as_socket_ipv4().unwrap();
            assert_eq!(at, to);
        }
    }

    #[test]
    fn a_group_that_is_no_multicast_address_is_refused() {
        let error = Group::join(&config().group([10, 0, 0, 1])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "group 10.0.0.1 is not a multicast address"
        );
    }
}
