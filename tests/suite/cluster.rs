//! Peer sync: a cluster of sans-IO nodes in one test, on a clock that the test
//! owns. Scrape sync is off here, and has a cluster of its own in tube/.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source, Waited};
use livesync::unstable::wire::{Inquire, PeerList};
use livesync::{Announce, Config, InfoHash, Keys, Peer, PeerFlags, TrackerId};
use proptest::prelude::*;

/// The default.
const FLUSH_AFTER: Duration = Duration::from_millis(100);

fn address(node: u8) -> SocketAddr {
    ([10, 0, 0, node], 40_000).into()
}

fn node(number: u8) -> Node {
    node_with_id(number, TrackerId([number; 4]))
}

/// A node that takes no IPv6 peers, does no scrape sync, and has said that it is there.
fn node_with_id(number: u8, id: TrackerId) -> Node {
    node_with(number, id, &config())
}

fn node_with(number: u8, id: TrackerId, config: &Config) -> Node {
    let config = config.clone().lonely_after(Duration::MAX);
    let mut node = Node::new(
        Time::START,
        id,
        &[LinkInfo::multicast_ipv4(address(number))],
        number.into(),
        &config,
    );
    node.handle_timeout(Time::START);
    assert_eq!(
        drain(&mut node).len(),
        usize::from(config.repair),
        "a heartbeat"
    );
    node
}

fn config() -> Config {
    Config::default().ipv6(false).scrape(false)
}

fn source(number: u8) -> Source {
    Source {
        address: address(number),
        blessed: true,
    }
}

fn record(number: u32) -> Announce {
    let mut hash = [0; 20];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    Announce {
        info_hash: InfoHash(hash),
        peer: Peer {
            ip: Ipv4Addr::from(number).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        },
    }
}

fn millis(millis: u64) -> Time {
    Time::START + Duration::from_millis(millis)
}

/// The announces of a datagram.
fn hear<'a>(
    hearer: &mut Node,
    now: Time,
    source: Source,
    datagram: &'a [u8],
) -> Result<PeerList<'a>, Reject> {
    match hearer.handle_datagram(now, source, datagram)? {
        Received::Peers(peers) => Ok(peers),
        other => panic!("{other:?}"),
    }
}

/// All packets that are ready.
fn drain(node: &mut Node) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| node.poll_transmit())
        .map(|datagram| datagram.as_ref().to_vec())
        .collect()
}

proptest! {
    /// Whatever is told at whatever times, every other node hears all of it, in order,
    /// no later than the flush time-out, in packets that are neither empty nor too large.
    #[test]
    fn everybody_hears_everything_in_order_and_in_time(
        gaps in proptest::collection::vec(0..60u64, 1..400),
        wakeups in proptest::collection::vec(any::<bool>(), 400),
    ) {
        let mut teller = node(1);
        let mut hearers = [node(2), node(3)];
        let mut heard: [Vec<Announce>; 2] = Default::default();
        let mut told_at = Vec::new();
        let mut now = Time::START;
        let mut deliver = |teller: &mut Node, told_at: &[Time], now: Time| {
            for packet in drain(teller) {
                assert!(packet.len() > 8 && packet.len() <= 1472);
                for (hearer, heard) in hearers.iter_mut().zip(&mut heard) {
                    heard.extend(hear(hearer, now, source(1), &packet).unwrap());
                }
                let comes_back = hear(teller, now, source(9), &packet);
                assert_eq!(comes_back.unwrap_err(), Reject::OwnPacket);
                // The trailer is shorter than a record.
                let oldest = told_at[heard[0].len() - (packet.len() - 8) / 28];
                assert!(now.since(oldest) <= FLUSH_AFTER);
            }
        };
        for (number, (gap, wakeup)) in gaps.iter().zip(wakeups).enumerate() {
            let next = now + Duration::from_millis(*gap);
            while teller.poll_timeout() <= next {
                now = teller.poll_timeout();
                teller.handle_timeout(now);
                deliver(&mut teller, &told_at, now);
            }
            now = next;
            if wakeup {
                teller.handle_timeout(now);
                prop_assert!(!teller.has_transmit(), "sent too early");
            }
            told_at.push(now);
            teller.tell(now, record(number as u32));
            deliver(&mut teller, &told_at, now);
        }
        now = teller.poll_timeout().min(now + FLUSH_AFTER);
        teller.handle_timeout(now);
        deliver(&mut teller, &told_at, now);
        prop_assert!(teller.poll_timeout() > now + FLUSH_AFTER, "only a heartbeat is due");
        let expected: Vec<_> = (0..gaps.len() as u32).map(record).collect();
        for heard in heard {
            prop_assert_eq!(&heard, &expected);
        }
        prop_assert_eq!(teller.counters().records_told, gaps.len() as u64);
        for hearer in hearers {
            prop_assert_eq!(hearer.counters().records_heard, gaps.len() as u64);
            // The first packet was a heartbeat.
            prop_assert_eq!(hearer.counters().packets_in + 1, teller.counters().packets_out);
            prop_assert_eq!(hearer.counters().drops.total(), 0);
        }
    }
}

