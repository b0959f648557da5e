//! The trailer of a packet: its number within the epoch of its sender, and a tag that authenticates
//! it.
//!
//! Behind the last record of a list, every receiver ignores a remainder that is shorter than a
//! record. There, at the end of the packet, a sender with repair or a key puts 27 bytes:
//!
//! ```text
//! 0x00 0x0c tag: authenticates the packet, if flag 0x01 is set
//! 0x0c 0x04 epoch: when the sender began to count, big endian
//! 0x10 0x04 sent: milliseconds since then, big endian
//! 0x14 0x04 seq: number of this packet within the epoch, big endian
//! 0x18 0x01 flags
//! 0x19 0x02 'L' 'S'
//! ```

use super::header::Header;
use super::packet::Packet;

const MAGIC: [u8; 2] = *b"LS";

/// The trailer of a packet.
///
/// # Examples
///
/// ```
/// use livesync::TrackerId;
/// use livesync::unstable::wire::{Header, Inquire, Trailer};
///
/// let asked = TrackerId([2; 4]);
/// let trailer = Trailer { epoch: 7, sent: 250, seq: 9, ..Trailer::default() };
/// let mut packet = Inquire { asked }.emit(TrackerId([1; 4])).to_vec();
/// packet.extend(trailer.emit());
///
/// let (header, payload) = Header::parse(&packet)?;
/// assert_eq!(Trailer::split(header, payload), (&asked.0[..], Some(trailer)));
/// # Ok::<(), livesync::stats::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// The first bytes of an HMAC-SHA-256, or zeros without [`TAGGED`](Self::TAGGED).
    pub tag: [u8; Self::TAG_LEN],
    /// When the sender began to count: tenths of a second since 2024-01-01 00:00 UTC, modulo 2^32.
    pub epoch: u32,
    /// When the packet left, in milliseconds since the beginning of the epoch. With
    /// [`RESTATED`](Self::RESTATED), when its announces were made.
    pub sent: u32,
    /// The number of this packet within the epoch, counted from 1; 0 for a packet that has no
    /// number.
    pub seq: u32,
    /// The flags: [`TAGGED`](Self::TAGGED), [`RESTATED`](Self::RESTATED), [`UNKEPT`](Self::UNKEPT).
    pub flags: u8,
}

impl Trailer {
    /// The length of a trailer in bytes.
    pub const LEN: usize = Self::TAG_LEN + 15;

    /// The length of a tag in bytes.
    pub const TAG_LEN: usize = 12;

    /// Flag: the trailer has a tag.
    pub const TAGGED: u8 = 0x01;

    /// Flag: an earlier packet carried the same announces, and `sent` is when they were made, not
    /// when this packet left.
    pub const RESTATED: u8 = 0x02;

    /// Flag: the sender does not keep this packet, so a NAK for it is of no use.
    pub const UNKEPT: u8 = 0x04;

    /// Splits the payload behind `header` into the packet of the specification and the trailer
    /// behind it, if there is one.
    pub fn split(header: Header, payload: &[u8]) -> (&[u8], Option<Self>) {
        if let Some((rest, last)) = payload.split_last_chunk()
            && Packet::is_whole(header.packet_type, rest.len())
            && let Some(trailer) = Self::parse(last)
        {
            return (rest, Some(trailer));
        }
        (payload, None)
    }

    /// Returns whether a flag is set.
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Returns the trailer as it is sent.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (tag, rest) = bytes.split_at_mut(Self::TAG_LEN);
        tag.copy_from_slice(&self.tag);
        rest[..4].copy_from_slice(&self.epoch.to_be_bytes());
        rest[4..8].copy_from_slice(&self.sent.to_be_bytes());
        rest[8..12].copy_from_slice(&self.seq.to_be_bytes());
        rest[12] = self.flags;
        rest[13..].copy_from_slice(&MAGIC);
        bytes
    }

    fn parse(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (tag, rest) = bytes.split_first_chunk()?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (sent, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (flags, magic) = rest.split_first()?;
        (*magic == MAGIC).then_some(Self {
            tag: *tag,
            epoch: u32::from_be_bytes(*epoch),
            sent: u32::from_be_bytes(*sent),
            seq: u32::from_be_bytes(*seq),
            flags: *flags,
        })
    }
}
