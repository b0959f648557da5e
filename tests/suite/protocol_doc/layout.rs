//! Packets have the layouts, types and lengths of the page.

use super::*;

const LONGEST_NAK: usize = Header::LEN + 8 + 8 * Nak::MAX_RANGES;

#[test]
fn packets_are_laid_out_as_it_says() {
    let (port, flags) = (0x1ae1_u16, PeerFlags::SEEDING);
    let (ipv4, ipv6) = (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::from([7; 16]));
    let ipv4_record = announce(ipv4, port, flags).emit();
    let ipv6_record = announce(ipv6, port, flags).emit();
    for (column, record, address) in [
        (0, &ipv4_record[..], &ipv4.octets()[..]),
        (1, &ipv6_record, &ipv6.octets()),
    ] {
        let fields = [
            ("info_hash", &INFO_HASH.0[..]),
            ("address", address),
            ("port", &port.to_be_bytes()),
            ("flags", &[flags.0]),
            ("unused", &[0]),
        ];
        check_layout("### SYNC_LIVE", column, &behind_a_header(record), &fields);
    }

    let fields = [
        ("info_hash", &INFO_HASH.0[..]),
        ("base offset", &TORRENT.base_offset.to_be_bytes()),
        ("downloaded count", &TORRENT.downloaded.to_be_bytes()),
    ];
    let record = behind_a_header(&TORRENT.emit());
    check_layout("### SYNC_SCRAPE_TELL", 0, &record, &fields);

    let torrents = 0x0102_0304_0506_0708_u64;
    let beacon = Beacon { torrents }.emit(US);
    let fields = [("torrents", &torrents.to_be_bytes()[..])];
    check_layout("### SYNC_SCRAPE_BEACON", 0, &beacon, &fields);

    let inquire = Inquire { asked: OTHER }.emit(US);
    let fields = [("asked", &OTHER.0[..])];
    check_layout("### SYNC_SCRAPE_INQUIRE", 0, &inquire, &fields);

    let (epoch, highest) = (0x0102_0304_u32, 0x1112_1314_u32);
    let heartbeat = Heartbeat { epoch, highest }.emit(US);
    let [epoch_bytes, highest] = [epoch, highest].map(u32::to_be_bytes);
    let fields = [("epoch", &epoch_bytes[..]), ("highest number", &highest)];
    check_layout("### HEARTBEAT", 0, &heartbeat, &fields);

    let (first, last) = (0x2122_2324_u32, 0x3132_3334_u32);
    let nak = Nak::emit(US, OTHER, epoch, &[first..=last]);
    let [first, last] = [first, last].map(u32::to_be_bytes);
    let epoch = ("epoch", &epoch_bytes[..]);
    let fields = [
        ("asked", &OTHER.0[..]),
        epoch,
        ("first", &first),
        ("last", &last),
    ];
    check_layout("### NAK", 0, &nak, &fields);

    let trailer = Trailer {
        tag: *b"a tag so old",
        epoch: 0x0102_0304,
        sent: 0x1112_1314,
        seq: 0x2122_2324,
        flags: Trailer::UNKEPT,
    };
    let [sent, seq] = [trailer.sent, trailer.seq].map(u32::to_be_bytes);
    let fields = [
        ("tag", &trailer.tag[..]),
        epoch,
        ("sent", &sent),
        ("seq", &seq),
        ("flags", &[trailer.flags]),
        ("magic", b"LS"),
    ];
    check_layout("## Trailers", 0, &trailer.emit(), &fields);

    let header = Header::new(US, PacketType::ScrapeTell).emit();
    let id = ("id of tracker instance", &US.0[..]);
    let fields = [id, ("packet type", &[0, 0, 0, 3])];
    check_layout("### Header", 0, &header, &fields);
}

#[test]
fn packets_have_the_types_and_lengths_that_it_says() {
    let rows = section("### Header").table(1);
    let types = [0..6, 0x4c53_0000..0x4c53_0004, 0x4c53_00ff..0x4c53_0105];
    for packet_type in types.into_iter().flatten() {
        for length in Header::LEN..600 {
            let allows =
                |row: &&Vec<String>| type_of(&row[0]) == packet_type && is_length(&row[2], length);
            let stated = rows.iter().find(allows).map(|row| row[1].as_str());
            let stated = stated.filter(|name| *name != "NAK" || length <= LONGEST_NAK);
            // Ascending, as the numbers of a NAK must be; other fields may have any value.
            let numbers = (0..).flat_map(u32::to_be_bytes);
            let payload: Vec<u8> = numbers.take(length - Header::LEN).collect();
            let packet = [
                &Header {
                    id: OTHER,
                    packet_type,
                }
                .emit()[..],
                &payload,
            ]
            .concat();
            assert_eq!(
                named(&packet).as_deref(),
                stated,
                "type {packet_type:#x}, {length} bytes"
            );
        }
    }
}

/// Returns the page's name of this packet, if it is one and no bytes are left over.
fn named(packet: &[u8]) -> Option<String> {
    let frame = Frame::parse(packet).ok()?;
    let name = match frame.packet {
        Packet::Live(peers) if !peers.tail().is_empty() => return None,
        Packet::ScrapeTell(torrents) if !torrents.tail().is_empty() => return None,
        Packet::Live(PeerList::V4(_)) => "SYNC_LIVE, IPv4",
        Packet::Live(PeerList::V6(_)) => "SYNC_LIVE, IPv6",
        Packet::ScrapeTell(_) => "SYNC_SCRAPE_TELL",
        // These are never retransmitted: a receiver refuses them.
        Packet::ScrapeBeacon(_) | Packet::ScrapeInquire(_) if frame.retransmitted => return None,
        Packet::ScrapeBeacon(_) => "SYNC_SCRAPE_BEACON",
        Packet::ScrapeInquire(_) => "SYNC_SCRAPE_INQUIRE",
        Packet::Heartbeat(_) => "HEARTBEAT",
        Packet::Nak(_) => "NAK",
    };
    let suffix = if frame.retransmitted {
        ", sent again"
    } else {
        ""
    };
    Some(format!("{name}{suffix}"))
}

/// Checks that in the layout below this heading the fields follow each other up to the end of
/// the packet, and contain these bytes. If the page has several offsets or lengths, `column`
/// chooses one.
fn check_layout(heading: &str, column: usize, packet: &[u8], fields: &[(&str, &[u8])]) {
    let rows = section(heading).table(0);
    assert_eq!(rows.len(), fields.len(), "{heading}");
    let mut end = packet.len() - fields.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    for (row, (name, bytes)) in rows.iter().zip(fields) {
        let offset = end;
        end += bytes.len();
        assert_eq!(packet[offset..end], **bytes, "{name}");
        assert_eq!(row[column], format!("{offset:#06x}"), "{name}");
        let [.., lengths, field, _] = &row[..] else {
            panic!("{row:?}");
        };
        let lengths: Vec<_> = lengths.split(" or ").collect();
        let length = lengths.get(column).unwrap_or(&lengths[0]);
        assert_eq!((*length, &field[..]), (&bytes.len().to_string()[..], *name));
    }
}

/// Returns whether `stated`, as "16" or "8 + 28 n", allows this length.
fn is_length(stated: &str, length: usize) -> bool {
    let number = |text: &str| text.parse::<usize>().expect("a number");
    match stated.split_once(" + ") {
        None => length == number(stated),
        Some((header, records)) => {
            let record = number(records.strip_suffix(" n").expect("n records"));
            let payload = length.saturating_sub(number(header));
            payload > 0 && payload.is_multiple_of(record)
        }
    }
}
