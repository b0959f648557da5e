//! One member of a cluster: the peer sync protocol as a state machine.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::batch::Batch;
use super::counters::Counters;
use super::outbox::{Datagram, Outbox};
use super::timers::{Timer, Timers};
use crate::config::Config;
use crate::reject::Reject;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Header, Packet, PeerList, PeerRecord};

/// Where a datagram came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address it was sent from.
    pub address: SocketAddrV4,
    /// Whether the host lets this address speak.
    pub blessed: bool,
}

/// A node. Time comes in as a value and may jump in either direction: what is
/// due late is done late, what is due already is done at once.
///
/// After each call of [`tell`](Self::tell), [`handle_datagram`](Self::handle_datagram) or
/// [`handle_timeout`](Self::handle_timeout), send what
/// [`poll_transmit`](Self::poll_transmit) has, and see that `handle_timeout` is
/// called at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Node {
    id: TrackerId,
    /// Where our own packets come from.
    address: SocketAddrV4,
    flush_after: Duration,
    batch: Batch,
    outbox: Outbox,
    timers: Timers,
    counters: Counters,
}

impl Node {
    /// A node that speaks as `id` from `address`.
    pub fn new(id: TrackerId, address: SocketAddrV4, config: &Config) -> Self {
        Self {
            id,
            address,
            flush_after: config.flush_after,
            batch: Batch::new(id),
            outbox: Outbox::default(),
            timers: Timers::new(),
            counters: Counters::default(),
        }
    }

    /// The id under which this node speaks.
    pub fn id(&self) -> TrackerId {
        self.id
    }

    /// What this node has done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// An announce that the host received, to be told to the others.
    pub fn tell(&mut self, now: Time, record: &PeerRecord) {
        if self.batch.is_empty() {
            self.timers.set(Timer::Flush, now + self.flush_after);
        }
        self.batch.push(record);
        self.counters.records_told += 1;
        if self.batch.is_full() {
            self.flush();
        }
    }

    /// A datagram that arrived. Its announces are to be applied in their order.
    ///
    /// "A datagram is used only if (1) its source address is blessed by the
    /// host, (2) it is at least a header long, (3) its tracker id is not ours."
    pub fn handle_datagram<'a>(
        &mut self,
        source: Source,
        datagram: &'a [u8],
    ) -> Result<PeerList<'a>, Reject> {
        self.counters.packets_in += 1;
        let peers = self.accept(source, datagram);
        match &peers {
            Ok(peers) => {
                self.counters.records_heard += peers.len() as u64;
                if !peers.tail().is_empty() {
                    self.counters.drops.count(Reject::TruncatedTail);
                }
            }
            Err(reject) => self.counters.drops.count(*reject),
        }
        peers
    }

    /// Does what is due. Calling it too early, or more than once, is harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.timers.take_due(Timer::Flush, now) {
            self.flush();
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    pub fn poll_timeout(&self) -> Time {
        self.timers.earliest()
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Datagram> {
        self.outbox.pop()
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something.
    pub fn has_transmit(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Takes a packet back that the network did not take now; it is the next
    /// one again.
    pub fn put_back(&mut self, datagram: Datagram) {
        self.outbox.put_back(datagram);
    }

    /// A packet could not be sent, now or later.
    pub fn count_send_error(&mut self) {
        self.counters.send_errors += 1;
    }

    /// Completes the packet that is being filled. Empty packets are never sent.
    pub fn flush(&mut self) {
        self.timers.stop(Timer::Flush);
        if self.batch.is_empty() {
            return;
        }
        self.counters.packets_out += 1;
        if self.outbox.push(self.batch.take()).is_some() {
            self.counters.packets_overflowed += 1;
        }
    }

    fn accept<'a>(&self, source: Source, datagram: &'a [u8]) -> Result<PeerList<'a>, Reject> {
        if !source.blessed {
            return Err(Reject::NotBlessed);
        }
        let (header, payload) = Header::parse(datagram)?;
        if header.id == self.id {
            return Err(if source.address == self.address {
                Reject::OwnPacket
            } else {
                Reject::IdCollision
            });
        }
        match Packet::parse(header, payload)? {
            Packet::Live(peers) => Ok(peers),
            Packet::ScrapeBeacon(_) | Packet::ScrapeInquire(_) | Packet::ScrapeTell(_) => {
                Err(Reject::ScrapeUnsupported)
            }
        }
    }
}
