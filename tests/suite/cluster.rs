//! Peer sync: a cluster of sans-IO nodes in one test, on a clock of the test. Announces leave
//! on time and arrive. Scrape sync is off here; tube/ has clusters for it.

mod hearing;
mod ids;
mod nodes;

use std::net::Ipv4Addr;
use std::time::Duration;

use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node};
use livesync::{Announce, Config, TrackerId};
use proptest::prelude::*;

use self::nodes::{address, config, drain, hear, millis, node, node_with, record, source};

/// The default flush time.
const FLUSH_AFTER: Duration = Duration::from_millis(100);

proptest! {
    /// Every other node receives all announces, whenever they are made: in order, no later than the
    /// flush time, in packets that are neither empty nor too large.
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
            teller.announce(now, record(number as u32));
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
        prop_assert_eq!(teller.counters().records_announced, gaps.len() as u64);
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
    // No tag, since there is no key; epoch 0, since the node does not know the wall-clock time.
    let trailer = [&[0; 12 + 4][..], &[0, 0, 0, 160, 0, 0, 0, 2, 0, b'L', b'S']];
    for (config, full, heartbeat, trailer) in [
        (config(), 51, millis(1052), trailer.concat()),
        (config().repair(false), 52, Time::NEVER, vec![]),
    ] {
        let mut node = node_with(1, TrackerId([1; 4]), &config);
        for number in 1..full {
            node.announce(millis(number), record(number as u32));
            assert_eq!(node.poll_timeout(), millis(101));
            assert!(!node.has_transmit());
        }
        node.announce(millis(52), record(full as u32));
        assert_eq!(drain(&mut node).len(), 1);
        assert_eq!(node.poll_timeout(), heartbeat);
        node.announce(millis(60), record(77));
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
    node.announce(Time::START, record(1));
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
    teller.announce(Time::START, mapped);
    for number in 0..40 {
        teller.announce(Time::START, ipv6(number));
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
    /// Lets the node do the due work until then; returns whether it reports isolation.
    fn wait(node: &mut Node, until: Time) -> bool {
        while node.poll_timeout() <= until {
            node.handle_timeout(node.poll_timeout());
        }
        node.handle_timeout(until);
        node.take_isolated()
    }

    let silent = config().repair(false);
    let mut node = alone(&silent);
    assert!(!wait(&mut node, minutes(60)), "it has not spoken");
    node.announce(minutes(60), record(1));
    assert!(!wait(&mut node, minutes(64)), "too early");
    assert!(wait(&mut node, minutes(66)));
    node.announce(minutes(66), record(2));
    assert!(!wait(&mut node, minutes(600)), "twice");
    let mut other = self::node(2);
    other.announce(Time::START, record(3));
    other.flush();
    hear(&mut node, minutes(600), source(2), &drain(&mut other)[0]).unwrap();
    node.announce(minutes(601), record(4));
    assert!(
        !wait(&mut node, minutes(604)),
        "it was not alone for five minutes"
    );
    assert!(wait(&mut node, minutes(605)), "again, after isolation");

    let mut node = alone(&config());
    assert!(!wait(&mut node, minutes(4)));
    assert!(wait(&mut node, minutes(5)), "it spoke: heartbeats");

    let never = config().isolated_after(Duration::ZERO);
    for only in [config().listen(false), config().speak(false), never] {
        let mut node = alone(&only);
        node.announce(Time::START, record(1));
        assert!(!wait(&mut node, minutes(60)));
    }
}
