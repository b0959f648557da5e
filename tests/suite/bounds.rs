//! Everything that can grow has a bound, which docs/reliability.md states. The tests in this
//! file reach bounds by the protocol alone; tests of private types are beside the type.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source};
use livesync::unstable::wire::{Beacon, Frame, Header, Inquire, Nak, PacketType, Record, Trailer};
use livesync::{Config, Cursor, InfoHash, Merged, Task, Torrent, TrackerId};

use crate::support::{cc, files};

const US: TrackerId = TrackerId([1; 4]);
const OTHER: TrackerId = TrackerId([2; 4]);

#[test]
fn the_page_states_them_as_they_are() {
    let page = fs::read_to_string(cc::root().join("docs/reliability.md")).expect("the page");
    let section = page
        .split("\n## ")
        .find(|part| part.starts_with("Bounds\n"));
    let rows = section.expect("its section").lines();
    let rows: Vec<Vec<&str>> = rows
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
        .map(|line| line.split('|').map(str::trim).collect())
        .skip(1)
        .collect();
    assert!(rows.len() > 20);
    let sources = sources();
    for row in rows {
        let [_, what, bound, at_the_bound, _, place, test, _] = row[..] else {
            panic!("{row:?}");
        };
        assert!(!at_the_bound.is_empty(), "{what}");
        let test = format!("fn {}(", test.trim_matches('`'));
        assert!(
            sources.iter().any(|source| source.contains(&test)),
            "{what}: no test {test}"
        );
        let mut place = place.split('`').map(str::trim).skip(1);
        let (Some(file), Some(constant)) = (place.next(), place.next()) else {
            panic!("{what}: where?");
        };
        let source = fs::read_to_string(cc::root().join(file)).expect(file);
        if let Ok(bound) = bound.parse::<u64>() {
            assert_eq!(value_of(constant, &source), Some(bound), "{what}");
        } else {
            assert_eq!(constant, "", "{what}: {bound} is no number");
        }
    }
}

/// Returns all sources that may contain tests.
fn sources() -> Vec<String> {
    let directories = ["src", "tests"].map(|directory| cc::root().join(directory));
    let all = directories
        .iter()
        .flat_map(|directory| files::below(directory));
    let sources = all.filter(|file| files::is_rust(file));
    sources
        .map(|file| fs::read_to_string(file).expect("a file"))
        .collect()
}

/// Returns the value of a constant, or the default of a setting, in this source.
fn value_of(constant: &str, source: &str) -> Option<u64> {
    let is_it = |line: &&str| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| word == constant) && (line.contains(" = ") || line.contains(": "))
    };
    source.lines().filter(is_it).find_map(|line| {
        let value = line.rsplit([':', '=', '{']).next()?;
        let value = value.trim().trim_end_matches([',', ';', ' ', '}']);
        let number = |digits: &str| digits.trim().replace('_', "").parse::<u64>().ok();
        match value.split_once("<<") {
            Some((left, right)) => Some(number(left)? << number(right)?),
            None if value == "PIPE_BUF" => Some(libc::PIPE_BUF as u64),
            None => number(value),
        }
    })
}

fn node(config: &Config) -> Node {
    let address = SocketAddr::from(([10, 0, 0, 1], 9696));
    Node::new(
        Time::START,
        US,
        &[LinkInfo::multicast_ipv4(address)],
        1,
        config,
    )
}

fn hear<'a>(node: &mut Node, now: Time, packet: &'a [u8]) -> Result<Received<'a>, Reject> {
    let address = SocketAddr::from(([10, 0, 0, 2], 4444));
    let allowed = true;
    node.handle_datagram(now, Source { address, allowed }, packet)
}

/// Returns a full list, numbered or without a trailer.
fn list(from: TrackerId, seq: Option<u32>) -> Vec<u8> {
    let mut packet = Header::new(from, PacketType::Live).emit().to_vec();
    packet.resize(Header::LEN + 51 * 28, 1);
    let trailer = seq.map(|seq| Trailer {
        epoch: 1,
        seq,
        ..Trailer::default()
    });
    packet.extend(trailer.iter().flat_map(Trailer::emit));
    packet
}

#[test]
fn a_packet_that_comes_after_what_is_forgotten_is_dropped() {
    let mut node = node(&Config::default());
    let at = |ms| Time::START + Duration::from_millis(ms);
    for seq in [1, 3] {
        let packet = list(OTHER, Some(seq));
        assert!(hear(&mut node, at(seq.into()), &packet).is_ok());
    }
    // This takes less time than lists are kept.
    for number in 0..8000 {
        let packet = list(TrackerId([3; 4]), None);
        assert!(hear(&mut node, at(5 + number / 10), &packet).is_ok());
    }
    let late = list(OTHER, Some(2));
    let received = hear(&mut node, at(2000), &late);
    assert_eq!(received.err(), Some(Reject::TooLate));
}

#[test]
fn a_nak_of_more_ranges_is_none() {
    let mut nak = Header::new(OTHER, PacketType::Nak).emit().to_vec();
    nak.extend([0; 8]);
    for number in 1..=Nak::MAX_RANGES as u32 {
        nak.extend((2 * number).to_be_bytes());
        nak.extend((2 * number).to_be_bytes());
    }
    assert!(Frame::parse(&nak).is_ok());
    let one_more = (2 * Nak::MAX_RANGES as u32 + 2).to_be_bytes();
    nak.extend([one_more; 2].as_flattened());
    assert_eq!(Frame::parse(&nak).err(), Some(Reject::BadLength));
}

