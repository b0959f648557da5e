//! The link to a multicast group.
//!
//! The specification says: "Each tracker should join the multicast group and send its live sync
//! packets to that group, using a ttl of 1."

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use socket2::SockRef;

use super::Link;
use super::hints::{full_buffer, short_buffer, strict_filter};
use super::membership::Membership;
use super::mmsg::{accept_segments, drops, stamp_arrivals};
use super::process::close_inherited;
use super::sender::Sender;
use super::sys::{allow_fragments, udp_socket};
use crate::config::Config;
use crate::error::SetupError;
use crate::protocol::{LinkInfo, Transmit};

/// The requested size of the receive buffer in bytes. Packets wait there while the receive thread
/// is busy in the host. The kernel grants at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 8 << 20;

/// The link to an IPv4 multicast group, on one interface.
#[derive(Debug)]
pub(crate) struct Multicast {
    /// The receiving socket, or none if the configuration says not to listen.
    receiver: Option<Receiver>,
    /// The sending socket, or none if the configuration says not to speak.
    pub(super) sender: Option<Sender>,
    /// The source address of this node's packets. The kernel chooses the port, which distinguishes
    /// several trackers on one host.
    address: SocketAddr,
    interface: Ipv4Addr,
}

#[derive(Debug)]
struct Receiver {
    socket: UdpSocket,
    membership: Membership,
    /// The number of dropped packets in the last warning to the operator.
    errors_reported: AtomicUsize,
    /// A hint if the interface has a strict reverse path filter. It is read when the node joins the
    /// group, because later there may be no /proc.
    strict_filter: Option<String>,
}

impl Multicast {
    /// Joins the group of `config`, which must be [valid](Config::validate). If the interface is
    /// down, the link works once it is up.
    ///
    /// # Errors
    /// [`SetupError::Socket`] with the system call that failed.
    pub(crate) fn join(config: &Config) -> Result<Self, SetupError> {
        let target = GroupInterface::of(config)?;
        let receiver = config.listen.then(|| target.receiver(config)).transpose()?;
        let sender = config.speak.then(|| target.sender(config)).transpose()?;
        let address = match sender.as_ref().map(|sender| sender.socket().local_addr()) {
            None => Ok(SocketAddr::new(config.interface, 0)),
            Some(address) => address,
        };
        let membership = receiver.as_ref().map(|receiver| &receiver.membership);
        Ok(Self {
            interface: membership.map_or(target.interface, Membership::interface),
            receiver,
            sender,
            address: address.map_err(target.failed("find the source address of packets to"))?,
        })
    }

