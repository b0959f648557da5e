//! The test vectors are those of the page.

use std::collections::BTreeSet;

use livesync::unstable::wire::Frame;

use super::*;
use crate::support::cc;
use crate::support::vectors::bytes;

#[test]
fn every_vector_is_on_the_page() {
    let files = std::fs::read_dir(cc::root().join("tests/vectors")).expect("tests/vectors");
    let files = files.map(|file| file.expect("a file").file_name());
    let files: BTreeSet<_> = files.filter_map(|name| name.into_string().ok()).collect();
    let section = section("## Test vectors");
    let rows = (0..3).flat_map(|number| section.table(number));
    let stated: BTreeSet<_> = rows.map(|row| row[0].clone()).collect();
    assert_eq!(stated, files);
}

#[test]
fn the_vectors_are_what_it_says() {
    let section = section("## Test vectors");
    let others = section.table(0).into_iter().map(|row| (row, false));
    let ours = section.table(1).into_iter().map(|row| (row, true));
    for (row, has_trailer) in others.chain(ours) {
        let packet = vector(&row[0]);
        let (header, _) = Header::parse(&packet).expect("a header");
        let frame = Frame::parse(&packet);
        let parsed = match &frame {
            Ok(frame) => described(&frame.packet),
            Err(reject) => reject.name().to_owned(),
        };
        assert_eq!(type_of(&row[1]), header.packet_type, "{}", row[0]);
        assert_eq!(row[2..4], [packet.len().to_string(), parsed], "{}", row[0]);
        let trailer = frame.ok().and_then(|frame| frame.trailer);
        assert_eq!(trailer.is_some(), has_trailer, "{}", row[0]);
        if let Some(trailer) = trailer {
            let numbers = [trailer.sent, trailer.seq].map(|number| number.to_string());
            assert_eq!(row[4..6], numbers, "{}", row[0]);
        }
    }
}

fn described(packet: &Packet<'_>) -> String {
    let id = |TrackerId([a, b, c, d])| format!("{a:02x} {b:02x} {c:02x} {d:02x}");
    match packet {
        Packet::Live(peers) => counted(peers.len(), "announce"),
        Packet::ScrapeTell(torrents) => counted(torrents.len(), "torrent"),
        Packet::ScrapeBeacon(Beacon { torrents }) => format!("beacon of {torrents} torrents"),
        Packet::ScrapeInquire(Inquire { asked }) => format!("inquiry of {}", id(*asked)),
        Packet::Heartbeat(heartbeat) => {
            let packets = counted(heartbeat.highest as usize, "packet");
            format!("heartbeat of {packets}")
        }
        Packet::Nak(nak) => {
            let range = |range: std::ops::RangeInclusive<u32>| {
                format!("{} to {}", range.start(), range.end())
            };
            let ranges: Vec<_> = nak.ranges().map(range).collect();
            format!("NAK to {} for {}", id(nak.asked), ranges.join(", "))
        }
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

#[test]
fn the_vector_with_a_tag_that_it_shows_is_the_file() {
    let mut shown = Vec::new();
    for row in section("### tagged_live.hex").table(0) {
        assert_eq!(row[0], format!("{:#06x}", shown.len()));
        shown.extend(bytes(&row[1]));
    }
    assert_eq!(shown, vector("tagged_live.hex"));
}
