//! Keeps what this node knows of one other node.

use std::net::SocketAddr;
use std::time::Duration;

use super::streams::Streams;
use super::tally::Tally;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Packet;

/// Time for which a node counts as authenticated after a good tag: a node that runs sends a
/// heartbeat every 30 seconds at least.
const AUTHENTICATED_FOR: Duration = Duration::from_secs(120);

/// The figures of another node that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteStats {
    /// The id under which it sends.
    pub id: TrackerId,
    /// The address from which its last packet came.
    pub address: SocketAddr,
    /// The time at which its last packet was used.
    pub last: Time,
    /// The time at which its first packet was used.
    pub first: Time,
    /// Packets of it that were used.
    pub packets: u64,
    /// Announces in those packets.
    pub records: u64,
    /// Beacons among those packets.
    pub beacons: u64,
    /// Torrents that it had at its last beacon; 0 before the first.
    pub torrents: u64,
    /// True if its last packet that was used was authenticated.
    pub authenticated: bool,
    /// The milliseconds by which its clock is ahead of ours, as far as its packets have shown. The
    /// time they take on the way makes it look late.
    pub ahead_ms: i64,
    /// The replication lag: the time by which its last packet was slower than the fastest.
    pub lag: Duration,
    /// Packets of it that are missing and may still come.
    pub missing: u64,
    /// Packets of it that were missing, and were recovered.
    pub recovered: u64,
    /// Packets of it that were missing, and are lost.
    pub lost: u64,
}

impl RemoteStats {
    /// Counts what a packet of it contains.
    fn count(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Live(peers) => self.records += peers.len() as u64,
            Packet::ScrapeBeacon(beacon) => {
                self.beacons += 1;
                self.torrents = beacon.torrents;
            }
            Packet::ScrapeInquire(_)
            | Packet::ScrapeTell(_)
            | Packet::Heartbeat(_)
            | Packet::Nak(_) => {}
        }
    }
}

/// Another node: its figures, and the streams of its packets with a trailer.
#[derive(Debug)]
pub(in crate::protocol) struct RemoteNode {
    /// Its figures that do not depend on its streams.
    heard: RemoteStats,
    /// The time at which its last good tag was heard.
    authenticated: Option<Time>,
    streams: Streams,
}

impl RemoteNode {
    /// Returns a node of which no packet was used yet.
    pub(super) fn new(id: TrackerId) -> Self {
        Self {
            heard: RemoteStats {
                id,
                address: ([0; 4], 0).into(),
                last: Time::START,
                first: Time::START,
                packets: 0,
                records: 0,
                beacons: 0,
                torrents: 0,
                authenticated: false,
                ahead_ms: 0,
                lag: Duration::ZERO,
                missing: 0,
                recovered: 0,
                lost: 0,
            },
            authenticated: None,
            streams: Streams::default(),
        }
    }

    pub(super) fn id(&self) -> TrackerId {
        self.heard.id
    }

    /// Returns the address from which its last packet came.
    #[cfg(feature = "want_sync_scrape")]
    pub(in crate::protocol) fn address(&self) -> SocketAddr {
        self.heard.address
    }

    /// Returns whether its last packet was authenticated, or it has announced peers.
    #[cfg(feature = "want_sync_scrape")]
    pub(in crate::protocol) fn is_credible(&self) -> bool {
        self.heard.authenticated || self.tells_of_peers()
    }

    pub(super) fn tells_of_peers(&self) -> bool {
        self.heard.records > 0
    }

    /// Returns when its last packet was used.
    pub(super) fn last(&self) -> Time {
        self.heard.last
    }

    /// Notes that a packet of it is used, which came from this address. `ahead_ms` is by how much
    /// its clock was ahead of ours, if the packet shows it.
    pub(super) fn uses(
        &mut self,
        (now, elapsed): (Time, Time),
        (address, authenticated): (SocketAddr, bool),
        ahead_ms: Option<i64>,
        packet: &Packet<'_>,
    ) {
        let heard = &mut self.heard;
        if heard.packets == 0 {
            heard.first = now;
        }
        heard.last = now;
        heard.packets += 1;
        heard.authenticated = authenticated;
        heard.address = address;
        heard.ahead_ms = ahead_ms.unwrap_or(heard.ahead_ms);
        heard.count(packet);
        if authenticated {
            self.authenticated = Some(elapsed);
        }
    }

    /// Returns whether a packet of it was authenticated lately.
    pub(super) fn is_authenticated(&self, now: Time) -> bool {
        self.authenticated
            .is_some_and(|at| now.since(at) < AUTHENTICATED_FOR)
    }

    /// Returns all its figures.
    pub(super) fn heard(&self) -> RemoteStats {
        let tally = self.streams.tally();
        RemoteStats {
            lag: self.streams.lag(),
            missing: self.streams.missing(),
            recovered: tally.recovered,
            lost: tally.lost,
            ..self.heard
        }
    }

    /// Returns the streams of its packets with a trailer.
    pub(in crate::protocol) fn streams(&self) -> &Streams {
        &self.streams
    }

    pub(in crate::protocol) fn streams_mut(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// Ends all its streams, and returns what became of the packets that were missing.
    pub(super) fn end(self, now: Time) -> Tally {
        self.streams.end_all(now)
    }
}
