//! Sending many packets with few system calls, as far as the kernel supports it.

use std::io::{self, IoSlice};
use std::iter;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::mmsg::{accept_segments, send_messages};

/// The most packets of a message, as udp(7) says, and the most packets of one system call.
const MAX_PACKETS: usize = 64;

/// The most bytes of all packets of a message together, which is the length of the longest
/// datagram.
const MAX_MESSAGE_LEN: usize = 65_507;

/// A socket that sends to the group, and the knowledge of what the kernel can do.
///
/// Packets of one length leave as one message, which the kernel cuts into datagrams as late as it
/// can. That is three times as fast as many messages in one system call, which is a little faster
/// than a system call for each packet. A way that the kernel has refused is not tried again before
/// [`try_again`](Self::try_again).
#[derive(Debug)]
pub(super) struct Sender {
    socket: UdpSocket,
    group: SocketAddr,
    /// True if the socket is connected to the group, so that the kernel need not look up the route
    /// for each packet. Connecting fails while the interface is down.
    is_connected: AtomicBool,
    /// The most bytes of a packet that may leave together with others on any interface, or 0 if
    /// this kernel cannot cut messages.
    longest: usize,
    /// The most bytes of a packet that may leave together with others on this interface.
    pub(super) longest_segment: AtomicUsize,
    /// True if the kernel takes only one message with each system call.
    pub(super) one_by_one: AtomicBool,
}

impl Sender {
    pub(super) fn new(socket: UdpSocket, group: SocketAddr) -> Self {
        // Nothing arrives at this socket. The option shows whether the kernel can cut messages.
        let longest = match accept_segments(socket.as_fd()) {
            Ok(()) => MAX_MESSAGE_LEN,
            Err(_) => 0,
        };
        Self {
            socket,
            group,
            is_connected: false.into(),
            longest,
            longest_segment: longest.into(),
            one_by_one: false.into(),
        }
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Connects the socket, unless it is connected.
    pub(super) fn connect(&self) -> io::Result<()> {
        if !self.is_connected.load(Ordering::Relaxed) {
            self.socket.connect(self.group)?;
            self.is_connected.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Lets packets of every length leave together again, because the interface that has refused
    /// them may have changed. If it has not, this costs one system call.
    pub(super) fn try_again(&self) {
        if !self.one_by_one.load(Ordering::Relaxed) {
            self.longest_segment.store(self.longest, Ordering::Relaxed);
        }
    }

    /// Sends the packets in their order, until the network does not take one. Returns how many it
    /// took, and the error of the next one.
    pub(super) fn send_batch<D: AsRef<[u8]>>(&self, packets: &[D]) -> (usize, Option<io::Error>) {
        let mut sent = 0;
        while sent < packets.len() {
            match self.send_first(&packets[sent..]) {
                Ok(count) => sent += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return (sent, Some(e)),
            }
        }
        (sent, None)
    }

    /// Sends some of the first packets, and returns how many.
    ///
    /// # Errors
    /// The error of the first packet, if not even that one was sent.
    fn send_first<D: AsRef<[u8]>>(&self, packets: &[D]) -> io::Result<usize> {
        self.connect()?;
        let mut slices = [IoSlice::new(&[]); MAX_PACKETS];
        let mut count = 0;
        for (slice, packet) in slices.iter_mut().zip(packets) {
            *slice = IoSlice::new(packet.as_ref());
            count += 1;
        }
        let slices = &slices[..count];
        let longest = self.longest_segment.load(Ordering::Relaxed);
        match self.send_runs(slices, longest) {
            // The error may concern the run as a whole, and not its first packet.
            Err(e) if !is_passing(&e) && first_run(slices, longest) > 1 => {
                let sent = self.send_runs(&slices[..1], 0)?;
                self.refused(&e, slices[0].len());
                Ok(sent)
            }
            sent => sent,
        }
    }

    /// Sends some of the first packets, together if they are not longer than `longest`.
    fn send_runs(&self, packets: &[IoSlice<'_>], longest: usize) -> io::Result<usize> {
        if !self.one_by_one.load(Ordering::Relaxed) {
            match send_messages(self.socket.as_fd(), runs(packets, longest)) {
                Err(e) if e.raw_os_error() == Some(libc::ENOSYS) => self.send_one_by_one(),
                Err(e) => return Err(e),
                Ok(sent) => return Ok(runs(packets, longest).take(sent).map(<[_]>::len).sum()),
            }
        }
        self.socket.send(&packets[0]).map(|_| 1)
    }

    fn send_one_by_one(&self) {
        self.longest_segment.store(0, Ordering::Relaxed);
        self.one_by_one.store(true, Ordering::Relaxed);
    }

    /// Notes that the network took a packet of this length alone, but not with others.
    fn refused(&self, error: &io::Error, len: usize) {
        let longest = match error.raw_os_error() {
            // The packet exceeds the MTU of the interface. Alone it leaves in fragments.
            Some(libc::EINVAL | libc::EMSGSIZE) => len - 1,
            // The interface cannot cut messages into datagrams, because it computes no checksums.
            Some(libc::EIO | libc::EOPNOTSUPP) => 0,
            _ => return,
        };
        self.longest_segment.fetch_min(longest, Ordering::Relaxed);
    }
}

/// Returns whether the network may take the same packets the next time.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), Interrupted | WouldBlock)
}

/// Divides the packets into messages.
fn runs<'a>(
    mut packets: &'a [IoSlice<'a>],
    longest: usize,
) -> impl Iterator<Item = &'a [IoSlice<'a>]> {
    iter::from_fn(move || {
        let run = packets.split_off(..first_run(packets, longest))?;
        (!run.is_empty()).then_some(run)
    })
}

/// Returns how many of the packets make the first message: those with the length of the first, and
/// one shorter packet behind them. A packet longer than `longest` is a message of its own.
fn first_run(packets: &[IoSlice<'_>], longest: usize) -> usize {
    let len = packets.first().map_or(0, |first| first.len());
    if len == 0 || len > longest {
        return packets.len().min(1);
    }
    let most = MAX_MESSAGE_LEN / len;
    let equal = packets.iter().take(most).take_while(|p| p.len() == len);
    let equal = equal.count();
    let left = MAX_MESSAGE_LEN - equal * len;
    let is_last = |p: &IoSlice<'_>| (1..len.min(left + 1)).contains(&p.len());
    equal + usize::from(packets.get(equal).is_some_and(is_last))
}
