//! The kind of a packet, which its type and its length determine.

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
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Header, Packet, PacketType};
///
/// let header = Header::new(TrackerId([1; 4]), PacketType::ScrapeBeacon);
/// let payload = 1000_u64.to_be_bytes();
/// let packet = Packet::parse(header, &payload)?;
/// assert!(matches!(packet, Packet::ScrapeBeacon(beacon) if beacon.torrents == 1000));
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Debug)]
pub enum Packet<'a> {
    /// `SYNC_LIVE`, or a list of IPv6 peers. The last record may be followed by an incomplete one.
    Live(PeerList<'a>),
    /// `SYNC_SCRAPE_BEACON`: how many torrents the sender serves.
    ScrapeBeacon(Beacon),
    /// `SYNC_SCRAPE_INQUIRE`: asks one tracker for its torrents.
    ScrapeInquire(Inquire),
    /// `SYNC_SCRAPE_TELL`: torrents of the sender. The last record may be followed by an incomplete
    /// one.
    ScrapeTell(TorrentList<'a>),
    /// HEARTBEAT: how many packets the sender has sent.
    Heartbeat(Heartbeat),
    /// NAK: requests missing packets from their sender.
    Nak(Nak<'a>),
}

const LIVE: u32 = PacketType::Live as u32;
const BEACON: u32 = PacketType::ScrapeBeacon as u32;
const INQUIRE: u32 = PacketType::ScrapeInquire as u32;
const TELL: u32 = PacketType::ScrapeTell as u32;
const HEARTBEAT: u32 = PacketType::Heartbeat as u32;
const NAK: u32 = PacketType::Nak as u32;

impl<'a> Packet<'a> {
    /// Parses the payload behind `header`.
    ///
    /// # Errors
    ///
    /// [`Reject::UnknownType`] if the header has none of the known types, [`Reject::EmptyList`] if
    /// a list has no bytes, [`Reject::TruncatedTail`] if a list has less than one record; and the
    /// errors of [`Beacon::parse`], [`Inquire::parse`], [`Heartbeat::parse`] and [`Nak::parse`].
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

    /// Returns whether the payload of a packet of this type can have this length, with nothing left
    /// over.
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

    /// Returns whether this is a probe: an inquiry that its sender addresses to itself, to see
    /// whether others hear it. Nobody answers a probe.
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

/// Returns whether a payload of the beacon's type is a list of IPv6 peers, for which later senders
/// use the same type. A beacon is exactly 16 bytes long, and a record of the list takes 40.
fn is_ipv6_peer_list(payload: &[u8]) -> bool {
    payload.len() >= size_of::<<Announce<Ipv6Addr> as Record>::Bytes>()
}