#[test]
fn a_full_packet_leaves_at_once_and_the_clock_starts_with_its_first_record() {
    // No tag, for there is no key; epoch 0, as nobody said what time it is.
    let trailer = [&[0; 12 + 4][..], &[0, 0, 0, 160, 0, 0, 0, 2, 0, b'L', b'S']];
    for (config, full, heartbeat, trailer) in [
        (config(), 51, millis(1052), trailer.concat()),
        (config().repair(false), 52, Time::NEVER, vec![]),
    ] {
        let mut node = node_with(1, TrackerId([1; 4]), &config);
        for number in 1..full {
            node.tell(millis(number), record(number as u32));
            assert_eq!(node.poll_timeout(), millis(101));
            assert!(!node.has_transmit());
        }
        node.tell(millis(52), record(full as u32));
        assert_eq!(drain(&mut node).len(), 1);
        assert_eq!(node.poll_timeout(), heartbeat);
        node.tell(millis(60), record(77));
        assert_eq!(node.poll_timeout(), millis(160));
        node.handle_timeout(millis(159));
        assert!(!node.has_transmit());
        node.handle_timeout(millis(160));
        assert_eq!(
            drain(&mut node),
            [[
                &[1, 1, 1, 1, 0, 0, 0, 0][..],
                &[0, 0, 0, 77],
                &[0; 16],
                &[0, 0, 0, 77, 0x1a, 0xe1, 0x80, 0],
                &trailer,
            ]
            .concat()]
        );
        node.handle_timeout(millis(500));
        node.flush();
        assert!(!node.has_transmit(), "an empty packet");
    }
}

#[test]
fn who_is_silent_says_so_less_and_less_often() {
    let mut node = node(1);
    node.tell(Time::START, record(1));
    node.handle_timeout(millis(100));
    drain(&mut node);
    let mut beats = Vec::new();
    while node.poll_timeout() <= millis(120_000) {
        let now = node.poll_timeout();
        node.handle_timeout(now);
        for packet in drain(&mut node) {
            assert_eq!(packet.len(), 43);
            assert_eq!(packet[4..16], *b"LS\0\x01\0\0\0\0\0\0\0\x01");
            beats.push(now.since(millis(100)).as_secs());
        }
    }
    assert_eq!(beats, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 40, 70, 100]);
}

