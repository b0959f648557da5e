//! What a packet is, by its type and its length.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::beacon::Beacon;
use super::header::{Header, PacketType};
use super::heartbeat::Heartbeat;
use super::inquire::Inquire;
use super::nak::Nak;
use super::peers::PeerList;
use super::records::{Record, Records};
use super::tell::TorrentList;
use crate::reject::Reject;
use crate::types::{Announce, Torrent, TrackerId};

/// A packet whose length fits its type.
#[derive(Clone, Debug)]
pub enum Packet<'a> {
    /// SYNC_LIVE, or an IPv6 peer list. There may be an incomplete record behind the last one.
    Live(PeerList<'a>),
    /// SYNC_SCRAPE_BEACON.
    ScrapeBeacon(Beacon),
    /// SYNC_SCRAPE_INQUIRE.
    ScrapeInquire(Inquire),
    /// SYNC_SCRAPE_TELL. There may be an incomplete record behind the last one.
    ScrapeTell(TorrentList<'a>),
    /// HEARTBEAT.
    Heartbeat(Heartbeat),
    /// NAK.
    Nak(Nak<'a>),
}

const LIVE: u32 = PacketType::Live as u32;
const BEACON: u32 = PacketType::ScrapeBeacon as u32;
const INQUIRE: u32 = PacketType::ScrapeInquire as u32;
const TELL: u32 = PacketType::ScrapeTell as u32;
const HEARTBEAT: u32 = PacketType::Heartbeat as u32;
const NAK: u32 = PacketType::Nak as u32;

impl<'a> Packet<'a> {
    /// Reads the payload behind `header`.
    pub fn parse(header: Header, payload: &'a [u8]) -> Result<Self, Reject> {
        match header.packet_type {
            LIVE => list(payload).map(PeerList::V4).map(Self::Live),
            BEACON if is_ipv6_peer_list(payload) => list(payload).map(PeerList::V6).map(Self::Live),
            BEACON => Beacon::parse(payload).map(Self::ScrapeBeacon),
            INQUIRE => Inquire::parse(payload).map(Self::ScrapeInquire),
            TELL => list(payload).map(Self::ScrapeTell),
            HEARTBEAT => Heartbeat::parse(payload).map(Self::Heartbeat),
            NAK => Nak::parse(payload).map(Self::Nak),
            _ => Err(Reject::UnknownType),
        }
    }

    /// Whether the payload of a packet of this type can have this length, with nothing
    /// left over.
    pub(super) fn is_whole(packet_type: u32, len: usize) -> bool {
        match packet_type {
            LIVE => is_list::<Announce<Ipv4Addr>>(len),
            BEACON => len == Beacon::LEN - Header::LEN || is_list::<Announce<Ipv6Addr>>(len),
            INQUIRE => len == Inquire::LEN - Header::LEN,
            TELL => is_list::<Torrent>(len),
            HEARTBEAT => len == Heartbeat::LEN - Header::LEN,
            NAK => Nak::is_whole(len),
            _ => false,
        }
    }

    /// Whether this is a probe, which nobody answers: somebody asks himself, to see
    /// whether he is heard.
    pub fn is_probe(&self, from: TrackerId) -> bool {
        matches!(self, Self::ScrapeInquire(inquire) if inquire.asked == from)
    }
}

fn list<R: Record>(payload: &[u8]) -> Result<Records<'_, R>, Reject> {
    let records = Records::new(payload);
    match (records.len(), payload.len()) {
        (0, 0) => Err(Reject::EmptyList),
        (0, _) => Err(Reject::TruncatedTail),
        _ => Ok(records),
    }
}

fn is_list<R: Record>(len: usize) -> bool {
    len > 0 && len.is_multiple_of(size_of::<R::Bytes>())
}

/// Later speakers use the number of the beacon for lists of IPv6 peers. A beacon is
/// exactly 16 bytes long, a list has at least one record of 40.
fn is_ipv6_peer_list(payload: &[u8]) -> bool {
    payload.len() >= size_of::<<Announce<Ipv6Addr> as Record>::Bytes>()
}
