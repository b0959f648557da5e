//! docs/operations.md states the rates at which the repair window holds ten seconds.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use livesync::Config;
use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Source};
use livesync::unstable::wire::{Frame, Header, Nak, PacketType, Record, Trailer};
use livesync::{Announce, InfoHash, Peer, PeerFlags, TrackerId};

use crate::support::cc;

const US: TrackerId = TrackerId([1; 4]);
const OTHER: TrackerId = TrackerId([2; 4]);

const RECORDS: u64 = 51;
const LONGEST: Duration = Duration::from_secs(10);

struct Row {
    window: u64,
    /// Announces per second.
    of_one: u64,
    of_all: u64,
}

fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(cc::root().join("docs/operations.md")).expect("the page");
    let (_, behind) = page
        .split_once("| `LIVESYNC_REPAIR_WINDOW` |")
        .expect("a table");
    let lines = behind.lines().skip(2);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
        let mut numbers = line.split('|').skip(1).map(|cell| {
            let digits = cell
                .trim()
                .trim_end_matches(", the default")
                .replace(',', "");
            digits.parse().unwrap_or_else(|_| panic!("{line}"))
        });
        let [window, of_one, of_all] = [(); 3].map(|()| numbers.next().expect("a number"));
        Row {
            window,
            of_one,
            of_all,
        }
    });
    rows.collect()
}

#[test]
fn the_rates_on_the_page_are_those_of_the_formula() {
    let rows = rows();
    assert!(
        rows.iter()
            .any(|row| row.window == Config::default().repair_window as u64)
    );
    for Row {
        window,
        of_one,
        of_all,
    } in rows
    {
        let packet = Header::LEN as u64 + RECORDS * 28 + Trailer::LEN as u64;
        assert_eq!(of_one, window / (packet + 128) * RECORDS / 10, "{window}");
        assert_eq!(of_all, (window / 32).max(262_144) / 10, "{window}");
    }
}

#[test]
fn so_long_is_kept_what_was_sent_at_these_rates() {
    for row in rows().iter().filter(|row| row.window <= 8 << 20) {
        for (times, of_longest) in [(1, 1.0), (2, 0.5)] {
            let rate = times * row.of_one;
            let kept = kept(row.window, rate).as_secs_f64();
            let expected = LONGEST.as_secs_f64() * of_longest;
            let off = (kept / expected - 1.0).abs();
            assert!(off < 0.01, "{} bytes at {rate}/s: {kept} s", row.window);
        }
    }
}

#[test]
fn so_many_announces_are_remembered_for_packets_that_come_late() {
    for row in rows().iter().filter(|row| row.window <= 32 << 20) {
        let remembered = 10 * row.of_all;
        assert_eq!(comes_late(row.window, remembered * 98 / 100), None);
        let too_late = comes_late(row.window, remembered * 102 / 100);
        assert_eq!(too_late, Some(Reject::TooLate), "{}", row.window);
    }
}

/// Returns for how long it keeps full packets that leave at this many announces per second.
fn kept(window: u64, rate: u64) -> Duration {
    let mut node = node(window);
    let pause = Duration::from_secs(RECORDS) / rate as u32;
    let (mut sent, mut epoch, mut now) = (Vec::new(), 0, Time::START);
    while now.since(Time::START) < LONGEST * 12 / 10 {
        for number in 0..RECORDS {
            node.announce(now, announce(RECORDS * sent.len() as u64 + number));
        }
        while let Some(packet) = node.poll_transmit() {
            let trailer = trailer(packet.as_ref()).filter(|trailer| trailer.seq > 0);
            trailer.inspect(|trailer| epoch = trailer.epoch);
            sent.extend(trailer.map(|_| now));
        }
        now = now + pause;
    }
    let nak = Nak::emit(OTHER, US, epoch, &[1..=u32::MAX]);
    let nak = [&nak[..], &Trailer::default().emit()].concat();
    assert!(node.handle_datagram(now, source(), &nak).is_ok());
    node.handle_timeout(now);
    // The first retransmission is the oldest packet.
    let oldest = std::iter::from_fn(|| node.poll_transmit())
        .find_map(|packet| trailer(packet.as_ref()).filter(|trailer| trailer.seq > 0));
    now.since(sent[oldest.expect("a packet").seq as usize - 1])
}

fn trailer(packet: &[u8]) -> Option<Trailer> {
    Frame::parse(packet).expect("a packet").trailer
}

/// Returns why a packet is dropped that comes this many announces too late, if it is.
fn comes_late(window: u64, announces: u64) -> Option<Reject> {
    let mut node = node(window);
    let mut hear = |millis, packet: &[u8]| {
        let now = Time::START + Duration::from_millis(millis);
        node.handle_datagram(now, source(), packet).err()
    };
    for seq in [1, 3] {
        assert_eq!(hear(seq.into(), &list(0, Some(seq))), None);
    }
    for number in 1..=announces / RECORDS {
        assert_eq!(hear(1000, &list(number, None)), None);
    }
    hear(2000, &list(0, Some(2)))
}

/// Returns a full list, numbered or without a trailer.
fn list(number: u64, seq: Option<u32>) -> Vec<u8> {
    let id = if seq.is_some() {
        OTHER
    } else {
        TrackerId([3; 4])
    };
    let mut packet = Header::new(id, PacketType::Live).emit().to_vec();
    for record in 0..RECORDS {
        packet.extend(announce::<Ipv4Addr>(number * RECORDS + record).emit());
    }
    let trailer = seq.map(|seq| Trailer {
        epoch: 1,
        seq,
        ..Trailer::default()
    });
    packet.extend(trailer.iter().flat_map(Trailer::emit));
    packet
}

fn node(window: u64) -> Node {
    let config = Config::default().repair_window(window as usize);
    let address = SocketAddr::from(([10, 0, 0, 1], 9696));
    Node::new(
        Time::START,
        US,
        &[LinkInfo::multicast_ipv4(address)],
        1,
        &config,
    )
}

fn source() -> Source {
    Source {
        address: ([10, 0, 0, 2], 9696).into(),
        allowed: true,
    }
}

fn announce<Ip: From<Ipv4Addr>>(number: u64) -> Announce<Ip> {
    let mut info_hash = InfoHash([0; 20]);
    info_hash.0[..8].copy_from_slice(&number.to_be_bytes());
    Announce {
        info_hash,
        peer: Peer {
            ip: Ipv4Addr::new(10, 0, 0, 9).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        },
    }
}
