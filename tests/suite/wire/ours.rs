//! The parts of the protocol that the specification does not have: heartbeats, NAKs, trailers,
//! and retransmissions.

use proptest::collection::btree_set;

use super::*;

fn trailers() -> impl Strategy<Value = Trailer> {
    let fields = any::<([u8; 12], u32, u32, u32, u8)>();
    fields.prop_map(|(tag, epoch, sent, seq, flags)| Trailer {
        tag,
        epoch,
        sent,
        seq,
        flags,
    })
}

/// Ranges as a NAK must have them: ascending, and without overlaps.
fn ranges() -> impl Strategy<Value = Vec<RangeInclusive<u32>>> {
    btree_set(1..=u32::MAX, 2..=2 * Nak::MAX_RANGES).prop_map(|ends| {
        let ends: Vec<u32> = ends.into_iter().collect();
        let (pairs, _) = ends.as_chunks();
        pairs.iter().map(|[first, last]| *first..=*last).collect()
    })
}

/// Packets of every kind that may have a trailer.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let id = any::<[u8; 4]>().prop_map(TrackerId);
    prop_oneof![
        (id.clone(), announces::<4, Ipv4Addr>()).prop_map(|(id, announces)| list(
            id,
            PacketType::Live,
            &announces
        )),
        (id.clone(), announces::<16, Ipv6Addr>()).prop_map(|(id, announces)| list(
            id,
            PacketType::LIVE_IPV6,
            &announces
        )),
        (id.clone(), tell_records()).prop_map(|(id, torrents)| list(
            id,
            PacketType::ScrapeTell,
            &torrents
        )),
        (id.clone(), 0..=Beacon::MAX_TORRENTS)
            .prop_map(|(id, torrents)| Beacon { torrents }.emit(id).to_vec()),
        (id.clone(), id.clone()).prop_map(|(id, asked)| Inquire { asked }.emit(id).to_vec()),
        (id.clone(), any::<(u32, u32)>())
            .prop_map(|(id, (epoch, highest))| { Heartbeat { epoch, highest }.emit(id).to_vec() }),
        (id.clone(), id, any::<u32>(), ranges())
            .prop_map(|(id, asked, epoch, ranges)| Nak::emit(id, asked, epoch, &ranges)),
    ]
}

