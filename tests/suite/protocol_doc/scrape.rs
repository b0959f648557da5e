//! Scrape sync, observed from outside.

use livesync::stats::ScrapeState;
use livesync::{Cursor, Merged, Task};

use super::*;

const INTERVAL: Duration = Duration::from_secs(60);

/// Returns the waits of an empty node before each inquiry to a fuller one that never answers.
pub fn waits_before_inquiries() -> Vec<String> {
    let mut node = hearing(1, false, &Beacon { torrents: 100 }.emit(OTHER));
    let mut waits = Vec::new();
    let mut now = Time::START;
    let mut last = now;
    while now != Time::NEVER {
        node.handle_timeout(now);
        while let Some(task) = node.poll_task() {
            assert_eq!(task, Task::CountTorrents);
            node.handle_torrent_count(now, 0);
        }
        while let Some(packet) = node.poll_transmit() {
            assert_eq!(packet.as_ref(), Inquire { asked: OTHER }.emit(US));
            let wait = now.since(last).div_duration_f64(INTERVAL);
            let plural = if wait == 1.0 { "" } else { "s" };
            waits.push(format!("{wait} interval{plural}"));
            last = now;
        }
        now = node.poll_timeout();
    }
    waits
}

/// Returns for how long, to the hour, a beacon is not worth an inquiry after its torrents were
/// told and not stored.
pub fn refused_for() -> Duration {
    let mut node = hearing(1, false, &behind_a_header(&TORRENT.emit()));
    node.handle_merged(Time::START, &[(TORRENT.info_hash, Merged::Failed)]);
    let beacon = Beacon { torrents: 1 }.emit(OTHER);
    let hours = (0..).map(|hour| Duration::from_secs(3600) * hour);
    let mut refused = hours.skip_while(|passed| {
        let now = Time::START + *passed;
        let heard = node.handle_datagram(now, source(2, true), &beacon);
        assert!(heard.is_ok(), "{heard:?}");
        assert_eq!(node.poll_task(), Some(Task::CountTorrents));
        node.handle_torrent_count(now, 0);
        node.scrape_state() == Some(ScrapeState::Idle)
    });
    refused.next().expect("it is forgotten")
}

pub fn torrents_in_a_packet(trailer: bool) -> usize {
    let mut node = telling(trailer);
    let mut packets = std::iter::from_fn(|| node.poll_transmit());
    let packet_type = (PacketType::ScrapeTell as u32).to_be_bytes();
    let full = packets.find(|packet| packet.as_ref()[4..Header::LEN] == packet_type);
    (full.expect("a full packet").as_ref().len() - Header::LEN) / TELL
}

pub fn tick() -> Duration {
    telling(false).poll_timeout().since(Time::START)
}

/// Returns the shortest and the longest of many random silences.
pub fn silence() -> String {
    let packet = behind_a_header(&TORRENT.emit());
    let silences = (0..500).map(|seed| {
        let silence = hearing(seed, false, &packet)
            .poll_timeout()
            .since(Time::START);
        silence.div_duration_f64(INTERVAL)
    });
    let (least, most) = silences.fold((f64::MAX, 0.0_f64), |(least, most), silence| {
        (least.min(silence), most.max(silence))
    });
    let [least, most] = [least, most].map(|silence| (silence * 50.0).round() / 50.0);
    format!("{least} to {most} intervals")
}

/// Returns a node, with or without trailers, that has received only this packet.
fn hearing(seed: u64, trailer: bool, packet: &[u8]) -> Node {
    let config = Config::default()
        .repair(trailer)
        .beacon_interval(INTERVAL)
        .first_beacon_delay(Duration::MAX)
        .isolated_after(Duration::MAX);
    let mut node = Node::new(
        Time::START,
        US,
        &[LinkInfo::multicast_ipv4(source(1, true).address)],
        seed,
        &config,
    );
    let received = node.handle_datagram(Time::START, source(2, true), packet);
    assert!(received.is_ok(), "{received:?}");
    node
}

/// Returns a node in a scrape tell that has read a portion of its torrents.
fn telling(trailer: bool) -> Node {
    let mut node = hearing(1, trailer, &Inquire { asked: US }.emit(OTHER));
    node.handle_timeout(Time::START);
    let Some(Task::Walk { limit, .. }) = node.poll_task() else {
        panic!("no scrape tell");
    };
    node.handle_walked(&vec![TORRENT; limit], Some(Cursor::default()));
    node
}
