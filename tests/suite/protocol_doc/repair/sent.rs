//! Packets that are kept, and retransmitted.

use super::*;

/// Announces in a full packet.
const FULL: usize = (LinkInfo::MULTICAST_IPV4 - Header::LEN - Trailer::LEN) / IPV4;

#[test]
fn who_is_asked_again_sends_more_copies() {
    let mut node = speaker(1, 1);
    let retransmissions = (1..=5).map(|second| {
        let now = start() + SECOND * second;
        let at_once = asked_for(&mut node, now, 1..=1);
        let later = (1..25).map(|wait| retransmissions(&mut node, now + MILLI * 40 * wait));
        at_once + later.sum::<usize>()
    });
    assert_eq!(retransmissions.collect::<Vec<_>>(), [1, 2, 3, 4, 4]);
}

/// Returns the time after which a packet is no longer retransmitted.
pub fn kept_for() -> Duration {
    longest(|age| {
        let mut node = speaker(1, 1);
        let now = start() + age;
        node.handle_timeout(now);
        asked_for(&mut node, now, 1..=1) > 0
    })
}

/// Returns how many bytes are kept, and how many bytes a packet counts in addition to its own.
pub fn kept_at_most() -> (usize, usize) {
    let [(few, long), (many, short)] = [(6000, FULL), (20_000, FULL / 5)].map(kept);
    let beside = (few * long - many * short) as f64 / (many - few) as f64;
    let beside = beside.round() as usize;
    // There was no room for one more of the short packets.
    ((many + 1) * (short + beside), beside)
}

pub fn again_once_in() -> Duration {
    let once = longest(|pause| {
        let mut node = speaker(1, 1);
        assert_eq!(asked_for(&mut node, start(), 1..=1), 1);
        asked_for(&mut node, start() + pause, 1..=1) == 0
    });
    once + MILLI
}

pub fn again_per_second() -> usize {
    let mut node = speaker(5500, FULL);
    // Nothing was sent in the last second.
    let now = start() + 3 * SECOND;
    assert!(hear(&mut node, now, &nak(1..=u32::MAX)).is_ok());
    bytes_per_second(&mut node, now, |frame| frame.retransmitted)
}

/// Returns how many of these packets of this many announces are kept, and the length of one.
fn kept((packets, announces): (usize, usize)) -> (usize, usize) {
    let mut node = speaker(packets, announces);
    assert!(hear(&mut node, start(), &nak(1..=u32::MAX)).is_ok());
    // The first retransmission is the oldest packet.
    let sent = sent(&mut node, start());
    let mut first = sent.iter().map(|packet| Frame::parse(packet.as_ref()));
    let first = first.find_map(|frame| frame.ok().filter(|frame| frame.retransmitted));
    let trailer = first.and_then(|frame| frame.trailer).expect("a trailer");
    let length = Header::LEN + announces * IPV4 + Trailer::LEN;
    (packets - trailer.seq as usize + 1, length)
}

/// Returns how many packets it retransmits at once when another node misses these.
fn asked_for(node: &mut Node, now: Time, missing: std::ops::RangeInclusive<u32>) -> usize {
    std::iter::from_fn(|| node.poll_transmit()).for_each(drop);
    assert!(hear(node, now, &nak(missing)).is_ok());
    retransmissions(node, now)
}

/// Returns how many packets it retransmits now.
fn retransmissions(node: &mut Node, now: Time) -> usize {
    let is_again = |packet: &livesync::unstable::protocol::Transmit| {
        Frame::parse(packet.as_ref())
            .expect("a packet")
            .retransmitted
    };
    let sent = sent(node, now);
    sent.iter().filter(|packet| is_again(packet)).count()
}
