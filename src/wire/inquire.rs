//! The `SYNC_SCRAPE_INQUIRE` packet: asks one tracker for its torrents.
//!
//! ```text
//! [ 0x0008 0x04 id of tracker instance to inquire
//! ]
//! ```

use super::header::{Header, PacketType};
use crate::reject::Reject;
use crate::types::TrackerId;

/// The payload of a `SYNC_SCRAPE_INQUIRE` packet.
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Header, Inquire};
///
/// let inquire = Inquire { asked: TrackerId([2; 4]) };
/// let packet = inquire.emit(TrackerId([1; 4]));
/// assert_eq!(Inquire::parse(&packet[Header::LEN..])?, inquire);
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquire {
    /// The id of the tracker that is asked for its torrents.
    pub asked: TrackerId,
}

impl Inquire {
    /// The length of an inquiry with its header, in bytes.
    pub const LEN: usize = Header::LEN + 4;

    /// Parses the payload of an inquiry.
    ///
    /// # Errors
    ///
    /// [`Reject::BadLength`] if the payload is not 4 bytes long.
    pub fn parse(payload: &[u8]) -> Result<Self, Reject> {
        let asked = payload.try_into().map_err(|_| Reject::BadLength)?;
        Ok(Self {
            asked: TrackerId(asked),
        })
    }

    /// Returns the whole packet, sent by `id`.
    pub fn emit(&self, id: TrackerId) -> [u8; Self::LEN] {
        let mut packet = [0; Self::LEN];
        let (header, payload) = packet.split_at_mut(Header::LEN);
        header.copy_from_slice(&Header::new(id, PacketType::ScrapeInquire).emit());
        payload.copy_from_slice(&self.asked.0);
        packet
    }
}
