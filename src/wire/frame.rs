//! A whole datagram: header, packet and trailer.

use super::header::Header;
use super::packet::Packet;
use super::trailer::Trailer;
use crate::reject::Reject;

/// A parsed datagram.
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Frame, Heartbeat, Packet, Trailer};
///
/// let heartbeat = Heartbeat { epoch: 7, highest: 9 };
/// let trailer = Trailer { epoch: 7, ..Trailer::default() };
/// let mut datagram = heartbeat.emit(TrackerId([1; 4])).to_vec();
/// datagram.extend(trailer.emit());
///
/// let frame = Frame::parse(&datagram)?;
/// assert_eq!(frame.trailer, Some(trailer));
/// assert!(matches!(frame.packet, Packet::Heartbeat(parsed) if parsed == heartbeat));
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The header of the original transmission, also if this is a retransmission.
    pub header: Header,
    /// True if this is a retransmission.
    pub retransmitted: bool,
    /// The bytes between the header and the trailer.
    pub payload: &'a [u8],
    /// The packet that the payload holds.
    pub packet: Packet<'a>,
    /// The trailer, if the datagram has one.
    pub trailer: Option<Trailer>,
}

impl<'a> Frame<'a> {
    /// Parses a datagram.
    ///
    /// # Errors
    ///
    /// The errors of [`Header::parse`] and [`Packet::parse`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Reject> {
        let (header, payload) = Header::parse(datagram)?;
        let first = header.first();
        let header = first.unwrap_or(header);
        let (payload, trailer) = Trailer::split(header, payload);
        Ok(Self {
            header,
            retransmitted: first.is_some(),
            payload,
            packet: Packet::parse(header, payload)?,
            trailer,
        })
    }
}
