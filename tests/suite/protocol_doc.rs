//! docs/protocol.md says of the protocol what the code does.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::time::Duration;

use livesync::config::Config;
use livesync::protocol::{Node, Received, Source};
use livesync::reject::Reject;
use livesync::time::Time;
use livesync::types::{Announce, InfoHash, Peer, PeerFlags, Torrent, TrackerId};
use livesync::wire::{
    Beacon, Header, Inquire, MAX_PAYLOAD, MAX_RECEIVED, Packet, PacketType, PeerList, Record,
};

mod page;
mod scrape;

use self::page::{page, section};
use crate::support::cc;
use crate::support::vectors::{bytes, vector};

const US: TrackerId = TrackerId([0xa1, 0xa2, 0xa3, 0xa4]);
const OTHER: TrackerId = TrackerId([0xb1, 0xb2, 0xb3, 0xb4]);

/// The lengths of records.
const IPV4: usize = size_of::<<Announce<Ipv4Addr> as Record>::Bytes>();
const IPV6: usize = size_of::<<Announce<Ipv6Addr> as Record>::Bytes>();
const TELL: usize = size_of::<<Torrent as Record>::Bytes>();

const INFO_HASH: InfoHash = InfoHash(*b"twenty distinct byte");
const TORRENT: Torrent = Torrent {
    info_hash: INFO_HASH,
    base_offset: 0x0102_0304,
    downloaded: 0x1112_1314_1516_1718,
};

#[test]
fn its_fixed_numbers_are_the_codes() {
    let full = |ip: IpAddr| announces_in_a_packet(ip).to_string();
    let waits = scrape::waits_before_inquiries();
    let torrents = scrape::torrents_in_a_packet().to_string();
    let inquiries = waits.len().to_string();
    let expected = [
        ("header", counted(Header::LEN, "byte")),
        ("largest packet sent", counted(MAX_PAYLOAD, "byte")),
        ("largest packet accepted", counted(MAX_RECEIVED, "byte")),
        ("IPv4 announces in a packet sent", full([1; 4].into())),
        ("IPv6 announces in a packet sent", full([1; 16].into())),
        ("torrents in a packet sent", torrents),
        ("packets that wait to be sent", waiting().to_string()),
        ("wait before the first inquiry", waits[0].clone()),
        ("wait between inquiries", waits[1].clone()),
        ("inquiries of one silent tracker", inquiries),
        ("tick", duration(scrape::tick())),
        ("silence after a tell", scrape::silence()),
    ];
    let expected = expected.map(|(what, value)| vec![what.to_owned(), value]);
    assert_eq!(section("## Numbers").table(0), expected);
}

#[test]
fn its_settings_have_the_default_values() {
    let config = Config::default();
    let switch = |on| if on { "on" } else { "off" }.to_owned();
    let remembered = config.remembered_torrents.to_string();
    let expected = [
        ("group", config.group.to_string()),
        ("port", config.port.to_string()),
        ("ttl", config.ttl.to_string()),
        ("loopback", switch(config.loopback)),
        ("speak", switch(config.speak)),
        ("listen", switch(config.listen)),
        ("ipv6", switch(config.ipv6)),
        ("flush_after", duration(config.flush_after)),
        ("scrape", switch(config.scrape)),
        ("first_beacon_delay", duration(config.first_beacon_delay)),
        ("beacon_interval", duration(config.beacon_interval)),
        ("inquire_threshold", config.inquire_threshold.to_string()),
        ("tell_packets", config.tell_packets.to_string()),
        ("remembered_torrents", remembered),
    ];
    let expected = expected.map(|(name, value)| vec![name.to_owned(), value]);
    assert_eq!(section("## Numbers").table(1), expected);
}

