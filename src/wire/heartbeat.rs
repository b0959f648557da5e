//! The HEARTBEAT packet: how many packets a sender has sent, so that receivers notice the loss of
//! the last ones.
//!
//! ```text
//! 0x0008 0x04 epoch, big endian
//! 0x000c 0x04 number of the last packet sent, big endian
//! ```

use super::header::{Header, PacketType};
use super::records::field;
use crate::reject::Reject;
use crate::types::TrackerId;

/// The payload of a HEARTBEAT packet.
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Header, Heartbeat};
///
/// let heartbeat = Heartbeat { epoch: 7, highest: 9 };
/// let packet = heartbeat.emit(TrackerId([1; 4]));
/// assert_eq!(Heartbeat::parse(&packet[Header::LEN..])?, heartbeat);
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The epoch of the sender, as in [`Trailer::epoch`](super::Trailer::epoch).
    pub epoch: u32,
    /// The number of the last packet sent in this epoch, 0 before the first.
    pub highest: u32,
}

impl Heartbeat {
    /// The length of a heartbeat with its header but without its trailer, in bytes.
    pub const LEN: usize = Header::LEN + 8;

    /// Parses the payload of a heartbeat.
    ///
    /// # Errors
    ///
    /// [`Reject::BadLength`] if the payload is not 8 bytes long.
    pub fn parse(payload: &[u8]) -> Result<Self, Reject> {
        let payload: &[u8; 8] = payload.try_into().map_err(|_| Reject::BadLength)?;
        Ok(Self {
            epoch: u32::from_be_bytes(field(payload, 0)),
            highest: u32::from_be_bytes(field(payload, 4)),
        })
    }

    /// Returns the packet without its trailer, sent by `id`.
    pub fn emit(&self, id: TrackerId) -> [u8; Self::LEN] {
        let mut packet = [0; Self::LEN];
        let (header, payload) = packet.split_at_mut(Header::LEN);
        header.copy_from_slice(&Header::new(id, PacketType::Heartbeat).emit());
        payload[..4].copy_from_slice(&self.epoch.to_be_bytes());
        payload[4..].copy_from_slice(&self.highest.to_be_bytes());
        packet
    }
}