proptest! {
    #[test]
    fn heartbeats_and_naks_round_trip_at_every_length(
        id: [u8; 4], epoch: u32, highest: u32, steps in vec((1..9u32, 0..9u32), 1..=64),
    ) {
        let heartbeat = Heartbeat { epoch, highest };
        let packet = heartbeat.emit(TrackerId(id));
        let (_, parsed) = parse(&packet).unwrap();
        prop_assert!(matches!(parsed, Packet::Heartbeat(parsed) if parsed == heartbeat));
        for len in 8..packet.len() {
            prop_assert_eq!(parse(&packet[..len]).unwrap_err(), Reject::BadLength);
        }

        let mut before = 0;
        let ranges: Vec<_> = steps.iter().map(|(gap, more)| {
            let first = before + gap;
            before = first + more;
            first..=before
        }).collect();
        let packet = Nak::emit(TrackerId(id), TrackerId([7; 4]), epoch, &ranges);
        for len in 8..=packet.len() {
            match parse(&packet[..len]) {
                Ok((_, Packet::Nak(nak))) => {
                    prop_assert_eq!((nak.asked, nak.epoch), (TrackerId([7; 4]), epoch));
                    prop_assert!(nak.ranges().eq(ranges[..(len - 16) / 8].iter().cloned()));
                    prop_assert!(len >= 24 && len % 8 == 0);
                }
                refused => {
                    prop_assert_eq!(refused.unwrap_err(), Reject::BadLength);
                    prop_assert!(len < 24 || len % 8 != 0);
                }
            }
        }
        let twice = [ranges[0].clone(), ranges[0].clone()];
        let packet = Nak::emit(TrackerId(id), TrackerId([7; 4]), epoch, &twice);
        prop_assert_eq!(parse(&packet).unwrap_err(), Reject::BadNumbers);
    }

    #[test]
    fn a_trailer_is_found_behind_every_packet_and_hides_no_record(
        ipv4 in announces::<4, Ipv4Addr>(), ipv6 in announces::<16, Ipv6Addr>(), torrents in tell_records(),
        (tag, epoch, sent, seq, flags) in any::<([u8; 12], u32, u32, u32, u8)>(),
    ) {
        let id = TrackerId([1; 4]);
        let trailer = Trailer { tag, epoch, sent, seq, flags };
        for (packet, record) in [
            (list(id, PacketType::Live, &ipv4), 28),
            (list(id, PacketType::LIVE_IPV6, &ipv6), 40),
            (list(id, PacketType::ScrapeTell, &torrents), 32),
            (Beacon { torrents: 7 }.emit(id).to_vec(), 0),
            (Inquire { asked: id }.emit(id).to_vec(), 0),
            (Heartbeat { epoch, highest: seq }.emit(id).to_vec(), 0),
            (Nak::emit(id, id, epoch, &[1..=1]), 0),
        ] {
            let whole = [&packet[..], &trailer.emit()].concat();
            let frame = Frame::parse(&whole).unwrap();
            prop_assert_eq!((frame.trailer, frame.payload), (Some(trailer), &packet[8..]));
            let longer = [&whole[..], &[0]].concat();
            for other in [&packet[..], &whole[..whole.len() - 1], &longer] {
                let frame = Frame::parse(other).ok();
                prop_assert_eq!(frame.and_then(|frame| frame.trailer), None);
            }
            // A tracker that does not know trailers takes it for the beginning of a record.
            let records = parse(&whole).map(|(_, packet)| match packet {
                Packet::Live(peers) => peers.len(),
                Packet::ScrapeTell(torrents) => torrents.len(),
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(records, (packet.len() - 8).checked_div(record).ok_or(Reject::BadLength));
        }
    }

    #[test]
    fn a_packet_sent_again_is_the_first_but_for_its_type(packet in packets(), trailer in trailers()) {
        let whole = [&packet[..], &trailer.emit()].concat();
        let first = Frame::parse(&whole).unwrap();
        let mut retransmitted = whole.clone();
        retransmitted[..Header::LEN].copy_from_slice(&first.header.retransmitted().emit());
        prop_assert_eq!(&retransmitted[..4], &whole[..4]);
        let known = first.header.packet_type <= PacketType::ScrapeTell as u32;
        let parsed = Frame::parse(&retransmitted);
        prop_assert_eq!(parsed.is_ok(), known);
        if let Ok(parsed) = parsed {
            prop_assert!(parsed.retransmitted);
            prop_assert_eq!(parsed.header, first.header);
            prop_assert_eq!((parsed.payload, parsed.trailer), (first.payload, first.trailer));
            // A tracker that does not know the type drops it.
            let (header, payload) = Header::parse(&retransmitted).unwrap();
            prop_assert_eq!(Packet::parse(header, payload).unwrap_err(), Reject::UnknownType);
        }
    }

    #[test]
    fn a_nak_whose_ranges_do_not_ascend_is_refused(numbers in vec(0..40u32, 2..40)) {
        let (pairs, _) = numbers.as_chunks();
        let ranges: Vec<_> = pairs.iter().map(|[first, last]| *first..=*last).collect();
        let numbers = ranges.iter().flat_map(|range| [*range.start(), *range.end()]);
        let numbers: Vec<_> = numbers.collect();
        let ascend = numbers.first() > Some(&0)
            && numbers.chunks(2).all(|range| range[0] <= range[1])
            && numbers[1..].chunks(2).all(|between| between.len() < 2 || between[0] < between[1]);
        let id = TrackerId([1; 4]);
        let packet = Nak::emit(id, id, 7, &ranges);
        prop_assert_eq!(parse(&packet).err(), (!ascend).then_some(Reject::BadNumbers));
    }
}