#[test]
fn numbers_in_its_sentences_are_the_codes() {
    let beacon = counted(Beacon::LEN, "byte");
    let inquire = counted(Inquire::LEN, "byte");
    let ipv6 = Header::LEN + IPV6;
    let bad_length =
        format!("type 1: neither {beacon} nor {ipv6} or more; type 2: not {inquire} |");
    let tails = format!("{}, {} or {} by", IPV4 - 1, TELL - 1, IPV6 - 1);
    let last_type = format!("{} |", PacketType::ScrapeTell as u32);
    let waits = scrape::waits_before_inquiries();
    let ticks = 1000 / scrape::tick().as_millis() as usize;
    let packets = Config::default().tell_packets as usize * ticks;
    let torrents = packets * scrape::torrents_in_a_packet();
    let [packets, torrents] = [packets, torrents].map(thousands);
    let pace = format!("{packets} packets, or {torrents} torrents, per second");
    let page = page();
    let words: Vec<_> = page.0.split_whitespace().collect();
    let words = words.join(" ");
    // Wherever the page says the first, it goes on with the second.
    for (begin, end) in [
        ("A packet sent is", counted(MAX_PAYLOAD, "byte")),
        ("two packets of type 1 apart:", beacon),
        ("bytes are a beacon,", format!("{ipv6} or more")),
        ("the type is not 0 to", last_type),
        ("bad_length` |", bad_length),
        ("of a list, up to", tails),
        ("decide after", waits[0].clone()),
        ("decide again after", waits[1].clone()),
        ("or asked", counted(waits.len(), "time")),
        ("next tick after", duration(scrape::tick())),
        ("By default these are", pace),
    ] {
        assert!(words.contains(begin), "{begin}");
        for said in words.split(begin).skip(1) {
            assert!(said.trim_start().starts_with(&end), "{begin} {said:.60}");
        }
    }
}

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
    let tell = behind_a_header(&TORRENT.emit());
    check_layout("### SYNC_SCRAPE_TELL", 0, &tell, &fields);

    let torrents = 0x0102_0304_0506_0708_u64;
    let beacon = Beacon { torrents }.emit(US);
    let fields = [("torrents", &torrents.to_be_bytes()[..])];
    check_layout("### SYNC_SCRAPE_BEACON", 0, &beacon, &fields);

    let inquire = Inquire { asked: OTHER }.emit(US);
    let fields = [("asked", &OTHER.0[..])];
    check_layout("### SYNC_SCRAPE_INQUIRE", 0, &inquire, &fields);

    let header = Header::new(US, PacketType::ScrapeTell).emit();
    let id = ("id of tracker instance", &US.0[..]);
    let fields = [id, ("packet type", &[0, 0, 0, 3])];
    check_layout("### Header", 0, &header, &fields);
}

#[test]
fn packets_have_the_types_and_lengths_that_it_says() {
    let rows = section("### Header").table(1);
    for packet_type in 0..6 {
        for length in Header::LEN..250 {
            let allows = |row: &&Vec<String>| {
                row[0] == packet_type.to_string() && is_length(&row[2], length)
            };
            let stated = rows.iter().find(allows).map(|row| row[1].as_str());
            let id = OTHER;
            let payload = vec![0; length - Header::LEN];
            let parsed = match Packet::parse(Header { id, packet_type }, &payload) {
                Ok(Packet::Live(peers)) if !peers.tail().is_empty() => None,
                Ok(Packet::ScrapeTell(torrents)) if !torrents.tail().is_empty() => None,
                Ok(Packet::Live(PeerList::V4(_))) => Some("SYNC_LIVE, IPv4"),
                Ok(Packet::Live(PeerList::V6(_))) => Some("SYNC_LIVE, IPv6"),
                Ok(Packet::ScrapeBeacon(_)) => Some("SYNC_SCRAPE_BEACON"),
                Ok(Packet::ScrapeInquire(_)) => Some("SYNC_SCRAPE_INQUIRE"),
                Ok(Packet::ScrapeTell(_)) => Some("SYNC_SCRAPE_TELL"),
                Err(_) => None,
            };
            assert_eq!(parsed, stated, "type {packet_type}, {length} bytes");
        }
    }
}

