//! The `SYNC_SCRAPE_BEACON` packet: how many torrents a tracker serves.
//!
//! ```text
//! [ 0x0008 0x08 amount of torrents served, big endian
//! ]
//! ```

use super::header::{Header, PacketType};
use crate::reject::Reject;
use crate::types::TrackerId;

/// The payload of a `SYNC_SCRAPE_BEACON` packet.
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Beacon, Header};
///
/// let packet = Beacon { torrents: 1000 }.emit(TrackerId([1; 4]));
/// let (header, payload) = Header::parse(&packet)?;
/// assert_eq!(header.id, TrackerId([1; 4]));
/// assert_eq!(Beacon::parse(payload)?, Beacon { torrents: 1000 });
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The number of torrents that the sender serves.
    pub torrents: u64,
}

impl Beacon {
    /// The length of a beacon with its header, in bytes.
    pub const LEN: usize = Header::LEN + 8;

    /// The largest number of torrents that is accepted. A tracker cannot have more, since they
    /// would take hundreds of gigabytes.
    pub const MAX_TORRENTS: u64 = 1 << 32;

    /// Parses the payload of a beacon.
    ///
    /// # Errors
    ///
    /// [`Reject::BadLength`] if the payload is not 8 bytes long, [`Reject::BadCount`] if it names
    /// more than [`MAX_TORRENTS`](Self::MAX_TORRENTS) torrents.
    pub fn parse(payload: &[u8]) -> Result<Self, Reject> {
        let torrents = payload.try_into().map_err(|_| Reject::BadLength)?;
        let torrents = u64::from_be_bytes(torrents);
        if torrents > Self::MAX_TORRENTS {
            return Err(Reject::BadCount);
        }
        Ok(Self { torrents })
    }

    /// Returns the whole packet, sent by `id`.
    pub fn emit(&self, id: TrackerId) -> [u8; Self::LEN] {
        let mut packet = [0; Self::LEN];
        let (header, payload) = packet.split_at_mut(Header::LEN);
        header.copy_from_slice(&Header::new(id, PacketType::ScrapeBeacon).emit());
        payload.copy_from_slice(&self.torrents.to_be_bytes());
        packet
    }
}
