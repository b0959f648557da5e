//! Missing packets, and the NAKs for them.

use super::*;

pub fn naks_per_second() -> usize {
    let mut node = node(1);
    for sender in 0..6 {
        for seq in 1..400 {
            let id = TrackerId([sender; 4]);
            let packet = list(id, 0, 2 * seq, &[0; IPV4]);
            assert!(hear(&mut node, start(), &packet).is_ok());
        }
    }
    let is_nak = |frame: &Frame<'_>| matches!(frame.packet, Packet::Nak(_));
    bytes_per_second(&mut node, start(), is_nak)
}

/// Returns the longest wait before a NAK, and the shortest between two, of many.
pub fn waits_before_naks() -> (Duration, Duration) {
    let waits = (0..3000).map(|seed| {
        let mut node = missing_one(seed);
        let mut naks = std::iter::from_fn(|| next_nak(&mut node));
        [(); 2].map(|()| naks.next().expect("a NAK"))
    });
    let (longest, shortest) = waits.fold((Duration::ZERO, Duration::MAX), |(long, short), naks| {
        let [first, second] = naks;
        (
            long.max(first.since(start())),
            short.min(second.since(first)),
        )
    });
    (rounded(longest), rounded(shortest))
}

pub fn lost_after() -> Duration {
    let mut node = missing_one(1);
    loop {
        let now = node.poll_timeout();
        node.handle_timeout(now);
        if node.counters().repair.packets_lost > 0 {
            return now.since(start());
        }
    }
}

/// Returns the limit of gaps. It must be the same if packets skip one each, and if they come
/// from the middle of a gap.
pub fn gaps_at_most() -> usize {
    let skip = (1..1000).map(|number| 2 * number);
    let split = [1, 100_000]
        .into_iter()
        .chain(skip.clone().map(|seq| seq + 1));
    let [skipped, split] = [skip.collect(), split.collect()].map(|numbers: Vec<u32>| {
        let mut node = node(1);
        for seq in numbers {
            assert!(hear(&mut node, start(), &list(OTHER, 0, seq, &[0; IPV4])).is_ok());
        }
        assert!(node.counters().repair.packets_lost > 0);
        asked_for(&mut node, start() + SECOND / 10)
    });
    assert_eq!(skipped, split);
    split
}

/// Returns how many earlier packets count as missing at most, if their sender has run for
/// longer than we have, and how long we must have listened.
pub fn earlier() -> (u64, Duration) {
    let earlier = |listened| {
        let mut node = node(1);
        let sent = 3_600_000;
        let packet = list(OTHER, sent, 1000, &[0; IPV4]);
        assert!(hear(&mut node, start() + listened, &packet).is_ok());
        let missing = node.nodes(start()).map(|node| node.missing);
        missing.sum::<u64>()
    };
    let unknown = longest(|listened| earlier(listened) == 0) + MILLI;
    assert_eq!(earlier(unknown), earlier(60 * SECOND));
    (earlier(unknown), unknown)
}

/// Returns how many ranges its NAK has.
fn asked_for(node: &mut Node, now: Time) -> usize {
    let sent = sent(node, now);
    let ranges =
        sent.iter().map(
            |packet| match Frame::parse(packet.as_ref()).expect("a packet").packet {
                Packet::Nak(nak) => nak.ranges().count(),
                _ => 0,
            },
        );
    ranges.sum()
}

/// Returns the time of the next NAK.
fn next_nak(node: &mut Node) -> Option<Time> {
    loop {
        let now = node.poll_timeout();
        node.handle_timeout(now);
        let mut packets = std::iter::from_fn(|| node.poll_transmit());
        let is_nak = |packet: &livesync::unstable::protocol::Transmit| {
            packet.as_ref()[4..8] == (PacketType::Nak as u32).to_be_bytes()
        };
        if packets.any(|packet| is_nak(&packet)) {
            return Some(now);
        }
    }
}

/// Returns a node that misses one packet.
fn missing_one(seed: u64) -> Node {
    let mut node = node(seed);
    for seq in [1, 3] {
        assert!(hear(&mut node, start(), &list(OTHER, 0, seq, &[0; IPV4])).is_ok());
    }
    node
}