#[test]
fn every_drop_is_counted_under_its_reason() {
    let mut hearer = node(1);
    let packet = |id: u8, packet_type: u8, payload: usize| {
        let mut packet = vec![id, id, id, id, 0, 0, 0, packet_type];
        packet.resize(8 + payload, 0);
        packet
    };
    let stranger = Source {
        blessed: false,
        ..source(2)
    };
    hearer.tell(Time::START, record(1));
    hearer.flush();
    let ours = drain(&mut hearer).remove(0);
    let cases = [
        (stranger, packet(2, 0, 28), Reject::NotBlessed),
        (stranger, vec![], Reject::NotBlessed),
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
fn nodes_that_drew_the_same_id_heal_and_lose_nothing_from_then_on() {
    let same = TrackerId([7; 4]);
    let [mut one, mut other] = [1, 2].map(|number| node_with_id(number, same));
    one.tell(Time::START, record(1));
    other.tell(Time::START, record(2));
    let due = millis(100);
    one.handle_timeout(due);
    other.handle_timeout(due);
    // Both speak at once, before either has heard of the other.
    let (from_one, from_other) = (drain(&mut one), drain(&mut other));
    one.tell(due, record(3));
    other.tell(due, record(4));
    for (node, source, packet, heard) in [
        (&mut one, source(2), &from_other[0], record(2)),
        (&mut other, source(1), &from_one[0], record(1)),
    ] {
        let peers = hear(node, due, source, packet).expect("used, once the id is another");
        assert_eq!(peers.collect::<Vec<_>>(), [heard]);
        assert_eq!(node.take_new_id(), Some(node.id()));
        assert_eq!(node.take_new_id(), None);
        assert_eq!(node.counters().id_collisions, 1);
    }
    assert!(one.id() != same && other.id() != same && one.id() != other.id());
    one.handle_timeout(millis(200));
    let left = drain(&mut one);
    let heartbeat = |packet: &&Vec<u8>| packet.len() == 16 + 27;
    let packet = left.iter().find(|packet| !heartbeat(packet));
    let packet = packet.expect("a list");
    assert_eq!(
        packet[..4],
        one.id().0,
        "what was being filled has the new id"
    );
    let peers = hear(&mut other, millis(200), source(1), packet).expect("heard");
    assert_eq!(peers.collect::<Vec<_>>(), [record(3)]);
    // What we said under the old id and hear again is still our own.
    let own = hear(&mut one, millis(200), source(1), &from_one[0]);
    assert_eq!(own.unwrap_err(), Reject::OwnPacket);
    assert_eq!(one.counters().id_collisions, 1);
}

#[test]
fn a_packet_without_a_trailer_is_our_own_if_it_may_have_come_shortly_after_it_left() {
    let waited = |seconds| Waited::exactly(Duration::from_secs(seconds));
    let at_most = |seconds| Waited::at_most(Duration::from_secs(seconds));
    let cases = [
        (1, waited(1), true),
        (60, waited(60), true),
        (60, waited(58), false),
        (60, at_most(58), false),
        (60, at_most(60), true),
        (60, Waited::UNKNOWN, true),
    ];
    for (after, waited, is_own) in cases {
        let mut node = node_with(1, TrackerId([1; 4]), &config().repair(false));
        node.tell(Time::START, record(1));
        node.handle_timeout(millis(100));
        let left = drain(&mut node);
        let now = millis(1000 * after);
        for packet in &left {
            let heard = node.handle_datagram_after(now, waited, source(1), packet);
            assert_eq!(heard.err() == Some(Reject::OwnPacket), is_own, "{waited:?}");
        }
        assert_eq!(node.counters().id_collisions, u64::from(!is_own));
    }
}

#[test]
fn ipv4_and_ipv6_peers_leave_in_packets_of_their_own() {
    let mut teller = node(1);
    let mut hearer = Node::new(
        Time::START,
        TrackerId([2; 4]),
        &[LinkInfo::multicast_ipv4(address(2))],
        2,
        &Config::default(),
    );
    let ipv6 = |number: u32| {
        let mut announce = record(number);
        announce.peer.ip = std::net::Ipv6Addr::from(u128::from(number) << 64).into();
        announce
    };
    let mut mapped = record(100);
    mapped.peer.ip = Ipv4Addr::from(100).to_ipv6_mapped().into();
    teller.tell(Time::START, mapped);
    for number in 0..40 {
        teller.tell(Time::START, ipv6(number));
    }
    let full = drain(&mut teller);
    assert_eq!(
        full.iter().map(Vec::len).collect::<Vec<_>>(),
        [8 + 35 * 40 + 27]
    );
    teller.handle_timeout(millis(100));
    let rest = drain(&mut teller);
    assert_eq!(
        rest.iter().map(Vec::len).collect::<Vec<_>>(),
        [8 + 28 + 27, 8 + 5 * 40 + 27]
    );
    let mut heard = Vec::new();
    for packet in full.iter().chain(&rest) {
        heard.extend(hear(&mut hearer, millis(100), source(1), packet).expect("peers"));
    }
    let expected = (0..35)
        .map(ipv6)
        .chain([record(100)])
        .chain((35..40).map(ipv6));
    assert!(heard.into_iter().eq(expected));
    assert_eq!(
        hear(&mut node(3), millis(100), source(1), &full[0]).unwrap_err(),
        Reject::Ipv6Unsupported
    );
}

#[test]
fn who_speaks_and_hears_nobody_is_warned_once() {
    let minutes = |minutes: u64| Time::START + Duration::from_secs(60 * minutes);
    let alone = |config: &Config| {
        Node::new(
            Time::START,
            TrackerId([1; 4]),
            &[LinkInfo::multicast_ipv4(address(1))],
            1,
            config,
        )
    };
    /// Lets the node do what is due until then; whether it says that it is lonely.
    fn wait(node: &mut Node, until: Time) -> bool {
        while node.poll_timeout() <= until {
            node.handle_timeout(node.poll_timeout());
        }
        node.handle_timeout(until);
        node.take_lonely()
    }

    let silent = config().repair(false);
    let mut node = alone(&silent);
    assert!(!wait(&mut node, minutes(60)), "it has not spoken");
    node.tell(minutes(60), record(1));
    assert!(!wait(&mut node, minutes(64)), "too early");
    assert!(wait(&mut node, minutes(66)));
    node.tell(minutes(66), record(2));
    assert!(!wait(&mut node, minutes(600)), "twice");
    let mut other = self::node(2);
    other.tell(Time::START, record(3));
    other.flush();
    hear(&mut node, minutes(600), source(2), &drain(&mut other)[0]).unwrap();
    node.tell(minutes(601), record(4));
    assert!(
        !wait(&mut node, minutes(604)),
        "it was not alone for five minutes"
    );
    assert!(wait(&mut node, minutes(605)), "again, after company");

    let mut node = alone(&config());
    assert!(!wait(&mut node, minutes(4)));
    assert!(wait(&mut node, minutes(5)), "it spoke: heartbeats");

    let never = config().lonely_after(Duration::ZERO);
    for only in [config().listen(false), config().speak(false), never] {
        let mut node = alone(&only);
        node.tell(Time::START, record(1));
        assert!(!wait(&mut node, minutes(60)));
    }
}

#[test]
fn what_was_heard_of_others_is_known() {
    let mut node = node(1);
    for (number, records) in [(2, 1), (3, 51)] {
        let mut other = self::node(number);
        (0..records).for_each(|number| other.tell(Time::START, record(number)));
        other.flush();
        let packet = &drain(&mut other)[0];
        hear(&mut node, millis(number.into()), source(number), packet).unwrap();
    }
    let mut stranger = source(4);
    stranger.blessed = false;
    let rejected = hear(&mut node, millis(9), stranger, &[4, 4, 4, 4, 0, 0, 0, 0, 0]);
    assert_eq!(rejected.unwrap_err(), Reject::NotBlessed);
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
        other.tell(Time::START, record(1));
        other.flush();
        let packet = &drain(&mut other)[0];
        let mut source = source(number);
        source.blessed = false;
        assert_eq!(
            hear(&mut node, Time::START, source, packet).is_ok(),
            allowed
        );
    }
}