#[test]
fn no_more_torrents_are_asked_for_at_once_than_a_portion() {
    const PORTION: usize = 256;
    let config = Config::default()
        .scrape_tell_packets(10_000u32)
        .repair(false)
        .beacon_interval(Duration::from_secs(1));
    let mut node = node(&config);
    let inquire = Inquire { asked: US }.emit(OTHER);
    assert!(hear(&mut node, Time::START, &inquire).is_ok());
    node.handle_timeout(Time::START);
    let Some(Task::Walk { limit, .. }) = node.poll_task() else {
        panic!("no scrape tell");
    };
    assert_eq!((limit, node.poll_task()), (PORTION, None));
    node.handle_walked(&[], None::<Cursor>);

    let torrent = |number: u32| Torrent {
        info_hash: InfoHash(std::array::from_fn(|at| (number >> (8 * (at % 4))) as u8)),
        base_offset: 0,
        downloaded: 0,
    };
    for number in 0..1000 {
        let header = Header::new(OTHER, PacketType::ScrapeTell).emit();
        let scrape_tell = [&header[..], &torrent(number).emit()].concat();
        assert!(hear(&mut node, Time::START, &scrape_tell).is_ok());
        node.handle_merged(
            Time::START,
            &[(torrent(number).info_hash, Merged::KnownBetter)],
        );
    }
    node.handle_timeout(Time::START + Duration::from_secs(2));
    let looked_up = std::iter::from_fn(|| node.poll_task()).find_map(|task| match task {
        Task::LookUp(hashes) => Some(hashes.len()),
        _ => None,
    });
    assert_eq!(looked_up, Some(PORTION));
    assert_eq!(node.poll_task(), None);
}

/// The second of three torrents, which has impossible values.
fn implausible() -> [[Torrent; 3]; 2] {
    let good = |number| Torrent {
        info_hash: InfoHash([number; 20]),
        base_offset: Torrent::MAX_BASE_OFFSET,
        downloaded: Torrent::MAX_DOWNLOADED,
    };
    let downloaded = Torrent {
        downloaded: u64::MAX,
        ..good(2)
    };
    let base_offset = Torrent {
        base_offset: Torrent::MAX_BASE_OFFSET + 1,
        ..good(2)
    };
    [downloaded, base_offset].map(|bad| [good(1), bad, good(3)])
}

#[test]
fn counts_that_cannot_be_are_neither_used_nor_told() {
    for torrents in implausible() {
        let [first, bad, last] = torrents;
        let packet_of = |torrents: &[Torrent]| {
            let header = Header::new(OTHER, PacketType::ScrapeTell).emit();
            let records = torrents.iter().flat_map(Record::emit);
            header.into_iter().chain(records).collect::<Vec<u8>>()
        };
        let mut node = node(&Config::default().repair(false));
        let packet = packet_of(&torrents);
        let Ok(Received::Torrents(heard)) = hear(&mut node, Time::START, &packet) else {
            panic!("no scrape tell");
        };
        assert!(heard.eq([first, last]));
        assert_eq!(node.counters().drops.of(Reject::BadCount), 1);

        // A packet without a plausible torrent is no scrape tell: it silences no node.
        let mut node = self::node(&Config::default().repair(false));
        let packet = packet_of(&[bad]);
        let received = hear(&mut node, Time::START, &packet);
        assert!(matches!(received, Ok(Received::Nothing)), "{received:?}");
        let inquire = Inquire { asked: US }.emit(OTHER);
        assert!(hear(&mut node, Time::START, &inquire).is_ok());
        node.handle_timeout(Time::START);
        assert!(matches!(node.poll_task(), Some(Task::Walk { .. })));
        node.handle_walked(&torrents, None);
        let sent = node.poll_transmit().expect("a scrape tell");
        let mut expected = packet_of(&[first, last]);
        expected[..US.0.len()].copy_from_slice(&US.0);
        assert_eq!(sent.as_ref(), expected);
        assert_eq!(node.counters().scrape.torrents_sent, 2);
    }
}

#[test]
fn a_beacon_of_more_torrents_than_there_can_be_is_neither_used_nor_sent() {
    let config = Config::default()
        .repair(false)
        .first_beacon_delay(Duration::ZERO);
    let mut node = node(&config);
    let loud = Beacon {
        torrents: Beacon::MAX_TORRENTS + 1,
    };
    let received = hear(&mut node, Time::START, &loud.emit(OTHER)).err();
    assert_eq!(received, Some(Reject::BadCount));
    assert_eq!(node.nodes(Time::START).count(), 0);
    for (torrents, sends) in [(loud.torrents, false), (Beacon::MAX_TORRENTS, true)] {
        let due = node.poll_timeout().max(Time::START);
        node.handle_timeout(due);
        assert_eq!(node.poll_task(), Some(Task::CountTorrents));
        node.handle_torrent_count(due, torrents);
        assert_eq!(node.poll_transmit().is_some(), sends);
    }
}
