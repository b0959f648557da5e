//! What is kept, and sent again.

use super::*;

/// Announces in a full packet.
const FULL: usize = (LinkInfo::MULTICAST_IPV4 - Header::LEN - Trailer::LEN) / IPV4;

#[test]
fn who_is_asked_again_sends_more_copies() {
    let mut node = speaker(1, 1);
    let copies = (1..=5).map(|second| {
        let asked = start() + SECOND * second;
        let at_once = asked_for(&mut node, asked, 1..=1);
        let later = (1..25).map(|wait| copies(&mut node, asked + MILLI * 40 * wait));
        at_once + later.sum::<usize>()
    });
    assert_eq!(copies.collect::<Vec<_>>(), [1, 2, 3, 4, 4]);
}

/// The time after which a packet is no longer sent again.
pub fn kept_for() -> Duration {
    longest(|age| {
        let mut node = speaker(1, 1);
        let now = start() + age;
        node.handle_timeout(now);
        asked_for(&mut node, now, 1..=1) > 0
    })
}

/// How many bytes are kept, and for how many a packet counts beside its own.
pub fn kept_at_most() -> (usize, usize) {
    let [(few, long), (many, short)] = [(6000, FULL), (20_000, FULL / 5)].map(kept);
    let beside = (few * long - many * short) as f64 / (many - few) as f64;
    let beside = beside.round() as usize;
    // There was no room for one more of the short ones.
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
    let asked = start() + 3 * SECOND;
    assert!(hear(&mut node, asked, &nak(1..=u32::MAX)).is_ok());
    bytes_per_second(&mut node, asked, |frame| frame.retransmitted)
}

/// How many of so many packets of so many announces are kept, and how long one is.
fn kept((packets, announces): (usize, usize)) -> (usize, usize) {
    let mut node = speaker(packets, announces);
    assert!(hear(&mut node, start(), &nak(1..=u32::MAX)).is_ok());
    // The first that is sent again is the oldest.
    let sent = sent(&mut node, start());
    let mut again = sent.iter().map(|packet| Frame::parse(packet.as_ref()));
    let again = again.find_map(|frame| frame.ok().filter(|frame| frame.retransmitted));
    let trailer = again.and_then(|frame| frame.trailer).expect("a trailer");
    let length = Header::LEN + announces * IPV4 + Trailer::LEN;
    (packets - trailer.seq as usize + 1, length)
}

/// How many packets it sends again at once when these are missing somewhere.
fn asked_for(node: &mut Node, now: Time, missing: std::ops::RangeInclusive<u32>) -> usize {
    std::iter::from_fn(|| node.poll_transmit()).for_each(drop);
    assert!(hear(node, now, &nak(missing)).is_ok());
    copies(node, now)
}

/// How many packets it sends again now.
fn copies(node: &mut Node, now: Time) -> usize {
    let is_again = |packet: &livesync::unstable::protocol::Transmit| {
        Frame::parse(packet.as_ref())
            .expect("a packet")
            .retransmitted
    };
    let sent = sent(node, now);
    sent.iter().filter(|packet| is_again(packet)).count()
}
