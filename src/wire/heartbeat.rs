//! HEARTBEAT: how many packets a sender has sent, so that the loss of the last one
//! shows.
//!
//! ```text
//! 0x0008 0x04 epoch, big endian
//! 0x000c 0x04 number of the last packet sent, big endian
//! ```

use super::header::{Header, PacketType};
use super::records::field;
use crate::reject::Reject;
use crate::types::TrackerId;

/// The payload of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The epoch, as in the trailer.
    pub epoch: u32,
    /// The number of the last packet sent, 0 before the first.
    pub highest: u32,
}

impl Heartbeat {
    /// The length of a heartbeat with its header, without its trailer.
    pub const LEN: usize = Header::LEN + 8;

    /// Reads the payload of a heartbeat.
    pub fn parse(payload: &[u8]) -> Result<Self, Reject> {
        let payload: &[u8; 8] = payload.try_into().map_err(|_| Reject::BadLength)?;
        Ok(Self {
            epoch: u32::from_be_bytes(field(payload, 0)),
            highest: u32::from_be_bytes(field(payload, 4)),
        })
    }

    /// The packet as `id` sends it, without its trailer.
    pub fn emit(&self, id: TrackerId) -> [u8; Self::LEN] {
        let mut packet = [0; Self::LEN];
        let (header, payload) = packet.split_at_mut(Header::LEN);
        header.copy_from_slice(&Header::new(id, PacketType::Heartbeat).emit());
        payload[..4].copy_from_slice(&self.epoch.to_be_bytes());
        payload[4..].copy_from_slice(&self.highest.to_be_bytes());
        packet
    }
}