    /// Sends one packet to the group.
    ///
    /// # Errors
    /// The error of the system call, or `NotConnected` if the configuration says not to speak.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        match self.send_all(&[packet]).1 {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Sends packets to the group, as [`Link::send_batch`] does.
    pub(super) fn send_all<D: AsRef<[u8]>>(&self, packets: &[D]) -> (usize, Option<io::Error>) {
        match &self.sender {
            Some(sender) => sender.send_batch(packets),
            None => (0, Some(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Returns all hints for the operator of this host.
    pub(crate) fn hints(&self) -> Vec<String> {
        let filter = self.filter_hint().map(str::to_owned);
        self.buffer_hint().into_iter().chain(filter).collect()
    }
}

impl Link for Multicast {
    fn info(&self) -> LinkInfo {
        LinkInfo::multicast_ipv4(self.address)
    }

    fn receiver(&self) -> Option<BorrowedFd<'_>> {
        let receiver = self.receiver.as_ref();
        receiver.map(|receiver| receiver.socket.as_fd())
    }

    fn sender(&self) -> Option<BorrowedFd<'_>> {
        self.sender.as_ref().map(|sender| sender.socket().as_fd())
    }

    /// Sends all packets to the group, whatever their destination: each receiver picks its own.
    fn send_batch(&self, packets: &[Transmit]) -> (usize, Option<io::Error>) {
        self.send_all(packets)
    }

    /// Joins again if the membership was lost, which vanishes with its interface, and makes the
    /// sender use the interface that has the address now.
    fn check_membership(&self) -> io::Result<bool> {
        let joined = match &self.receiver {
            Some(receiver) => receiver.membership.join_again((&receiver.socket).into())?,
            None => false,
        };
        if let Some(sender) = &self.sender {
            SockRef::from(sender.socket()).set_multicast_if_v4(&self.interface)?;
            sender.try_again();
        }
        Ok(joined)
    }

    fn send_error(&self) -> Option<io::Error> {
        self.sender.as_ref()?.connect().err()
    }

    fn receive_buffer_errors(&self) -> u64 {
        self.receiver().map_or(0, |fd| drops(fd).into())
    }

    fn buffer_hint(&self) -> Option<String> {
        let receiver = SockRef::from(&self.receiver.as_ref()?.socket);
        // Linux doubles the requested size, to have room for its own overhead.
        let granted = receiver.recv_buffer_size().ok()? / 2;
        let is_short = cfg!(target_os = "linux") && granted < RECEIVE_BUFFER;
        is_short.then(|| short_buffer(granted, RECEIVE_BUFFER))
    }

    fn buffer_warning(&self) -> Option<String> {
        let reported = &self.receiver.as_ref()?.errors_reported;
        let errors = self.receive_buffer_errors();
        if errors == 0 || errors / 2 < reported.load(Ordering::Relaxed) as u64 {
            return None;
        }
        reported.store(
            usize::try_from(errors).unwrap_or(usize::MAX),
            Ordering::Relaxed,
        );
        Some(full_buffer(errors, self.buffer_hint()))
    }

    fn filter_hint(&self) -> Option<&str> {
        self.receiver.as_ref()?.strict_filter.as_deref()
    }

    fn close_inherited(&self) {
        let descriptors = [self.receiver(), self.sender()];
        descriptors.into_iter().flatten().for_each(close_inherited);
    }
}

/// The group and the interface of a link. Both must be IPv4.
#[derive(Debug)]
struct GroupInterface {
    group: SocketAddrV4,
    interface: Ipv4Addr,
}

impl GroupInterface {
    fn of(config: &Config) -> Result<Self, SetupError> {
        match (config.group, config.interface) {
            (IpAddr::V4(group), IpAddr::V4(interface)) => Ok(Self {
                group: SocketAddrV4::new(group, config.port),
                interface,
            }),
            (group, interface) => Err(SetupError::Socket {
                action: "join",
                group: SocketAddr::new(group, config.port),
                interface,
                error: io::ErrorKind::Unsupported.into(),
            }),
        }
    }

    /// Opens a socket that receives the packets to the group on this interface, and nothing else.
    ///
    /// It is bound to the address of the group, so it receives no unicast. Without
    /// `IP_MULTICAST_ALL` it receives no packets of the group from an interface on which only
    /// another socket is a member.
    fn receiver(&self, config: &Config) -> Result<Receiver, SetupError> {
        let socket = udp_socket().map_err(self.failed("create the receiving socket for"))?;
        socket
            .set_reuse_address(true)
            .map_err(self.failed("share the port of"))?;
        #[cfg(target_os = "linux")]
        socket
            .set_multicast_all_v4(false)
            .map_err(self.failed("receive from one interface only in"))?;
        // Sync also works with a small buffer.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket
            .bind(&self.group.into())
            .map_err(self.failed("bind the receiving socket to"))?;
        let membership = Membership::join(SockRef::from(&socket), self.group, self.interface)
            .map_err(self.failed("join"))?;
        // An older kernel delivers each datagram alone.
        let _ = accept_segments(socket.as_fd());
        if config.keys.is_some() {
            // With the time of arrival, a packet that waits while the process is suspended does not
            // count as too old.
            stamp_arrivals(socket.as_fd());
        }
        let interface = membership.name();
        Ok(Receiver {
            socket: socket.into(),
            membership,
            errors_reported: 0.into(),
            strict_filter: interface.and_then(|interface| strict_filter(&interface)),
        })
    }

    /// Opens a socket that sends from the interface to the group.
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
        allow_fragments(socket.as_fd());
        let sender = Sender::new(socket.into(), self.group.into());
        match sender.connect() {
            // An interface that is down may be up later. If the kernel is to choose an interface
            // instead, there is none that it can choose.
            Err(e) if !is_down(&e) || self.interface.is_unspecified() => {
                Err(self.failed("send to")(e))
            }
            _ => Ok(sender),
        }
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> SetupError {
        let Self { group, interface } = *self;
        move |error| SetupError::Socket {
            action,
            group: group.into(),
            interface: interface.into(),
            error,
        }
    }
}

fn is_down(error: &io::Error) -> bool {
    use io::ErrorKind::{NetworkDown, NetworkUnreachable};
    matches!(error.kind(), NetworkDown | NetworkUnreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::on(Ipv4Addr::LOCALHOST).port(19_696u16)
    }

    #[test]
    fn who_does_not_listen_or_speak_has_no_socket_for_it() {
        let group = Multicast::join(&config().listen(false)).unwrap();
        assert!(group.receiver().is_none() && group.sender().is_some());
        let group = Multicast::join(&config().speak(false)).unwrap();
        assert!(group.receiver().is_some() && group.sender().is_none());
        assert!(group.send(&[0; 8]).is_err());
    }

    #[test]
    fn a_member_does_not_join_again() {
        let group = Multicast::join(&config()).unwrap();
        assert!(!group.check_membership().unwrap());
        let receiver = &group.receiver.as_ref().unwrap().socket;
        receiver
            .leave_multicast_v4(&[224, 0, 42, 5].into(), &Ipv4Addr::LOCALHOST)
            .unwrap();
        assert!(group.check_membership().unwrap());
        assert!(!group.check_membership().unwrap());
    }

    #[test]
    fn the_sockets_are_set_up_as_the_specification_says() {
        for (ttl, loopback) in [(1, false), (7, true)] {
            let config = config().ttl(ttl).loopback(loopback);
            let group = Multicast::join(&config).unwrap();
            let sender = group.sender().unwrap();
            let sender = SockRef::from(&sender);
            assert_eq!(sender.multicast_ttl_v4().unwrap(), ttl.into());
            assert_eq!(sender.multicast_loop_v4().unwrap(), loopback);
            assert_eq!(sender.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
            let to = sender.peer_addr().unwrap().as_socket().unwrap();
            assert_eq!(to, SocketAddr::new(config.group, 19_696));
            assert_eq!(group.info().address().ip(), Ipv4Addr::LOCALHOST);
            let receiver = group.receiver().unwrap();
            let receiver = SockRef::from(&receiver);
            assert!(receiver.reuse_address().unwrap());
            #[cfg(target_os = "linux")]
            assert!(!receiver.multicast_all_v4().unwrap());
            let at = receiver.local_addr().unwrap().as_socket().unwrap();
            assert_eq!(at, to);
        }
    }
}
