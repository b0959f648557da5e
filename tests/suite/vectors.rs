//! Clusters of this library and opentracker's C module: the library applies the module's
//! packets, and the module could parse the library's. The module's packets are in
//! tests/vectors, made by hand; its parser is written here once more, as the oracle.

use std::time::{Duration, Instant};

use crate::support::generations::{DUALSTACK, V6, WORKSTRUCT};
use crate::support::group::{TRAILER, Wire, port};
use crate::support::host::Host;
use crate::support::vectors::vector;

const PATIENCE: Duration = Duration::from_secs(60);

/// The id of the tracker of the vectors.
const C_MODULE: [u8; 4] = [0x0a, 0x0b, 0x0c, 0x0d];

/// The id that the vector of an inquiry addresses.
const TARGET: [u8; 4] = [1, 2, 3, 4];

const HEADER: usize = 8;
const LIVE_IPV4: usize = 28;
const LIVE_IPV6: usize = 40;
const TELL: usize = 32;

const FROM_SYNC: u8 = 0x10;
const STOPPED: u8 = 0x20;

#[test]
fn what_the_c_module_announces_is_applied() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(1, port);
    for (name, peers) in [("live_1", 1), ("live_52", 52)] {
        let packet = vector(&format!("{name}.hex"));
        wire.send(&packet);
        let records = c_module_reads(&packet, LIVE_IPV4);
        assert_eq!(records.len(), peers, "{name}");
        for record in records {
            let expected = call_for(record);
            assert!(host.expect(&expected[..3]).starts_with(&expected));
        }
        assert_eq!(
            host.expect("event"),
            format!("event 5 proto=0 data={peers}")
        );
    }
    wire.send(&vector("live_0.hex"));
    // A use of this packet would be an event before the next one.
    wire.send(&vector("live_52.hex"));
    assert_eq!(host.expect("event"), "event 5 proto=0 data=52");
}

#[test]
fn its_ipv6_peers_are_applied_where_there_can_be_any_and_dropped_elsewhere() {
    let port = port();
    let wire = Wire::join(port);
    let mut dualstack = DUALSTACK.syncing(1, port);
    let mut classic = Host::syncing(2, port);
    wire.send(&vector("live_ipv6.hex"));
    assert_eq!(dualstack.expect("add"), "add 5b 2001:db8::1 6881 0xc0");
    assert_eq!(
        dualstack.expect("remove"),
        "remove 5c 2001:db8::2 6882 0x20"
    );
    assert_eq!(dualstack.expect("event"), "event 2");
    wire.send(&vector("live_1.hex"));
    assert_eq!(dualstack.expect("add"), "add 5a 192.0.2.1 6881 0x80");
    assert!(classic.expect("add").starts_with("add 5a 192.0.2.1 6881 "));
    assert_eq!(classic.call("remove", Duration::ZERO), None);
}

#[test]
fn its_beacon_is_answered_by_an_inquiry_that_it_takes() {
    let port = port();
    let wire = Wire::join(port);
    let _asks = WORKSTRUCT.syncing_scrapes(u32::from_ne_bytes(TARGET), port);
    wire.send(&vector("beacon.hex"));
    let inquiry = receive_type(&wire, 2);
    // The module demands exactly this length, and compares these bytes with its id.
    assert_eq!(inquiry.len(), HEADER + 4);
    assert_eq!(inquiry[HEADER..], C_MODULE);
}

#[test]
fn its_torrents_are_taken_and_told_when_it_inquires() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = WORKSTRUCT.syncing_scrapes(u32::from_ne_bytes(TARGET), port);
    let heard = vector("tell_46.hex");
    wire.send(&heard);
    let start = Instant::now();
    while {
        host.run("count");
        !host.expect("count").starts_with("count torrents=46 ")
    } {
        assert!(start.elapsed() < PATIENCE, "torrents are missing");
    }
    wire.send(&vector("inquire.hex"));
    let mut torrents = Vec::new();
    while torrents.len() < 46 {
        let packet = receive_type(&wire, 3);
        // The module ignores an incomplete record at the end: the trailer, and no other bytes.
        assert_eq!((packet.len() - HEADER) % TELL, TRAILER);
        assert!(packet.len() <= 1472, "it would be fragmented");
        torrents.extend(
            c_module_reads(&packet, TELL)
                .iter()
                .map(|record| torrent(record)),
        );
    }
    let mut expected: Vec<_> = c_module_reads(&heard, TELL)
        .iter()
        .map(|record| torrent(record))
        .collect();
    torrents.sort_unstable();
    expected.sort_unstable();
    for (torrent, expected) in torrents.iter().zip(&expected) {
        assert_eq!((torrent.0, torrent.1), (expected.0, expected.1));
        // A few minutes may begin while the test runs.
        assert!(
            (expected.2..=expected.2 + 3).contains(&torrent.2),
            "{torrent:?}"
        );
    }
    assert_eq!(torrents.len(), 46);
}

