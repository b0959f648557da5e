//! A node's treatment of a packet: which senders it accepts, which packets it drops and counts,
//! and what it then knows of other nodes.

use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source};
use livesync::unstable::wire::Inquire;
use livesync::{Keys, TrackerId};

use super::nodes::{address, config, drain, hear, millis, node, node_with, record, source};

#[test]
fn every_drop_is_counted_under_its_reason() {
    let mut hearer = node(1);
    let packet = |id: u8, packet_type: u8, payload: usize| {
        let mut packet = vec![id, id, id, id, 0, 0, 0, packet_type];
        packet.resize(8 + payload, 0);
        packet
    };
    let stranger = Source {
        allowed: false,
        ..source(2)
    };
    hearer.announce(Time::START, record(1));
    hearer.flush();
    let ours = drain(&mut hearer).remove(0);
    let cases = [
        (stranger, packet(2, 0, 28), Reject::NotAllowed),
        (stranger, vec![], Reject::NotAllowed),
        (source(2), packet(2, 0, 0)[..7].to_vec(), Reject::TooShort),
        (stranger, ours, Reject::OwnPacket),
        (source(2), packet(2, 4, 28), Reject::UnknownType),
        (source(2), packet(2, 2, 5), Reject::BadLength),
        (source(2), packet(2, 0, 0), Reject::EmptyList),
        (source(2), packet(2, 1, 80), Reject::Ipv6Unsupported),
        (source(3), packet(3, 1, 8), Reject::ScrapeUnsupported),
        (source(3), packet(3, 2, 4), Reject::ScrapeUnsupported),
        (source(3), packet(3, 3, 32), Reject::ScrapeUnsupported),
    ];
    for (source, packet, reject) in &cases {
        let refused = hear(&mut hearer, Time::START, *source, packet);
        assert_eq!(refused.unwrap_err(), *reject);
    }
    let drops = hearer.counters().drops;
    for (_, _, reject) in &cases {
        let expected = cases.iter().filter(|(_, _, other)| other == reject);
        assert_eq!(drops.of(*reject), expected.count() as u64, "{reject:?}");
    }
    let with_tail = packet(2, 0, 28 + 27);
    let peers = hear(&mut hearer, Time::START, source(2), &with_tail).unwrap();
    assert_eq!(peers.len(), 1);
    let counters = hearer.counters();
    assert_eq!(counters.drops.of(Reject::TruncatedTail), 1);
    assert_eq!(counters.drops.total(), cases.len() as u64 + 1);
    assert_eq!(counters.packets_in, cases.len() as u64 + 1);
    assert_eq!(counters.records_heard, 1);
}

#[test]
fn a_self_test_needs_no_key_and_is_no_tracker() {
    let config = config().keys(Keys::new([7; 32]));
    let mut node = node_with(1, TrackerId([1; 4]), &config);
    let id = TrackerId([2; 4]);
    let probe = Inquire { asked: id }.emit(id);
    let heard = node.handle_datagram(Time::START, source(2), &probe);
    assert!(matches!(heard, Ok(Received::Nothing)), "{heard:?}");
    assert_eq!(node.nodes(Time::START).count(), 0);

    let real = Inquire { asked: node.id() }.emit(id);
    let refused = node.handle_datagram(Time::START, source(2), &real);
    assert_eq!(refused.unwrap_err(), Reject::Untagged);
    assert_eq!(node.counters().drops.total(), 1);
}

#[test]
fn what_was_heard_of_others_is_known() {
    let mut node = node(1);
    for (number, records) in [(2, 1), (3, 51)] {
        let mut other = self::node(number);
        (0..records).for_each(|number| other.announce(Time::START, record(number)));
        other.flush();
        let packet = &drain(&mut other)[0];
        hear(&mut node, millis(number.into()), source(number), packet).unwrap();
    }
    let mut stranger = source(4);
    stranger.allowed = false;
    let rejected = hear(&mut node, millis(9), stranger, &[4, 4, 4, 4, 0, 0, 0, 0, 0]);
    assert_eq!(rejected.unwrap_err(), Reject::NotAllowed);
    let mut heard: Vec<_> = node.nodes(millis(9)).collect();
    heard.sort_by_key(|node| node.last);
    let heard: Vec<_> = heard
        .iter()
        .map(|node| (node.address, node.last, node.packets, node.records))
        .collect();
    assert_eq!(
        heard,
        [
            (address(2), millis(2), 1, 1),
            (address(3), millis(3), 1, 51)
        ]
    );
}

#[test]
fn who_is_allowed_by_the_configuration_needs_no_blessing() {
    let allow = ["10.0.0.2/31".parse().expect("a network")];
    let config = config().allow(allow);
    let mut node = Node::new(
        Time::START,
        TrackerId([1; 4]),
        &[LinkInfo::multicast_ipv4(address(1))],
        1,
        &config,
    );
    let mut other = self::node(9);
    for (number, allowed) in [(2, true), (3, true), (4, false)] {
        other.announce(Time::START, record(1));
        other.flush();
        let packet = &drain(&mut other)[0];
        let mut source = source(number);
        source.allowed = false;
        assert_eq!(
            hear(&mut node, Time::START, source, packet).is_ok(),
            allowed
        );
    }
}
