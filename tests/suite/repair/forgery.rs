//! Packets that an attacker without the key can make: its own, and recorded ones.

use livesync::TrackerId;
use livesync::stats::Reject;
use livesync::unstable::wire::{Header, Heartbeat, Nak, PacketType, Trailer};

use super::witness::{Kind, Seen};

/// Recorded packets.
pub struct Recorded {
    /// Packets from before the restart of the trackers.
    pub before: Vec<Seen>,
    /// Packets from the running trackers.
    pub now: Vec<Seen>,
    /// Packets from a cluster with the same key and another name.
    pub other_cluster: Vec<Seen>,
    /// Packets from a cluster with the same name and another key.
    pub wrong_key: Vec<Seen>,
}

/// A kind of hostile packets.
pub struct Attack<'a> {
    pub name: &'static str,
    /// The possible reasons for which each is dropped.
    pub reasons: &'static [Reject],
    /// Makes the packets, by number.
    pub packet: Box<dyn Fn(usize) -> Vec<u8> + 'a>,
}

/// Marks peers that must be in no table.
pub const HOSTILE: [u8; 4] = [0xee; 4];

const UNTAGGED: &[Reject] = &[Reject::Untagged];
const BAD_TAG: &[Reject] = &[Reject::BadTag];
const REPLAYED: &[Reject] = &[
    Reject::Replayed,
    Reject::Duplicate,
    Reject::Skewed,
    Reject::OwnPacket,
];
const DAMAGED: &[Reject] = &[
    Reject::BadTag,
    Reject::Untagged,
    Reject::UnknownType,
    Reject::BadLength,
    Reject::BadNumbers,
    Reject::EmptyList,
    Reject::TruncatedTail,
    Reject::TooShort,
    Reject::BadCount,
];

/// Returns every attack that we can think of.
pub fn attacks(recorded: &Recorded) -> Vec<Attack<'_>> {
    let now = &recorded.now;
    // From a running tracker, so that its id and epoch are known.
    let known = now[0].frame();
    let (known, trailer) = (known.header.id, known.trailer.expect("a trailer"));
    let id = move |number: usize| match number % 2 {
        0 => known,
        _ => TrackerId((number as u32).to_ne_bytes()),
    };
    let forged = move |number: usize| Trailer {
        tag: std::array::from_fn(|at| (number >> (8 * (at % 4))) as u8 ^ at as u8),
        seq: number as u32 + 1,
        ..trailer
    };
    let not_numbered = move |number: usize| Trailer {
        seq: 0,
        ..forged(number)
    };
    let untagged = move |number: usize| Trailer {
        flags: 0,
        ..not_numbered(number)
    };
    let heartbeat = move |number: usize| {
        let epoch = trailer.epoch;
        let highest = number as u32;
        Heartbeat { epoch, highest }.emit(id(number))
    };
    let nak = move |number: usize| {
        let everything = [1..=u32::MAX];
        Nak::emit(id(number), known, trailer.epoch, &everything)
    };
    let numbered = || now.iter().filter(|seen| seen.kind() == Kind::First);
    let numbered: Vec<_> = numbered().filter(|seen| seen.seq() > 0).collect();
    let retransmitted = move |number: usize| {
        let seen = numbered[number % numbered.len()];
        let (header, rest) = Header::parse(&seen.bytes).expect("a header");
        [&header.retransmitted().emit(), rest].concat()
    };
    let to_flip = samples(now);
    let to_cut = to_flip.clone();
    vec![
        attack("replayed, from this run", REPLAYED, |number| {
            any(now, number)
        }),
        attack("replayed as retransmitted", REPLAYED, retransmitted),
        attack("replayed, from before a restart", REPLAYED, |number| {
            any(&recorded.before, number)
        }),
        attack("lists without a trailer", UNTAGGED, move |number| {
            list(id(number), number)
        }),
        attack("lists with a random tag", BAD_TAG, move |number| {
            signed(&list(id(number), number), &forged(number))
        }),
        attack("heartbeats without a tag", UNTAGGED, move |number| {
            signed(&heartbeat(number), &untagged(number))
        }),
        attack("heartbeats with a random tag", BAD_TAG, move |number| {
            signed(&heartbeat(number), &not_numbered(number))
        }),
        attack("NAKs without a tag", UNTAGGED, move |number| {
            signed(&nak(number), &untagged(number))
        }),
        attack("NAKs with a random tag", BAD_TAG, move |number| {
            signed(&nak(number), &not_numbered(number))
        }),
        attack("bits flipped", DAMAGED, move |number| {
            flipped(&to_flip, number)
        }),
        attack("cut short", DAMAGED, move |number| cut(&to_cut, number)),
        attack("from another cluster", BAD_TAG, |number| {
            any(&recorded.other_cluster, number)
        }),
        attack("with another key", BAD_TAG, |number| {
            any(&recorded.wrong_key, number)
        }),
    ]
}

fn attack<'a>(
    name: &'static str,
    reasons: &'static [Reject],
    packet: impl Fn(usize) -> Vec<u8> + 'a,
) -> Attack<'a> {
    Attack {
        name,
        reasons,
        packet: Box::new(packet),
    }
}

/// Returns a SYNC_LIVE packet with one to seven hostile peers.
fn list(id: TrackerId, number: usize) -> Vec<u8> {
    let mut packet = Header::new(id, PacketType::Live).emit().to_vec();
    for record in 0..=number % 7 {
        packet.extend(HOSTILE);
        packet.extend([record as u8; 16]);
        packet.extend((number as u32).to_be_bytes());
        packet.extend([0x1a, 0xe1, 0x80, 0]);
    }
    packet
}

fn signed(packet: &[u8], trailer: &Trailer) -> Vec<u8> {
    [packet, &trailer.emit()].concat()
}

fn any(recorded: &[Seen], number: usize) -> Vec<u8> {
    recorded[number % recorded.len()].bytes.clone()
}

/// Returns the longest packets of their kinds.
fn samples(recorded: &[Seen]) -> Vec<&[u8]> {
    let longest = |kind| {
        let of_kind = recorded.iter().filter(move |seen| seen.kind() == kind);
        let longest = of_kind.max_by_key(|seen| seen.bytes.len());
        longest.expect("one").bytes.as_slice()
    };
    [
        Kind::First,
        Kind::Retransmission,
        Kind::Heartbeat,
        Kind::Nak,
    ]
    .map(longest)
    .to_vec()
}

/// Flips each bit of each packet, one after the other.
fn flipped(samples: &[&[u8]], number: usize) -> Vec<u8> {
    let (packet, bit) = place(samples, |packet| 8 * packet.len(), number);
    let mut packet = packet.to_vec();
    packet[bit / 8] ^= 1 << (bit % 8);
    packet
}

/// Cuts each packet to each length, one after the other.
fn cut(samples: &[&[u8]], number: usize) -> Vec<u8> {
    let (packet, length) = place(samples, |packet| packet.len(), number);
    packet[..length].to_vec()
}

/// Returns the place of this number in packets that are laid end to end.
fn place<'a>(
    samples: &[&'a [u8]],
    length: impl Fn(&[u8]) -> usize,
    number: usize,
) -> (&'a [u8], usize) {
    let mut place = number % samples.iter().map(|packet| length(packet)).sum::<usize>();
    for packet in samples {
        if place < length(packet) {
            return (packet, place);
        }
        place -= length(packet);
    }
    unreachable!("it is in one of them")
}
