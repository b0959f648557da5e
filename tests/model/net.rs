//! Replaces the module `net`. Descriptors are only names: there is one network, and one socket
//! of the tracker's own, whose descriptor is that of standard error.

use std::io::{self, Stdin, Stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use super::world::WORLD;
use crate::config::Config;
use crate::error::SetupError;
use crate::protocol::{LinkInfo, Transmit};

#[path = "../../src/net/link.rs"]
mod link;

pub(crate) use link::Link;

/// The source of all packets that are not our own.
const NEIGHBOUR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 9696);

#[derive(Debug)]
pub(crate) struct Multicast {
    receiver: Stdin,
    sender: Stdout,
}

impl Multicast {
    pub(crate) fn join(_: &Config) -> Result<Self, SetupError> {
        WORLD.join();
        Ok(Self {
            receiver: io::stdin(),
            sender: io::stdout(),
        })
    }

    pub(crate) fn send(&self, payload: &[u8]) -> io::Result<()> {
        WORLD.send(payload)
    }

    pub(crate) fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Link for Multicast {
    fn info(&self) -> LinkInfo {
        LinkInfo::multicast_ipv4(([10, 0, 0, 1], 1024).into())
    }

    fn send_batch(&self, packets: &[Transmit]) -> (usize, Option<io::Error>) {
        for (sent, packet) in packets.iter().enumerate() {
            if let Err(e) = self.send(packet.as_ref()) {
                return (sent, Some(e));
            }
        }
        (packets.len(), None)
    }

    fn close_inherited(&self) {}

    fn receive_buffer_errors(&self) -> u64 {
        0
    }

    fn sender(&self) -> Option<BorrowedFd<'_>> {
        Some(self.sender.as_fd())
    }

    fn receiver(&self) -> Option<BorrowedFd<'_>> {
        Some(self.receiver.as_fd())
    }
}

pub(crate) fn links(config: &Config) -> Result<Vec<Arc<dyn Link>>, SetupError> {
    Ok(vec![Arc::new(Multicast::join(config)?)])
}

impl Drop for Multicast {
    fn drop(&mut self) {
        WORLD.leave();
    }
}

/// Holds one batch of packets.
pub(crate) struct Inbox {
    arrived: Vec<Vec<u8>>,
    taken: Vec<Vec<u8>>,
}

impl Inbox {
    pub(crate) fn new(_longest: usize) -> Self {
        Self {
            arrived: Vec::new(),
            taken: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    pub(crate) fn receive(&mut self, fd: BorrowedFd<'_>, at_most: usize) -> io::Result<usize> {
        let at_host = fd.as_raw_fd() == io::stderr().as_raw_fd();
        let arrived = std::iter::from_fn(|| WORLD.receive(at_host));
        self.arrived = arrived.take(at_most.min(3)).collect();
        match self.arrived.len() {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    pub(crate) fn is_drained_by(&self, taken: usize) -> bool {
        self.arrived.len() <= taken
    }

    pub(crate) fn take(
        &mut self,
        most: usize,
    ) -> impl ExactSizeIterator<Item = (Option<SocketAddr>, &[u8])> {
        let taken = self.take_stamped(most);
        taken.map(|(source, _, datagram)| (source, datagram))
    }

    pub(crate) fn take_stamped(
        &mut self,
        most: usize,
    ) -> impl ExactSizeIterator<Item = (Option<SocketAddr>, Option<Duration>, &[u8])> {
        let taken = self.arrived.drain(..most.min(self.arrived.len()));
        self.taken = taken.collect();
        self.taken
            .iter()
            .map(|packet| (Some(NEIGHBOUR), None, &packet[..]))
    }
}

/// The clock of the model.
pub(crate) fn monotonic() -> Duration {
    Duration::ZERO
}

pub(crate) fn monotonic_coarse() -> Duration {
    Duration::ZERO
}

pub(crate) fn receive_capacity(_: BorrowedFd<'_>) -> usize {
    16
}

/// A name is enough to know what is waited for.
pub(crate) struct Awaited<'a> {
    fd: Option<BorrowedFd<'a>>,
    ready: bool,
}

impl<'a> Awaited<'a> {
    pub(crate) fn to_read(fd: Option<BorrowedFd<'a>>) -> Self {
        Self { fd, ready: false }
    }

    pub(crate) fn to_write(fd: Option<BorrowedFd<'a>>) -> Self {
        Self { fd, ready: false }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }
}

/// Waits for the waker, the receiver, and the sender if there is one, in this order.
pub(crate) fn wait(awaited: &mut [Awaited<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let [waker, receiver, sender] = awaited else {
        panic!("there is one link");
    };
    let found = WORLD.wait(sender.fd.is_some(), timeout);
    waker.ready = found.woken;
    receiver.ready = found.to_receive && receiver.fd.is_some();
    sender.ready = found.to_send;
    Ok(())
}

/// The descriptors that a host loop waits on; no thread waits on them here.
pub(crate) struct PollSet {
    fd: Stdin,
}

impl PollSet {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { fd: io::stdin() })
    }

    pub(crate) fn add(&self, _: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn close_inherited(&self) {}

    pub(crate) fn remove(&self, _: BorrowedFd<'_>) {}

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

pub(crate) struct Waker {
    waiting_side: Stdin,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            waiting_side: io::stdin(),
        })
    }

    pub(crate) fn wake(&self) {
        WORLD.wake();
    }

    pub(crate) fn drain(&self) {
        WORLD.drain();
    }

    pub(crate) fn close_inherited(&self) {}

    pub(crate) fn waiting_side(&self) -> BorrowedFd<'_> {
        self.waiting_side.as_fd()
    }
}

pub(crate) struct NoCancel;

impl NoCancel {
    pub(crate) fn new() -> Self {
        Self
    }
}

pub(crate) struct NoSignals;

impl NoSignals {
    pub(crate) fn new() -> Self {
        Self
    }
}

pub(crate) fn watch_forks() -> io::Result<()> {
    Ok(())
}

pub(crate) fn forks() -> usize {
    0
}

/// Returns the id of this thread; 0 is no thread.
pub(crate) fn this_thread() -> usize {
    usize::from(shuttle::current::me()) + 1
}

pub(crate) fn nap(duration: Duration) {
    WORLD.sleep(duration);
}

pub(crate) fn effective_user() -> u32 {
    0
}

pub(crate) fn thread_number() -> i32 {
    0
}

pub(crate) fn thread_exists(_: i32) -> bool {
    false
}

pub(crate) fn log_line(line: &str) {
    eprintln!("{line}");
}

pub(crate) fn lines_dropped() -> u64 {
    0
}

#[cfg(feature = "handles")]
pub(crate) fn with_errno_kept(body: impl FnOnce()) {
    body();
}