#[test]
fn our_torrents_are_told_once_each() {
    for generation in [V6, WORKSTRUCT, DUALSTACK] {
        let port = port();
        let wire = Wire::join(port);
        let mut host = generation.syncing_scrapes(u32::from_ne_bytes(TARGET), port);
        host.run("fill 0 3000 1");
        wire.send(&vector("inquire.hex"));
        let mut torrents = Vec::new();
        while torrents.len() < 3000 {
            let packet = receive_type(&wire, 3);
            let records = c_module_reads(&packet, TELL);
            torrents.extend(records.iter().map(|record| torrent(record).0));
        }
        assert_eq!(torrents.len(), 3000);
        torrents.sort_unstable();
        torrents.dedup();
        assert_eq!(torrents.len(), 3000, "twice");
    }
}

#[test]
fn our_beacon_has_the_length_that_it_demands() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = WORKSTRUCT.syncing_scrapes(1, port);
    host.run("fill 0 300 1");
    let beacon = receive_type(&wire, 1);
    assert_eq!(beacon.len(), 16);
    // Today's module takes type 1 for IPv6 peers, and finds none in it.
    assert!(c_module_reads(&beacon, LIVE_IPV6).is_empty());
}

#[test]
fn our_announces_are_read_to_the_last_byte() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(1, port);
    host.run("burst 150");
    let mut next = 0u32;
    while next < 150 {
        let packet = wire.receive(PATIENCE).expect("the next packet");
        assert_eq!(packet[4..HEADER], [0, 0, 0, 0]);
        assert_eq!((packet.len() - HEADER) % LIVE_IPV4, TRAILER);
        for record in c_module_reads(&packet, LIVE_IPV4) {
            assert_eq!(record[..4], next.to_ne_bytes());
            assert_eq!(record[20..], [10, 0, 0, 1, 0x1a, 0xe1, 0, 0]);
            next += 1;
        }
    }
    assert_eq!(next, 150);
}

#[test]
fn our_ipv6_peers_are_read_by_todays_module_and_are_no_beacon_to_older_ones() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = DUALSTACK.syncing(1, port);
    host.run("announce ab 2001:db8::1 6881 c0");
    let packet = wire.receive(PATIENCE).expect("a packet");
    assert_eq!(packet[4..HEADER], [0, 0, 0, 1]);
    let records = c_module_reads(&packet, LIVE_IPV6);
    let mut expected = vec![0xab; 20];
    expected.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expected.extend([0x1a, 0xe1, 0xc0, 0]);
    assert_eq!(records, [expected]);
    assert_ne!(packet.len(), 16, "the length of a beacon");
}

/// The loop with which every revision of the C module reads a list.
fn c_module_reads(packet: &[u8], record: usize) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let mut offset = HEADER;
    while offset + record <= packet.len() {
        records.push(&packet[offset..offset + record]);
        offset += record;
    }
    records
}

/// Returns the line that c-tests/host.c prints when an IPv4 record is applied.
fn call_for(record: &[u8]) -> String {
    let flags = record[26] & !FROM_SYNC;
    let call = if flags & STOPPED != 0 {
        "remove"
    } else {
        "add"
    };
    let [a, b, c, d] = record[20..24] else {
        unreachable!("four bytes");
    };
    let port = u16::from_be_bytes([record[24], record[25]]);
    // In the format of C's %#x.
    let flags = if flags == 0 {
        "0".to_owned()
    } else {
        format!("{flags:#x}")
    };
    format!("{call} {:02x} {a}.{b}.{c}.{d} {port} {flags} 0 ", record[0])
}

/// Returns the info_hash, the downloads, and the minutes of a torrent record.
fn torrent(record: &[u8]) -> ([u8; 20], u64, u32) {
    let (hash, rest) = record.split_at(20);
    let (minutes, downloads) = rest.split_at(4);
    (
        hash.try_into().expect("20 bytes"),
        u64::from_be_bytes(downloads.try_into().expect("8 bytes")),
        u32::from_be_bytes(minutes.try_into().expect("4 bytes")),
    )
}

/// Returns the next packet of this type that the C module has not sent.
fn receive_type(wire: &Wire, packet_type: u32) -> Vec<u8> {
    let start = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(start.elapsed());
        let packet = wire.receive(left).expect("a packet of this type");
        if packet[..4] != C_MODULE && packet[4..HEADER] == packet_type.to_be_bytes() {
            return packet;
        }
    }
}
