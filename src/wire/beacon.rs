//! SYNC_SCRAPE_BEACON: how many torrents a tracker serves.
//!
//! ```text
//! [ 0x0008 0x08 amount of torrents served, big endian
//! ]
//! ```

use super::header::{Header, PacketType};
use crate::reject::Reject;
use crate::types::TrackerId;

/// The payload of a beacon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The amount of torrents served.
    pub torrents: u64,
}

impl Beacon {
    /// The length of a beacon with its header.
    pub const LEN: usize = Header::LEN + 8;

    /// More torrents than that no tracker can have: they would take hundreds of gigabytes.
    pub const MAX_TORRENTS: u64 = 1 << 32;

    /// Reads the payload of a beacon.
    pub fn parse(payload: &[u8]) -> Result<Self, Reject> {
        let torrents = payload.try_into().map_err(|_| Reject::BadLength)?;
        let torrents = u64::from_be_bytes(torrents);
        if torrents > Self::MAX_TORRENTS {
            return Err(Reject::BadCount);
        }
        Ok(Self { torrents })
    }

    /// The whole packet as `id` sends it.
    pub fn emit(&self, id: TrackerId) -> [u8; Self::LEN] {
        let mut packet = [0; Self::LEN];
        let (header, payload) = packet.split_at_mut(Header::LEN);
        header.copy_from_slice(&Header::new(id, PacketType::ScrapeBeacon).emit());
        payload.copy_from_slice(&self.torrents.to_be_bytes());
        packet
    }
}
