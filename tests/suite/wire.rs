//! The wire formats: the parser reads every built packet, at every length.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use livesync::stats::Reject;
use livesync::unstable::wire::{
    Beacon, Frame, Header, Heartbeat, Inquire, Nak, Packet, PacketType, PeerList, Record, Records,
    TorrentList, Trailer,
};
use livesync::{Announce, InfoHash, Peer, PeerFlags, Torrent, TrackerId};
use proptest::collection::vec;
use proptest::prelude::*;

mod ours;

fn parse(datagram: &[u8]) -> Result<(TrackerId, Packet<'_>), Reject> {
    let (header, payload) = Header::parse(datagram)?;
    Ok((header.id, Packet::parse(header, payload)?))
}

fn announces<const IP: usize, Ip>() -> impl Strategy<Value = Vec<Announce<Ip>>>
where
    Ip: From<[u8; IP]> + std::fmt::Debug,
    [u8; IP]: Arbitrary,
{
    let announce = any::<([u8; 20], [u8; IP], u16, u8)>();
    let announce = announce.prop_map(|(hash, ip, port, flags)| Announce {
        info_hash: InfoHash(hash),
        peer: Peer {
            ip: Ip::from(ip),
            port,
            flags: PeerFlags(flags).without(PeerFlags::FROM_SYNC),
        },
    });
    vec(announce, 1..60)
}

/// Checks a receiver's result for the first `len` bytes of a packet of `announces`, whose
/// records are `record` bytes long.
fn check_peers<Ip>(packet: &[u8], announces: &[Announce<Ip>], record: usize)
where
    Ip: Copy,
    Announce<Ip>: Into<Announce>,
{
    let (_, parsed) = parse(packet).unwrap();
    let Packet::Live(peers) = parsed else {
        panic!("{parsed:?}")
    };
    assert_eq!(peers.len(), (packet.len() - 8) / record);
    assert_eq!(peers.tail().len(), (packet.len() - 8) % record);
    let announced = announces.iter().copied().map(Into::into);
    assert!(peers.clone().eq(announced.take(peers.len())));
}

fn tell_records() -> impl Strategy<Value = Vec<Torrent>> {
    let record =
        any::<([u8; 20], u32, u64)>().prop_map(|(hash, base_offset, downloaded)| Torrent {
            info_hash: InfoHash(hash),
            base_offset,
            downloaded,
        });
    vec(record, 1..60)
}

fn list<R: Record>(id: TrackerId, packet_type: PacketType, records: &[R]) -> Vec<u8> {
    let mut packet = Header::new(id, packet_type).emit().to_vec();
    for record in records {
        packet.extend_from_slice(record.emit().as_ref());
    }
    packet
}

