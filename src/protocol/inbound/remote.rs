//! All that is known of one other node.

use std::net::SocketAddr;
use std::time::Duration;

use super::streams::Streams;
use super::tally::Tally;
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::Packet;

/// A node that has sent a good tag within this time is believed with one only: one that runs
/// sends a heartbeat every 30 seconds at least.
const AUTHENTICATED_FOR: Duration = Duration::from_secs(120);

/// Another tracker, as far as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteStats {
    /// The id under which it speaks.
    pub id: TrackerId,
    /// Where its last packet came from.
    pub address: SocketAddr,
    /// When that was.
    pub last: Time,
    /// When its first packet was used.
    pub first: Time,
    /// Packets of it that were used.
    pub packets: u64,
    /// Announces in them.
    pub records: u64,
    /// Beacons among them.
    pub beacons: u64,
    /// How many torrents it had at its last beacon; 0 before the first.
    pub torrents: u64,
    /// Whether its last packet that was used proved by a key where it comes from.
    pub authenticated: bool,
    /// How many milliseconds its clock is ahead of ours, as far as packets have told:
    /// the time that they take makes it look late.
    pub ahead_ms: i64,
    /// How long its last packet took longer than the fastest: the replication lag.
    pub lag: Duration,
    /// Packets of it that are missing and may still come.
    pub missing: u64,
    /// Packets of it that were missing, and came after all.
    pub recovered: u64,
    /// Packets of it that were missing, and did not come in time.
    pub lost: u64,
}

impl RemoteStats {
    /// Counts what is in a packet of it.
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

/// Another node: its presence, and its packets with a trailer.
#[derive(Debug)]
pub(in crate::protocol) struct RemoteNode {
    /// What does not depend on its streams.
    heard: RemoteStats,
    /// When its last good tag was heard.
    authenticated: Option<Time>,
    streams: Streams,
}

impl RemoteNode {
    /// A node of which no packet was used yet.
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

    /// Where its last packet came from.
    #[cfg(feature = "want_sync_scrape")]
    pub(in crate::protocol) fn address(&self) -> SocketAddr {
        self.heard.address
    }

    /// Whether its last packet was authenticated, or it has told of peers.
    #[cfg(feature = "want_sync_scrape")]
    pub(in crate::protocol) fn is_credible(&self) -> bool {
        self.heard.authenticated || self.tells_of_peers()
    }

    pub(super) fn tells_of_peers(&self) -> bool {
        self.heard.records > 0
    }

    /// When its last packet was used.
    pub(super) fn last(&self) -> Time {
        self.heard.last
    }

    /// A packet of it is used, which has come from this address; its clock was so many
    /// milliseconds ahead of ours, if the packet tells.
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

    /// Whether it has authenticated lately where its packets come from.
    pub(super) fn is_authenticated(&self, now: Time) -> bool {
        self.authenticated
            .is_some_and(|at| now.since(at) < AUTHENTICATED_FOR)
    }

    /// All that others may know of it.
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

    /// Its packets with a trailer.
    pub(in crate::protocol) fn streams(&self) -> &Streams {
        &self.streams
    }

    pub(in crate::protocol) fn streams_mut(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// It makes room for another one; what became of the packets that were missing of it.
    pub(super) fn end(self, now: Time) -> Tally {
        self.streams.end_all(now)
    }
}
