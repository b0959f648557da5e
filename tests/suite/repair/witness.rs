//! A host that sees every packet on the wire, and may send packets itself.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use livesync::TrackerId;
use livesync::unstable::wire::{Frame, Packet};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{MsgFlags, recv, setsockopt};

use super::segment::PORT;
use crate::support::group::Wire;
use crate::support::netns::{Host, Network};

/// A datagram on the wire.
#[derive(Clone)]
pub struct Seen {
    pub at: Instant,
    pub bytes: Vec<u8>,
}

/// The kind of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    First,
    Retransmission,
    Heartbeat,
    Nak,
}

impl Seen {
    pub fn frame(&self) -> Frame<'_> {
        Frame::parse(&self.bytes).expect("a packet")
    }

    pub fn kind(&self) -> Kind {
        let frame = self.frame();
        match frame.packet {
            Packet::Heartbeat(_) => Kind::Heartbeat,
            Packet::Nak(_) => Kind::Nak,
            _ if frame.retransmitted => Kind::Retransmission,
            _ => Kind::First,
        }
    }

    pub fn from(&self) -> TrackerId {
        self.frame().header.id
    }

    pub fn seq(&self) -> u32 {
        self.frame().trailer.expect("a trailer").seq
    }
}

/// Returns how many of the packets are of a kind.
pub fn count(seen: &[Seen], kind: Kind) -> usize {
    seen.iter().filter(|seen| seen.kind() == kind).count()
}

/// Room for packets that arrive while other programs have the processor.
const RECEIVE_BUFFER: usize = 64 << 20;

/// A host on the segment with a plain socket.
pub struct Witness {
    pub wire: Arc<Wire>,
    seen: Arc<Mutex<Vec<Seen>>>,
    over: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
    pub host: Host,
}

impl Witness {
    pub fn on(network: &mut Network, name: &str) -> Self {
        let host = network.add_host(name).expect("a host");
        let join = || Wire::open(host.address(), PORT).expect("join the group");
        let wire = Arc::new(host.inside(join));
        setsockopt(&wire, RcvBufForce, &RECEIVE_BUFFER).expect("a large buffer");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let listener = thread::spawn({
            let (wire, seen, over) = (wire.clone(), seen.clone(), over.clone());
            move || {
                while !over.load(Ordering::Relaxed) {
                    let mut wire_in = [PollFd::new(wire.as_fd(), PollFlags::POLLIN)];
                    poll(&mut wire_in, PollTimeout::from(20_u8)).expect("poll");
                    read_all(&wire, &mut seen.lock().expect("no panic"));
                }
            }
        });
        Self {
            wire,
            seen,
            over,
            listener: Some(listener),
            host,
        }
    }

    /// Returns the packets since the last call, including those that the listener has not read
    /// yet, and checks that none was overlooked.
    pub fn take(&self) -> Vec<Seen> {
        let mut seen = self.seen.lock().expect("no panic");
        read_all(&self.wire, &mut seen);
        assert_eq!(self.host.lost_packets(), 0, "the witness is too slow");
        std::mem::take(&mut seen)
    }
}

/// Reads the packets that wait in the socket.
fn read_all(wire: &Wire, seen: &mut Vec<Seen>) {
    let mut buffer = [0; 65_536];
    while let Ok(len) = recv(
        wire.as_fd().as_raw_fd(),
        &mut buffer,
        MsgFlags::MSG_DONTWAIT,
    ) {
        let bytes = buffer[..len].to_vec();
        seen.push(Seen {
            at: Instant::now(),
            bytes,
        });
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.listener.take().map(JoinHandle::join);
    }
}
