//! Well-formed packets that no node has sent, with any content.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use livesync::unstable::ByFamily;
use livesync::unstable::protocol::Node;
use livesync::unstable::wire::{
    Beacon, Header, Heartbeat, Inquire, Nak, PacketType, Record, Trailer,
};
use livesync::{InfoHash, Torrent, TrackerId};

use crate::arguments::Odd;
use crate::peers::AnnounceSeed;

/// Describes a forged packet.
#[derive(Arbitrary, Debug)]
pub struct Forged {
    from: Who,
    retransmitted: bool,
    kind: Kind,
    trailer: Option<Forgery>,
}

/// A tracker id.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Who {
    /// The id of the receiver.
    Receiver,
    /// The id of the other node.
    Other,
    /// The id of a third node.
    Stranger(u16),
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Live(AnnounceSeed, u8),
    LiveIpv6(AnnounceSeed, u8),
    Beacon(u64),
    Inquire(Who),
    ScrapeTell {
        first: u8,
        torrents: u8,
        downloaded: u8,
    },
    Heartbeat {
        epoch: Odd<i8>,
        highest: u32,
    },
    Nak {
        target: Who,
        epoch: Odd<i8>,
        missing: Vec<(u16, u8)>,
    },
}

/// A trailer. Its epoch is relative to that of the receiver, and mostly the same.
#[derive(Arbitrary, Debug)]
struct Forgery {
    epoch: Odd<i16>,
    sent: Odd<u32>,
    seq: Option<Odd<u32>>,
    flags: u8,
}

impl Forged {
    /// Returns the datagram, as `receiver` would get it.
    pub fn datagram(&self, receiver: &Node, other: &Node) -> Vec<u8> {
        let id = |who| match who {
            Who::Receiver => receiver.id(),
            Who::Other => other.id(),
            Who::Stranger(number) => TrackerId(u32::from(number).to_be_bytes()),
        };
        let base = receiver.epoch().or(other.epoch()).unwrap_or_default();
        let epoch = |by: &Odd<i8>| base.wrapping_add_signed(by.or(0).into());
        let from = id(self.from);
        let mut datagram = match &self.kind {
            Kind::Live(seed, records) => live(from, *seed, *records, PacketType::Live),
            Kind::LiveIpv6(seed, records) => live(from, *seed, *records, PacketType::LIVE_IPV6),
            Kind::Beacon(torrents) => {
                let torrents = *torrents;
                Beacon { torrents }.emit(from).into()
            }
            Kind::Inquire(target) => Inquire { asked: id(*target) }.emit(from).into(),
            Kind::ScrapeTell {
                first,
                torrents,
                downloaded,
            } => scrape_tell(from, *first, *torrents, *downloaded),
            Kind::Heartbeat { epoch: by, highest } => {
                let (epoch, highest) = (epoch(by), *highest);
                Heartbeat { epoch, highest }.emit(from).into()
            }
            Kind::Nak {
                target,
                epoch: by,
                missing,
            } => {
                let range = |(first, more): &(u16, u8)| {
                    let first = u32::from(*first).max(1);
                    first..=first + u32::from(*more)
                };
                let ranges: Vec<_> = missing.iter().map(range).collect();
                Nak::emit(from, id(*target), epoch(by), &ranges)
            }
        };
        if self.retransmitted
            && let Ok((header, _)) = Header::parse(&datagram)
        {
            datagram[..Header::LEN].copy_from_slice(&header.retransmitted().emit());
        }
        if let Some(forgery) = &self.trailer {
            let trailer = Trailer {
                tag: [0; Trailer::TAG_LEN],
                epoch: base.wrapping_add_signed(forgery.epoch.or(0).into()),
                sent: forgery.sent.or(1000),
                seq: forgery.seq.as_ref().map_or(0, |seq| seq.or(1)),
                flags: forgery.flags,
            };
            datagram.extend(trailer.emit());
        }
        datagram
    }
}

fn live(from: TrackerId, seed: AnnounceSeed, records: u8, packet_type: PacketType) -> Vec<u8> {
    let mut datagram = Header::new(from, packet_type).emit().to_vec();
    for shift in 0..records {
        match seed.announce(shift.into()).into() {
            ByFamily::V4(announce) if packet_type == PacketType::Live => {
                datagram.extend(announce.emit());
            }
            ByFamily::V6(announce) if packet_type == PacketType::LIVE_IPV6 => {
                datagram.extend(announce.emit());
            }
            _ => {}
        }
    }
    datagram
}

fn scrape_tell(from: TrackerId, first: u8, torrents: u8, downloaded: u8) -> Vec<u8> {
    let mut datagram = Header::new(from, PacketType::ScrapeTell).emit().to_vec();
    for number in 0..torrents {
        let torrent = Torrent {
            info_hash: InfoHash([first.wrapping_add(number); 20]),
            base_offset: number.into(),
            downloaded: u64::from(downloaded) + u64::from(number),
        };
        datagram.extend(torrent.emit());
    }
    datagram
}