#[test]
fn its_flags_are_the_codes() {
    let flags = [
        (PeerFlags::SEEDING, "SEEDING"),
        (PeerFlags::COMPLETED, "COMPLETED"),
        (PeerFlags::STOPPED, "STOPPED"),
        (PeerFlags::FROM_SYNC, "FROM_SYNC"),
    ];
    let stated = section("## Peers").table(0);
    assert_eq!(stated.len(), flags.len());
    for (row, (flag, name)) in stated.iter().zip(flags) {
        assert_eq!(row[..2], [format!("{:#04x}", flag.0), name.to_owned()]);
    }
}

/// Each datagram has the fault it is for, and of the later ones as many as go together.
#[test]
fn datagrams_are_dropped_for_the_reasons_that_it_lists_in_this_order() {
    let ours = source(1, false);
    let stranger = source(2, false);
    let blessed = source(2, true);
    let cases = [
        (Reject::OwnPacket, ours, vec![0; 3]),
        (Reject::NotBlessed, stranger, vec![0; 3]),
        (Reject::TooShort, blessed, US.0.to_vec()),
        (Reject::UnknownType, blessed, zeros(US, 4, 0)),
        (Reject::EmptyList, blessed, zeros(US, 3, 0)),
        (Reject::TruncatedTail, blessed, zeros(US, 3, TELL - 1)),
        (Reject::BadLength, blessed, zeros(US, 2, 5)),
        (Reject::Ipv6Unsupported, blessed, zeros(OTHER, 1, IPV6 + 1)),
        (
            Reject::ScrapeUnsupported,
            blessed,
            zeros(OTHER, 3, TELL + 1),
        ),
    ];
    let stated = section("## Receiving").table(0);
    let stated: Vec<_> = stated.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(stated, cases.each_ref().map(|(reject, ..)| reject.name()));
    let all: BTreeSet<_> = Reject::ALL.map(Reject::name).into();
    assert_eq!(stated.into_iter().collect::<BTreeSet<_>>(), all);

    let config = Config::default().ipv6(false).scrape(false);
    let mut node = Node::new(Time::START, US, source(1, true).address, 1, &config);
    for (reject, source, datagram) in &cases {
        let received = node.handle_datagram(Time::START, *source, datagram);
        assert_eq!(received.err(), Some(*reject));
        assert_eq!(node.counters().drops.of(*reject), 1);
    }
    assert_eq!(node.counters().drops.total(), cases.len() as u64);

    assert_eq!(
        node.id(),
        US,
        "what is dropped for bad_length changes no id"
    );
    let last_two = [Reject::Ipv6Unsupported, Reject::ScrapeUnsupported];
    for (reject, packet_type) in last_two.into_iter().zip([1, 3]) {
        let id = node.id();
        let same_id = zeros(id, packet_type, 64);
        let received = node.handle_datagram(Time::START, blessed, &same_id);
        assert_eq!(received.err(), Some(reject));
        assert_ne!(node.id(), id);
    }

    let with_tail = zeros(OTHER, 0, IPV4 + IPV4 - 1);
    match node.handle_datagram(Time::START, blessed, &with_tail) {
        Ok(Received::Peers(peers)) => assert_eq!(peers.len(), 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(node.counters().drops.of(Reject::TruncatedTail), 2);
}

#[test]
fn the_vectors_are_what_it_says() {
    let stated = section("## Test vectors").table(0);
    let files = std::fs::read_dir(cc::root().join("tests/vectors")).expect("tests/vectors");
    let files = files.map(|file| file.expect("a file").file_name());
    let files: BTreeSet<_> = files.filter_map(|name| name.into_string().ok()).collect();
    assert_eq!(
        stated
            .iter()
            .map(|row| row[0].clone())
            .collect::<BTreeSet<_>>(),
        files
    );
    for row in &stated {
        let packet = vector(&row[0]);
        let (header, payload) = Header::parse(&packet).expect("a header");
        let parsed = match Packet::parse(header, payload) {
            Ok(Packet::Live(peers)) => counted(peers.len(), "announce"),
            Ok(Packet::ScrapeTell(torrents)) => counted(torrents.len(), "torrent"),
            Ok(Packet::ScrapeBeacon(Beacon { torrents })) => {
                format!("beacon of {torrents} torrents")
            }
            Ok(Packet::ScrapeInquire(Inquire { asked })) => {
                let [a, b, c, d] = asked.0;
                format!("inquiry of {a:02x} {b:02x} {c:02x} {d:02x}")
            }
            Err(reject) => reject.name().to_owned(),
        };
        let packet_type = header.packet_type.to_string();
        assert_eq!(row[1..4], [packet_type, packet.len().to_string(), parsed]);
    }
}

#[test]
fn the_vector_that_it_shows_is_the_file() {
    let packet = vector("live_1.hex");
    let (header, payload) = Header::parse(&packet).expect("a header");
    let Ok(Packet::Live(PeerList::V4(mut peers))) = Packet::parse(header, payload) else {
        panic!("no list of IPv4 peers");
    };
    let announce = peers.next().expect("an announce");
    let ours = [&header.emit()[..], &announce.emit()].concat();

    let section = section("### live_1.hex");
    for explained in [
        format!("| {} |", announce.peer.ip),
        format!("| port {} |", announce.peer.port),
    ] {
        assert!(section.0.contains(&explained), "{explained}");
    }
    let mut shown = Vec::new();
    for row in section.table(0) {
        assert_eq!(row[0], format!("{:#06x}", shown.len()));
        let from = shown.len();
        shown.extend(bytes(&row[1]));
        let ours = &ours[from..shown.len()];
        let differs = (*ours != shown[from..]).then(|| ours.to_vec());
        let stated = row[2].split_once("we would send ");
        assert_eq!(stated.map(|(_, ours)| bytes(ours)), differs, "{row:?}");
    }
    assert_eq!(shown, packet);
}

/// How many announces fill a packet; one more would not fit.
fn announces_in_a_packet(ip: IpAddr) -> usize {
    let mut node = Node::new(
        Time::START,
        US,
        source(1, true).address,
        1,
        &Config::default(),
    );
    let mut announces = 0;
    while !node.has_transmit() {
        node.tell(Time::START, announce(ip, 6881, PeerFlags::SEEDING));
        announces += 1;
    }
    let length = node.poll_transmit().expect("a packet").as_ref().len();
    let record = (length - Header::LEN) / announces;
    assert!(length <= MAX_PAYLOAD && length + record > MAX_PAYLOAD);
    announces
}

/// How many packets are left when nothing was sent and one was lost.
fn waiting() -> usize {
    let config = Config::default().flush_after(Duration::ZERO);
    let mut node = Node::new(Time::START, US, source(1, true).address, 1, &config);
    while node.counters().packets_overflowed == 0 {
        node.tell(
            Time::START,
            announce([1; 4].into(), 6881, PeerFlags::SEEDING),
        );
    }
    std::iter::from_fn(|| node.poll_transmit()).count()
}

fn announce<Ip>(ip: Ip, port: u16, flags: PeerFlags) -> Announce<Ip> {
    Announce {
        info_hash: INFO_HASH,
        peer: Peer { ip, port, flags },
    }
}

fn source(last: u8, blessed: bool) -> Source {
    Source {
        address: SocketAddrV4::new([10, 0, 0, last].into(), 40_000),
        blessed,
    }
}

/// A record in a tell of another tracker; the header of other lists has the same length.
fn behind_a_header(record: &[u8]) -> Vec<u8> {
    let header = Header::new(OTHER, PacketType::ScrapeTell).emit();
    [&header[..], record].concat()
}

fn zeros(id: TrackerId, packet_type: u32, payload: usize) -> Vec<u8> {
    let mut packet = Header { id, packet_type }.emit().to_vec();
    packet.resize(Header::LEN + payload, 0);
    packet
}

/// In the layout below this heading the fields follow each other up to the end of the
/// packet, and hold these bytes. Of several offsets or lengths, `column` is meant.
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

/// Whether `stated`, as "16" or "8 + 28 n", allows this length.
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

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        millis if millis % 1000 == 0 => format!("{} s", millis / 1000),
        millis => format!("{millis} ms"),
    }
}

fn thousands(number: usize) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}
