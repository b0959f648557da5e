//! A whole datagram: a packet of the specification or of ours, and what is around it.

use super::header::Header;
use super::packet::Packet;
use super::trailer::Trailer;
use crate::reject::Reject;

/// A datagram, read.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The header that it had when it was sent first.
    pub header: Header,
    /// Whether it was sent before.
    pub retransmitted: bool,
    /// What is behind the header, without the trailer.
    pub payload: &'a [u8],
    /// What that is.
    pub packet: Packet<'a>,
    /// The trailer, if there is one.
    pub trailer: Option<Trailer>,
}

impl<'a> Frame<'a> {
    /// Reads a datagram.
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
