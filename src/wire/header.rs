//! The header of every packet: the id of its sender and the packet type.
//!
//! ```text
//! 0x0000 0x04 id of tracker instance
//! 0x0004 0x04 packet type, big endian
//! ```

use crate::reject::Reject;
use crate::types::TrackerId;

/// The packet types of the specification and of loss repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PacketType {
    /// `SYNC_LIVE`: announces of IPv4 peers.
    Live = 0,
    /// `SYNC_SCRAPE_BEACON`, or a list of IPv6 peers from later senders, which use the same number.
    /// [`Packet::parse`](super::Packet::parse) tells the two apart.
    ScrapeBeacon = 1,
    /// `SYNC_SCRAPE_INQUIRE`: asks one tracker for its torrents.
    ScrapeInquire = 2,
    /// `SYNC_SCRAPE_TELL`: torrents with their downloaded counts.
    ScrapeTell = 3,
    /// HEARTBEAT: how many packets its sender has sent. Receivers of the original protocol ignore
    /// this type and the following ones, since they do not know them.
    Heartbeat = 0x4c53_0001,
    /// NAK: requests missing packets from their sender.
    Nak = 0x4c53_0002,
}

/// The bit pattern that is combined with the type of a packet by XOR when it is retransmitted.
/// Receivers of the original protocol do not know the resulting type and ignore the packet, so they
/// receive each packet once.
const RETRANSMITTED: u32 = 0x4c53_0100;

impl PacketType {
    /// The type of a list of IPv6 peers, which later senders number 1, like a beacon.
    pub const LIVE_IPV6: Self = Self::ScrapeBeacon;
}

/// The first eight bytes of every packet.
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Header, PacketType};
///
/// let header = Header::new(TrackerId([1; 4]), PacketType::Live);
/// let datagram = header.emit();
/// let (parsed, payload) = Header::parse(&datagram)?;
/// assert_eq!((parsed, payload), (header, &[][..]));
///
/// assert_eq!(header.first(), None);
/// assert_eq!(header.retransmitted().first(), Some(header));
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The id of the sender.
    pub id: TrackerId,
    /// The packet type as received, which need not be one of [`PacketType`].
    pub packet_type: u32,
}

impl Header {
    /// The length of a header in bytes.
    pub const LEN: usize = 8;

    /// Makes the header of a packet that is sent for the first time.
    pub const fn new(id: TrackerId, packet_type: PacketType) -> Self {
        Self {
            id,
            packet_type: packet_type as u32,
        }
    }

    /// Splits a datagram into its header and its payload.
    ///
    /// # Errors
    ///
    /// [`Reject::TooShort`] if the datagram is shorter than a header.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), Reject> {
        let ([i0, i1, i2, i3, t0, t1, t2, t3], payload) =
            datagram.split_first_chunk().ok_or(Reject::TooShort)?;
        let header = Self {
            id: TrackerId([*i0, *i1, *i2, *i3]),
            packet_type: u32::from_be_bytes([*t0, *t1, *t2, *t3]),
        };
        Ok((header, payload))
    }

    /// Returns the header of the original transmission if this is the header of a retransmission.
    pub fn first(self) -> Option<Self> {
        let packet_type = self.packet_type ^ RETRANSMITTED;
        (packet_type <= PacketType::ScrapeTell as u32).then_some(Self {
            packet_type,
            ..self
        })
    }

    /// Returns the header for a retransmission of the same packet.
    pub const fn retransmitted(self) -> Self {
        Self {
            packet_type: self.packet_type ^ RETRANSMITTED,
            ..self
        }
    }

    /// Returns the header as it is sent.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let [i0, i1, i2, i3] = self.id.0;
        let [t0, t1, t2, t3] = self.packet_type.to_be_bytes();
        [i0, i1, i2, i3, t0, t1, t2, t3]
    }
}
