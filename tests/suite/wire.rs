//! The wire formats: what we build we parse, at every length.

use std::net::Ipv4Addr;

use livesync::reject::Reject;
use livesync::types::{InfoHash, Peer, PeerFlags, Torrent, TrackerId};
use livesync::wire::{
    Beacon, Header, Inquire, Packet, PacketType, PeerList, PeerRecord, Record, TorrentList,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn parse(datagram: &[u8]) -> Result<(TrackerId, Packet<'_>), Reject> {
    let (header, payload) = Header::parse(datagram)?;
    Ok((header.id, Packet::parse(header, payload)?))
}

fn peer_records() -> impl Strategy<Value = Vec<PeerRecord>> {
    let record =
        any::<([u8; 20], [u8; 4], u16, u8)>().prop_map(|(hash, ip, port, flags)| PeerRecord {
            info_hash: InfoHash(hash),
            peer: Peer {
                ip: Ipv4Addr::from(ip),
                port,
                flags: PeerFlags(flags).without(PeerFlags::FROM_SYNC),
            },
        });
    vec(record, 1..60)
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
    fn peer_lists_round_trip_at_every_length(id: [u8; 4], records in peer_records()) {
        let packet = list(TrackerId(id), PacketType::Live, &records);
        for len in 0..=packet.len() {
            let expected = match len {
                0..8 => Err(Reject::TooShort),
                8 => Err(Reject::EmptyList),
                _ => Ok(((len - 8) / 28, (len - 8) % 28)),
            };
            let parsed = parse(&packet[..len]).map(|(from, packet)| {
                assert_eq!(from, TrackerId(id));
                let Packet::Live(peers) = packet else { panic!("{packet:?}") };
                let tail = peers.tail().len();
                let heard: Vec<_> = peers.collect();
                assert_eq!(heard, records[..heard.len()]);
                (heard.len(), tail)
            });
            prop_assert_eq!(parsed, expected);
        }
    }

    #[test]
    fn tell_lists_round_trip_at_every_length(id: [u8; 4], records in tell_records()) {
        let packet = list(TrackerId(id), PacketType::ScrapeTell, &records);
        for len in 0..=packet.len() {
            let expected = match len {
                0..8 => Err(Reject::TooShort),
                8 => Err(Reject::EmptyList),
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
    fn beacons_and_inquiries_have_one_length(id: [u8; 4], torrents: u64, asked: [u8; 4], more in 1..99usize) {
        let beacon = Beacon { torrents }.emit(TrackerId(id));
        let inquire = Inquire { asked: TrackerId(asked) }.emit(TrackerId(id));
        let (_, packet) = parse(&beacon).unwrap();
        prop_assert!(matches!(packet, Packet::ScrapeBeacon(b) if b.torrents == torrents));
        let (_, packet) = parse(&inquire).unwrap();
        prop_assert!(matches!(packet, Packet::ScrapeInquire(i) if i.asked == TrackerId(asked)));
        for packet in [&beacon[..], &inquire[..]] {
            for len in 0..packet.len() {
                let expected = if len < 8 { Reject::TooShort } else { Reject::BadLength };
                prop_assert_eq!(parse(&packet[..len]).unwrap_err(), expected);
            }
            let mut longer = packet.to_vec();
            longer.resize(packet.len() + more, 0);
            let expected = match longer.len() {
                len if packet == beacon && (len - 8) % 40 == 0 => Reject::Ipv6Unsupported,
                _ => Reject::BadLength,
            };
            prop_assert_eq!(parse(&longer).unwrap_err(), expected);
        }
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(datagram in vec(any::<u8>(), 0..3000), packet_type in 0..6u32) {
        let mut datagram = datagram;
        if let Some(field) = datagram.get_mut(4..8) {
            field.copy_from_slice(&packet_type.to_be_bytes());
        }
        if let Ok((_, Packet::Live(peers))) = parse(&datagram) {
            prop_assert_eq!(peers.len(), (datagram.len() - 8) / 28);
        }
    }
}

#[test]
fn from_sync_is_neither_sent_nor_heard() {
    let mut record = PeerRecord {
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
    assert_eq!(PeerRecord::parse(&bytes), record);
}

#[test]
fn an_ipv6_peer_list_is_not_a_beacon() {
    let header = Header::new(TrackerId([1; 4]), PacketType::ScrapeBeacon).emit();
    for peers in 1..40 {
        let mut packet = header.to_vec();
        packet.resize(8 + 40 * peers, 0);
        assert_eq!(parse(&packet).unwrap_err(), Reject::Ipv6Unsupported);
    }
}

#[test]
fn empty_lists_are_refused() {
    assert_eq!(PeerList::new(&[]).len(), 0);
    assert_eq!(TorrentList::new(&[]).len(), 0);
    for packet_type in [PacketType::Live, PacketType::ScrapeTell] {
        let packet = Header::new(TrackerId([1; 4]), packet_type).emit();
        assert_eq!(parse(&packet).unwrap_err(), Reject::EmptyList);
    }
}
