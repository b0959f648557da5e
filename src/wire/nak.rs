//! NAK: asks a sender for packets that did not arrive. It goes to the group, so that
//! others who miss the same need not ask.
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

/// The payload of a NAK.
#[derive(Clone, Copy, Debug)]
pub struct Nak<'a> {
    /// Who is asked.
    pub asked: TrackerId,
    /// The epoch to which the numbers belong.
    pub epoch: u32,
    ranges: &'a [[u8; RANGE]],
}

impl<'a> Nak<'a> {
    /// How many ranges one NAK has at most.
    pub const MAX_RANGES: usize = 64;

    /// Reads the payload of a NAK. The ranges must ascend, and none may overlap another.
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

    /// The numbers that are missing, in ascending order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> + use<'a> {
        let number = |bytes, offset| u32::from_be_bytes(field::<4>(bytes, offset));
        self.ranges
            .iter()
            .map(move |range| number(range, 0)..=number(range, 4))
    }

    /// The packet as `id` sends it, without its trailer: as many of the ranges as fit.
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

    /// Whether a payload can be so long.
    pub(super) fn is_whole(len: usize) -> bool {
        const LONGEST: usize = FIXED + RANGE * Nak::MAX_RANGES;
        (FIXED + RANGE..=LONGEST).contains(&len) && (len - FIXED).is_multiple_of(RANGE)
    }
}
