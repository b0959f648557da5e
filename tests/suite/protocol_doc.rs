//! docs/protocol.md describes the protocol as the code implements it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, MAX_NODES, Node, Received, Source};
use livesync::unstable::wire::{
    Beacon, Frame, Header, Heartbeat, Inquire, MAX_RECEIVED, Nak, Packet, PacketType, PeerList,
    Record, Trailer,
};
use livesync::{Announce, Config, InfoHash, Peer, PeerFlags, Torrent, TrackerId};

mod layout;
mod page;
mod receiving;
mod repair;
mod scrape;
mod vectors;

use self::page::{page, section};
use crate::support::vectors::vector;

const US: TrackerId = TrackerId([0xa1, 0xa2, 0xa3, 0xa4]);
const OTHER: TrackerId = TrackerId([0xb1, 0xb2, 0xb3, 0xb4]);

/// The lengths of records.
const IPV4: usize = size_of::<<Announce<Ipv4Addr> as Record>::Bytes>();
const IPV6: usize = size_of::<<Announce<Ipv6Addr> as Record>::Bytes>();
const TELL: usize = size_of::<<Torrent as Record>::Bytes>();

const INFO_HASH: InfoHash = InfoHash(*b"twenty distinct byte");
const TORRENT: Torrent = Torrent {
    info_hash: INFO_HASH,
    base_offset: 0x0001_0203,
    downloaded: 0x1112_1314_1516,
};

#[test]
fn its_fixed_numbers_are_the_codes() {
    let either = |with, without| format!("{with}, or {without} without a trailer");
    let full = |ip: IpAddr| {
        either(
            announces_in_a_packet(ip, true),
            announces_in_a_packet(ip, false),
        )
    };
    let waits = scrape::waits_before_inquiries();
    let torrents = [true, false].map(scrape::torrents_in_a_packet);
    let torrents = either(torrents[0], torrents[1]);
    let inquiries = waits.len().to_string();
    let expected = [
        ("header", counted(Header::LEN, "byte")),
        (
            "largest packet sent",
            counted(LinkInfo::MULTICAST_IPV4, "byte"),
        ),
        ("largest packet accepted", counted(MAX_RECEIVED, "byte")),
        ("trailer", counted(Trailer::LEN, "byte")),
        ("IPv4 announces in a packet sent", full([1; 4].into())),
        ("IPv6 announces in a packet sent", full([1; 16].into())),
        ("torrents in a packet sent", torrents),
        ("packets that wait to be sent", waiting().to_string()),
        ("trackers known", MAX_NODES.to_string()),
        ("wait before the first inquiry", waits[0].clone()),
        ("wait between inquiries", waits[1].clone()),
        ("inquiries of one silent tracker", inquiries),
        (
            "what was refused counts as known for",
            duration(scrape::refused_for()),
        ),
        ("tick", duration(scrape::tick())),
        ("silence after a tell", scrape::silence()),
        (
            "most torrents of a beacon",
            format!("2^{}", Beacon::MAX_TORRENTS.ilog2()),
        ),
        (
            "most downloads of a torrent",
            format!("2^{}", Torrent::MAX_DOWNLOADED.ilog2()),
        ),
        (
            "largest base offset",
            format!("{} minutes", Torrent::MAX_BASE_OFFSET),
        ),
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
        (
            "scrape_tell_packets",
            config.scrape_tell_packets.to_string(),
        ),
        ("remembered_torrents", remembered),
        ("repair", switch(config.repair)),
        ("repair_window", config.repair_window.to_string()),
        ("keys", config.keys.map_or("none", |_| "some").to_owned()),
        ("auth", format!("{:?}", config.auth).to_lowercase()),
        ("cluster", config.cluster),
        ("max_skew", duration(config.max_skew)),
    ];
    let expected = expected.map(|(name, value)| vec![name.to_owned(), value]);
    assert_eq!(section("## Numbers").table(1), expected);
}

