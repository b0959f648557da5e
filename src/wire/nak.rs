//! The NAK packet: requests missing packets from their sender. It goes to the group, so that other
//! receivers that miss the same packets need not send a NAK of their own.
//!
//! ```text
//! 0x0008 0x04 id of tracker instance that is asked
//! 0x000c 0x04 epoch, big endian
//! [ 0x0010 0x04 first number that is missing, big endian
//!   0x0014 0x04 last number that is missing, big endian
//! ]*
//! ```

use std::ops::RangeInclusive;

use super::header::{Header, PacketType};
use super::records::field;
use crate::reject::Reject;
use crate::types::TrackerId;

const FIXED: usize = 8;
const RANGE: usize = 8;

/// The payload of a NAK packet.
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Header, Nak};
///
/// let (receiver, sender) = (TrackerId([1; 4]), TrackerId([2; 4]));
/// let packet = Nak::emit(receiver, sender, 7, &[3..=3, 8..=9]);
/// let nak = Nak::parse(&packet[Header::LEN..])?;
/// assert_eq!((nak.asked, nak.epoch), (sender, 7));
/// assert!(nak.ranges().eq([3..=3, 8..=9]));
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Nak<'a> {
    /// The id of the sender whose packets are missing.
    pub asked: TrackerId,
    /// The epoch of the missing packets.
    pub epoch: u32,
    ranges: &'a [[u8; RANGE]],
}

impl<'a> Nak<'a> {
    /// The largest number of ranges in one NAK.
    pub const MAX_RANGES: usize = 64;

    /// Parses the payload of a NAK.
    ///
    /// # Errors
    ///
    /// [`Reject::BadLength`] if the payload has no range, an incomplete one, or more than
    /// [`MAX_RANGES`](Self::MAX_RANGES); [`Reject::BadNumbers`] if a range is empty or contains
    /// number 0, or if the ranges overlap or do not ascend.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Reject> {
        let whole = Self::is_whole(payload.len());
        let (fixed, ranges) = payload.split_at_checked(FIXED).ok_or(Reject::BadLength)?;
        if !whole {
            return Err(Reject::BadLength);
        }
        let nak = Self {
            asked: TrackerId(field(fixed, 0)),
            epoch: u32::from_be_bytes(field(fixed, 4)),
            ranges: ranges.as_chunks().0,
        };
        let mut before = 0;
        for range in nak.ranges() {
            if range.is_empty() || *range.start() <= before {
                return Err(Reject::BadNumbers);
            }
            before = *range.end();
        }
        Ok(nak)
    }

    /// Returns the numbers of the missing packets, in ascending order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> + use<'a> {
        let number = |bytes, offset| u32::from_be_bytes(field::<4>(bytes, offset));
        self.ranges
            .iter()
            .map(move |range| number(range, 0)..=number(range, 4))
    }

    /// Returns the packet without its trailer, sent by `id`. It holds the first
    /// [`MAX_RANGES`](Self::MAX_RANGES) of `ranges`.
    pub fn emit(
        id: TrackerId,
        asked: TrackerId,
        epoch: u32,
        ranges: &[RangeInclusive<u32>],
    ) -> Vec<u8> {
        let mut packet = Vec::with_capacity(Header::LEN + FIXED + RANGE * ranges.len());
        packet.extend(Header::new(id, PacketType::Nak).emit());
        packet.extend(asked.0);
        packet.extend(epoch.to_be_bytes());
        for range in ranges.iter().take(Self::MAX_RANGES) {
            packet.extend(range.start().to_be_bytes());
            packet.extend(range.end().to_be_bytes());
        }
        packet
    }

    /// Returns whether the payload of a NAK can have this length.
    pub(super) fn is_whole(len: usize) -> bool {
        const LONGEST: usize = FIXED + RANGE * Nak::MAX_RANGES;
        (FIXED + RANGE..=LONGEST).contains(&len) && (len - FIXED).is_multiple_of(RANGE)
    }
}
