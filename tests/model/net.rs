//! What the room `net` offers otherwise. The descriptors are only names: there is
//! one network, and one socket of the tracker's own, which goes by standard error.

use std::io::{self, Stdin, Stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use super::world::WORLD;
use crate::config::Config;
use crate::error::SetupError;

/// Where all packets come from that are not our own.
const NEIGHBOUR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 9696);

#[derive(Debug)]
pub(crate) struct Group {
    receiver: Stdin,
    sender: Stdout,
}

impl Group {
    pub(crate) fn join(_: &Config) -> Result<Self, SetupError> {
        WORLD.join();
        Ok(Self {
            receiver: io::stdin(),
            sender: io::stdout(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([10, 0, 0, 1], 1024).into()
    }

    pub(crate) fn send(&self, payload: &[u8]) -> io::Result<()> {
        WORLD.send(payload)
    }

    pub(crate) fn send_batch<D: AsRef<[u8]>>(&self, packets: &[D]) -> (usize, Option<io::Error>) {
        for (sent, packet) in packets.iter().enumerate() {
            if let Err(e) = self.send(packet.as_ref()) {
                return (sent, Some(e));
            }
        }
        (packets.len(), None)
    }

    pub(crate) fn join_again(&self) -> io::Result<bool> {
        Ok(false)
    }

    pub(crate) fn close_inherited(&self) {}

    pub(crate) fn receive_buffer_errors(&self) -> u64 {
        0
    }

    pub(crate) fn send_error(&self) -> Option<io::Error> {
        None
    }

    pub(crate) fn buffer_hint(&self) -> Option<String> {
        None
    }

    pub(crate) fn buffer_warning(&self) -> Option<String> {
        None
    }

    pub(crate) fn filter_hint(&self) -> Option<&str> {
        None
    }

    pub(crate) fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn sender(&self) -> Option<BorrowedFd<'_>> {
        Some(self.sender.as_fd())
    }

    pub(crate) fn receiver(&self) -> Option<BorrowedFd<'_>> {
        Some(self.receiver.as_fd())
    }
}

impl Drop for Group {
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

/// The model has another clock.
pub(crate) fn monotonic() -> Duration {
    Duration::ZERO
}

pub(crate) fn monotonic_coarse() -> Duration {
    Duration::ZERO
}

pub(crate) fn receive_capacity(_: BorrowedFd<'_>) -> usize {
    16
}

#[derive(Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) to_receive: bool,
    pub(crate) to_send: bool,
    pub(crate) woken: bool,
}

impl Ready {
    pub(crate) const ALL: Self = Self {
        to_receive: true,
        to_send: true,
        woken: true,
    };
}

pub(crate) fn wait(
    _: Option<BorrowedFd<'_>>,
    sender: Option<BorrowedFd<'_>>,
    _: Option<BorrowedFd<'_>>,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    Ok(WORLD.wait(sender.is_some(), timeout))
}

/// What a host that polls waits on: nobody does here.
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

/// 0 is nobody.
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