#[test]
fn numbers_in_its_sentences_are_the_codes() {
    let beacon = counted(Beacon::LEN, "byte");
    let inquire = counted(Inquire::LEN, "byte");
    let ipv6 = Header::LEN + IPV6;
    let heartbeat = counted(Heartbeat::LEN, "byte");
    let bad_length = format!(
        "type 1: neither {beacon} nor {ipv6} or more; type 2: not {inquire}; \
         HEARTBEAT: not {heartbeat}; NAK: no length of one |"
    );
    let trailer = counted(Trailer::LEN, "byte");
    let tails = format!("{}, {} or {} by", IPV4 - 1, TELL - 1, IPV6 - 1);
    let waits = scrape::waits_before_inquiries();
    let ticks = 1000 / scrape::tick().as_millis() as usize;
    let packets = Config::default().scrape_tell_packets as usize * ticks / 10;
    let torrents = packets * scrape::torrents_in_a_packet(true);
    let [packets, torrents] = [packets, torrents].map(thousands);
    let pace = format!("{packets} packets, or {torrents} torrents, per second");
    let page = page();
    let words: Vec<_> = page.0.split_whitespace().collect();
    let words = words.join(" ");
    // Wherever the page has the first text, the second follows.
    for (begin, end) in [
        (
            "A packet sent is",
            counted(LinkInfo::MULTICAST_IPV4, "byte"),
        ),
        (
            "trailer](#trailers) makes a packet",
            format!("{trailer} longer"),
        ),
        ("These are the last", trailer),
        ("and for a NAK", format!("{} at most", Nak::MAX_RANGES)),
        ("A tag is the first", counted(Trailer::TAG_LEN, "byte")),
        ("two packets of type 1 apart:", beacon),
        ("bytes are a beacon,", format!("{ipv6} or more")),
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
    let flags = [
        (Trailer::TAGGED, "TAGGED"),
        (Trailer::RESTATED, "RESTATED"),
        (Trailer::UNKEPT, "UNKEPT"),
    ];
    let stated = section("## Trailers").table(1);
    let stated: Vec<_> = stated
        .iter()
        .map(|row| (&row[0][..], &row[1][..]))
        .collect();
    let flags = flags.map(|(flag, name)| (format!("{flag:#04x}"), name));
    assert_eq!(
        stated,
        flags.each_ref().map(|(flag, name)| (&flag[..], *name))
    );
}

/// Returns how many announces fill a packet; one more would not fit.
fn announces_in_a_packet(ip: IpAddr, trailer: bool) -> usize {
    let config = Config::default().repair(trailer);
    let mut node = Node::new(
        Time::START,
        US,
        &[LinkInfo::multicast_ipv4(source(1, true).address)],
        1,
        &config,
    );
    let mut announces = 0;
    while !node.has_transmit() {
        node.announce(Time::START, announce(ip, 6881, PeerFlags::SEEDING));
        announces += 1;
    }
    let length = node.poll_transmit().expect("a packet").as_ref().len();
    let record = (length - Header::LEN) / announces;
    assert!(length <= LinkInfo::MULTICAST_IPV4 && length + record > LinkInfo::MULTICAST_IPV4);
    announces
}

/// Returns how many packets a node keeps for sending when the first one overflows.
fn waiting() -> usize {
    let config = Config::default().flush_after(Duration::ZERO);
    let mut node = Node::new(
        Time::START,
        US,
        &[LinkInfo::multicast_ipv4(source(1, true).address)],
        1,
        &config,
    );
    while node.counters().packets_overflowed == 0 {
        node.announce(
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

fn source(last: u8, allowed: bool) -> Source {
    Source {
        address: ([10, 0, 0, last], 40_000).into(),
        allowed,
    }
}

/// Returns a record in a scrape tell of another tracker; the headers of other lists have the
/// same length.
fn behind_a_header(record: &[u8]) -> Vec<u8> {
    let header = Header::new(OTHER, PacketType::ScrapeTell).emit();
    [&header[..], record].concat()
}

fn zeros(id: TrackerId, packet_type: u32, payload: usize) -> Vec<u8> {
    let mut packet = Header { id, packet_type }.emit().to_vec();
    packet.resize(Header::LEN + payload, 0);
    packet
}

/// Parses a packet type of the page, in decimal or hexadecimal digits.
fn type_of(stated: &str) -> u32 {
    match stated.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).expect("hexadecimal digits"),
        None => stated.parse().expect("a number"),
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