proptest! {
    #[test]
    fn ipv4_peer_lists_round_trip_at_every_length(id: [u8; 4], announces in announces::<4, Ipv4Addr>()) {
        let packet = list(TrackerId(id), PacketType::Live, &announces);
        for len in 0..=packet.len() {
            match len {
                0..8 => prop_assert_eq!(parse(&packet[..len]).unwrap_err(), Reject::TooShort),
                8 => prop_assert_eq!(parse(&packet[..len]).unwrap_err(), Reject::EmptyList),
                9..36 => prop_assert_eq!(parse(&packet[..len]).unwrap_err(), Reject::TruncatedTail),
                _ => check_peers(&packet[..len], &announces, 28),
            }
        }
    }

    #[test]
    fn ipv6_peer_lists_round_trip_at_every_length(id: [u8; 4], announces in announces::<16, Ipv6Addr>()) {
        let packet = list(TrackerId(id), PacketType::LIVE_IPV6, &announces);
        for len in 0..=packet.len() {
            match len {
                0..8 => prop_assert_eq!(parse(&packet[..len]).unwrap_err(), Reject::TooShort),
                16 => prop_assert!(matches!(
                    parse(&packet[..len]),
                    Ok((_, Packet::ScrapeBeacon(_))) | Err(Reject::BadCount)
                )),
                8..48 => prop_assert_eq!(parse(&packet[..len]).unwrap_err(), Reject::BadLength),
                _ => check_peers(&packet[..len], &announces, 40),
            }
        }
    }

    #[test]
    fn tell_lists_round_trip_at_every_length(id: [u8; 4], records in tell_records()) {
        let packet = list(TrackerId(id), PacketType::ScrapeTell, &records);
        for len in 0..=packet.len() {
            let expected = match len {
                0..8 => Err(Reject::TooShort),
                8 => Err(Reject::EmptyList),
                9..40 => Err(Reject::TruncatedTail),
                _ => Ok(((len - 8) / 32, (len - 8) % 32)),
            };
            let parsed = parse(&packet[..len]).map(|(_, packet)| {
                let Packet::ScrapeTell(torrents) = packet else { panic!("{packet:?}") };
                let tail = torrents.tail().len();
                let heard: Vec<_> = torrents.collect();
                assert_eq!(heard, records[..heard.len()]);
                (heard.len(), tail)
            });
            prop_assert_eq!(parsed, expected);
        }
    }

    #[test]
    fn beacons_and_inquiries_have_one_length(id: [u8; 4], torrents in 0..=Beacon::MAX_TORRENTS, target: [u8; 4], more in 1..99usize) {
        let beacon = Beacon { torrents }.emit(TrackerId(id));
        let inquire = Inquire { asked: TrackerId(target) }.emit(TrackerId(id));
        let (_, packet) = parse(&beacon).unwrap();
        prop_assert!(matches!(packet, Packet::ScrapeBeacon(b) if b.torrents == torrents));
        let (_, packet) = parse(&inquire).unwrap();
        prop_assert!(matches!(packet, Packet::ScrapeInquire(i) if i.asked == TrackerId(target)));
        for packet in [&beacon[..], &inquire[..]] {
            for len in 0..packet.len() {
                let expected = if len < 8 { Reject::TooShort } else { Reject::BadLength };
                prop_assert_eq!(parse(&packet[..len]).unwrap_err(), expected);
            }
            let mut longer = packet.to_vec();
            longer.resize(packet.len() + more, 0);
            match parse(&longer) {
                Ok((_, Packet::Live(_))) => prop_assert!(packet == beacon && longer.len() >= 48),
                parsed => prop_assert_eq!(parsed.unwrap_err(), Reject::BadLength),
            }
        }
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(
        datagram in vec(any::<u8>(), 0..3000),
        packet_type in prop_oneof![0..6u32, 0x4c53_0000..0x4c53_0004u32, 0x4c53_0100..0x4c53_0104u32],
        magic: bool,
    ) {
        let mut datagram = datagram;
        if let Some(field) = datagram.get_mut(4..8) {
            field.copy_from_slice(&packet_type.to_be_bytes());
        }
        if magic && let Some(end) = datagram.last_chunk_mut() {
            *end = *b"LS";
        }
        if let Ok(frame) = Frame::parse(&datagram) {
            let trailer = if frame.trailer.is_some() { Trailer::LEN } else { 0 };
            prop_assert_eq!(Header::LEN + frame.payload.len() + trailer, datagram.len());
        }
        if let Ok((_, Packet::Live(peers))) = parse(&datagram) {
            let record = if packet_type == 0 { 28 } else { 40 };
            prop_assert_eq!(peers.len(), (datagram.len() - 8) / record);
        }
    }
}

#[test]
fn from_sync_is_neither_sent_nor_heard() {
    let mut record = Announce {
        info_hash: InfoHash([1; 20]),
        peer: Peer {
            ip: Ipv4Addr::new(192, 0, 2, 1),
            port: 0x1ae1,
            flags: PeerFlags(0xff),
        },
    };
    let mut bytes = record.emit();
    assert_eq!(bytes[20..], [192, 0, 2, 1, 0x1a, 0xe1, 0xef, 0]);
    bytes[26..].copy_from_slice(&[0xff, 0xff]);
    record.peer.flags = PeerFlags(0xef);
    assert_eq!(Announce::<Ipv4Addr>::parse(&bytes), record);
}

#[test]
fn an_ipv6_record_is_laid_out_as_later_speakers_have_it() {
    let announce = Announce {
        info_hash: InfoHash([1; 20]),
        peer: Peer {
            ip: "2001:db8::1".parse::<Ipv6Addr>().unwrap(),
            port: 0x1ae1,
            flags: PeerFlags(0x90),
        },
    };
    let bytes = announce.emit();
    let mut expected = vec![1; 20];
    expected.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expected.extend([0x1a, 0xe1, 0x80, 0]);
    assert_eq!(bytes[..], expected);
}

#[test]
fn empty_lists_are_refused() {
    assert_eq!(PeerList::V4(Records::new(&[])).len(), 0);
    assert_eq!(TorrentList::new(&[]).len(), 0);
    for packet_type in [PacketType::Live, PacketType::ScrapeTell] {
        let packet = Header::new(TrackerId([1; 4]), packet_type).emit();
        assert_eq!(parse(&packet).unwrap_err(), Reject::EmptyList);
    }
}
