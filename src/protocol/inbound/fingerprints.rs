//! Fingerprints of the packets heard under the last numbers of a stream. They tell a copy from
//! another packet under the same number.

use crate::wire::{Frame, Trailer};

/// Number of packets that are remembered.
const REMEMBERED: usize = 256;

/// The fingerprints of the packets with the last numbers.
#[derive(Debug, Default)]
pub(super) struct Fingerprints(Vec<(u32, u32)>);

/// The finding about a number: the same packet, another one, or none that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Same,
    Other,
    Unknown,
}

impl Fingerprints {
    /// Remembers a packet, unless one with a higher number is in its place.
    pub(super) fn keep(&mut self, frame: &Frame<'_>, trailer: &Trailer) {
        if self.0.is_empty() {
            self.0.resize(REMEMBERED, (0, 0));
        }
        let kept = &mut self.0[trailer.seq as usize % REMEMBERED];
        if kept.0 <= trailer.seq {
            *kept = (trailer.seq, fingerprint(frame, trailer));
        }
    }

    /// Returns what was heard under the number of this packet.
    pub(super) fn seen(&self, frame: &Frame<'_>, trailer: &Trailer) -> Seen {
        match self.0.get(trailer.seq as usize % REMEMBERED) {
            Some((seq, kept)) if *seq == trailer.seq => {
                if *kept == fingerprint(frame, trailer) {
                    Seen::Same
                } else {
                    Seen::Other
                }
            }
            _ => Seen::Unknown,
        }
    }
}

/// Mixes a few words of a packet. Nobody can know them before the packet is sent, and so prepare
/// another packet with the same ones; a copy has them, whether it is a retransmission or not.
fn fingerprint(frame: &Frame<'_>, trailer: &Trailer) -> u32 {
    let payload = frame.payload;
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let [t0, t1, t2, t3, ..] = trailer.tag;
    let words = [
        word(payload.first_chunk()),
        word(payload.last_chunk()),
        u64::from(trailer.sent) << 32 | payload.len() as u64,
        u64::from(u32::from_le_bytes([t0, t1, t2, t3])) << 8 | u64::from(trailer.flags),
        frame.header.packet_type.into(),
    ];
    let mixed = words.iter().fold(0_u64, |mixed, word| {
        (mixed ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    });
    (mixed ^ mixed >> 32) as u32
}
