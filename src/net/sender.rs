//! Sends many packets at once, in the best way that the kernel knows.

use std::io::{self, IoSlice};
use std::iter;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::mmsg::{accept_segments, send_messages};

/// How many packets a message may have, says udp(7), and how many we hand over at once.
const PACKETS: usize = 64;

/// How long a message may be, its packets together: as long as a datagram.
const LONGEST_MESSAGE: usize = 65_507;

/// A socket that sends to the group, and what the kernel does for it.
///
/// Packets of one length leave as one message, which the kernel cuts into datagrams as late
/// as it can; that is three times as fast as many messages with one system call, which is
/// a little faster than a system call for each. What the kernel refuses is not tried again
/// before [`try_again`](Self::try_again).
#[derive(Debug)]
pub(super) struct Sender {
    socket: UdpSocket,
    group: SocketAddr,
    /// The socket is connected to the group, so that the kernel need not look for the way
    /// each time. While the interface is down it cannot be.
    is_connected: AtomicBool,
    /// How long a packet may be at most to leave together with others; 0 if this kernel
    /// cannot do that.
    longest: usize,
    /// How long a packet may be to leave together with others.
    pub(super) longest_segment: AtomicUsize,
    /// The kernel takes only one message with one system call.
    pub(super) one_by_one: AtomicBool,
}

impl Sender {
    pub(super) fn new(socket: UdpSocket, group: SocketAddr) -> Self {
        // Nothing arrives here; it is to know the kernel.
        let longest = match accept_segments(socket.as_fd()) {
            Ok(()) => LONGEST_MESSAGE,
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

    /// From now on packets of every length may leave together again: the interface that
    /// refused them may have changed since. If it has not, that costs a system call.
    pub(super) fn try_again(&self) {
        if !self.one_by_one.load(Ordering::Relaxed) {
            self.longest_segment.store(self.longest, Ordering::Relaxed);
        }
    }

    /// Sends the packets in their order, until the network does not take one: how many it
    /// took, and why not the next.
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

    /// Sends the first packets: how many, or why not even one.
    fn send_first<D: AsRef<[u8]>>(&self, packets: &[D]) -> io::Result<usize> {
        self.connect()?;
        let mut slices = [IoSlice::new(&[]); PACKETS];
        let mut count = 0;
        for (slice, packet) in slices.iter_mut().zip(packets) {
            *slice = IoSlice::new(packet.as_ref());
            count += 1;
        }
        let slices = &slices[..count];
        let longest = self.longest_segment.load(Ordering::Relaxed);
        match self.send_runs(slices, longest) {
            // It may be about the run, and not about its first packet.
            Err(e) if !is_passing(&e) && first_run(slices, longest) > 1 => {
                let sent = self.send_runs(&slices[..1], 0)?;
                self.refused(&e, slices[0].len());
                Ok(sent)
            }
            sent => sent,
        }
    }

    /// Sends the first packets, in runs if they are not longer than `longest`.
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

    /// The network took a packet of this length alone, but not with others.
    fn refused(&self, error: &io::Error, len: usize) {
        let longest = match error.raw_os_error() {
            // It is longer than the interface takes: alone it leaves in fragments.
            Some(libc::EINVAL | libc::EMSGSIZE) => len - 1,
            // The interface does not cut messages into datagrams, for want of checksums.
            Some(libc::EIO | libc::EOPNOTSUPP) => 0,
            _ => return,
        };
        self.longest_segment.fetch_min(longest, Ordering::Relaxed);
    }
}

/// Whether the same packets may be taken the next time.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), Interrupted | WouldBlock)
}

/// The packets, divided into messages.
fn runs<'a>(
    mut packets: &'a [IoSlice<'a>],
    longest: usize,
) -> impl Iterator<Item = &'a [IoSlice<'a>]> {
    iter::from_fn(move || {
        let run = packets.split_off(..first_run(packets, longest))?;
        (!run.is_empty()).then_some(run)
    })
}

/// How many of the packets make the first message: those of the first one's length, and
/// one that is shorter. Those that are longer than `longest` each make their own.
fn first_run(packets: &[IoSlice<'_>], longest: usize) -> usize {
    let len = packets.first().map_or(0, |first| first.len());
    if len == 0 || len > longest {
        return packets.len().min(1);
    }
    let most = LONGEST_MESSAGE / len;
    let equal = packets.iter().take(most).take_while(|p| p.len() == len);
    let equal = equal.count();
    let left = LONGEST_MESSAGE - equal * len;
    let is_last = |p: &IoSlice<'_>| (1..len.min(left + 1)).contains(&p.len());
    equal + usize::from(packets.get(equal).is_some_and(is_last))
}
