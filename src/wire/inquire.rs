//! SYNC_SCRAPE_INQUIRE: asks one tracker for its torrents.
//!
//! ```text
//! [ 0x0008 0x04 id of tracker instance to inquire
//! ]
//! ```

use super::header::{Header, PacketType};
use crate::reject::Reject;
use crate::types::TrackerId;

/// The payload of an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquire {
    /// Who is asked.
    pub asked: TrackerId,
}

impl Inquire {
    /// The length of an inquiry with its header.
    pub const LEN: usize = Header::LEN + 4;

    /// Reads the payload of an inquiry.
    pub fn parse(payload: &[u8]) -> Result<Self, Reject> {
        let asked = payload.try_into().map_err(|_| Reject::BadLength)?;
        Ok(Self {
            asked: TrackerId(asked),
        })
    }

    /// The whole packet as `id` sends it.
    pub fn emit(&self, id: TrackerId) -> [u8; Self::LEN] {
        let mut packet = [0; Self::LEN];
        let (header, payload) = packet.split_at_mut(Header::LEN);
        header.copy_from_slice(&Header::new(id, PacketType::ScrapeInquire).emit());
        payload.copy_from_slice(&self.asked.0);
        packet
    }
}
