//! The header of every packet: who speaks, and what kind of packet this is.
//!
//! ```text
//! 0x0000 0x04 id of tracker instance
//! 0x0004 0x04 packet type, big endian
//! ```

use crate::reject::Reject;
use crate::types::TrackerId;

/// "Packet type determines which kind of packet this is".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PacketType {
    /// SYNC_LIVE: announces.
    Live = 0,
    /// SYNC_SCRAPE_BEACON; and, in the words of later speakers, announces of IPv6
    /// peers. [`Packet::parse`](super::Packet::parse) tells them apart.
    ScrapeBeacon = 1,
    /// SYNC_SCRAPE_INQUIRE.
    ScrapeInquire = 2,
    /// SYNC_SCRAPE_TELL.
    ScrapeTell = 3,
    /// HEARTBEAT. Old receivers ignore types that they do not know, from here on.
    Heartbeat = 0x4c53_0001,
    /// NAK.
    Nak = 0x4c53_0002,
}

/// A packet that is sent again has this bit pattern added to its type. To old receivers
/// that is a type they do not know, so they hear each packet once, as ever.
const RETRANSMITTED: u32 = 0x4c53_0100;

impl PacketType {
    /// What later speakers call 1: announces of IPv6 peers.
    pub const LIVE_IPV6: Self = Self::ScrapeBeacon;
}

/// The first eight bytes of every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who speaks.
    pub id: TrackerId,
    /// The packet type, not yet known to be one of [`PacketType`].
    pub packet_type: u32,
}

impl Header {
    /// The length of a header.
    pub const LEN: usize = 8;

    /// The header of a packet of ours.
    pub const fn new(id: TrackerId, packet_type: PacketType) -> Self {
        Self {
            id,
            packet_type: packet_type as u32,
        }
    }

    /// Splits a datagram into its header and its payload.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), Reject> {
        let ([i0, i1, i2, i3, t0, t1, t2, t3], payload) =
            datagram.split_first_chunk().ok_or(Reject::TooShort)?;
        let header = Self {
            id: TrackerId([*i0, *i1, *i2, *i3]),
            packet_type: u32::from_be_bytes([*t0, *t1, *t2, *t3]),
        };
        Ok((header, payload))
    }

    /// The header that the packet had when it was sent first, if it is sent again.
    pub fn first(self) -> Option<Self> {
        let packet_type = self.packet_type ^ RETRANSMITTED;
        (packet_type <= PacketType::ScrapeTell as u32).then_some(Self {
            packet_type,
            ..self
        })
    }

    /// The header of the same packet when it is sent again.
    pub const fn retransmitted(self) -> Self {
        Self {
            packet_type: self.packet_type ^ RETRANSMITTED,
            ..self
        }
    }

    /// The header as it is sent.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let [i0, i1, i2, i3] = self.id.0;
        let [t0, t1, t2, t3] = self.packet_type.to_be_bytes();
        [i0, i1, i2, i3, t0, t1, t2, t3]
    }
}
