//! The reasons for which datagrams are dropped, and their order.

use std::collections::BTreeSet;
use std::time::Duration;

use livesync::Keys;
use livesync::stats::Reject;
use livesync::unstable::wire::{Heartbeat, Trailer};

use super::*;

const KEY: [u8; 32] = [7; 32];
const BEACON: u32 = PacketType::ScrapeBeacon as u32;
const NAK: u32 = PacketType::Nak as u32;
const AGAIN: u32 = 0x4c53_0100;

/// The epoch of the nodes, in tenths of a second; they start when it begins.
const EPOCH: u32 = 0x25b4_1378;
const BEGAN: Duration = Duration::from_millis(1_767_323_045_600);

/// A receiving node. None of them accepts IPv6 peers or takes part in scrape sync.
#[derive(Clone, Copy, Debug)]
enum Hearer {
    RequiresKey,
    Keyless,
    Repairless,
}
use crate::support::tag;
use Hearer::{Keyless, Repairless, RequiresKey};

impl Hearer {
    fn node(self) -> Node {
        let config = Config::default().ipv6(false).scrape(false);
        let config = match self {
            RequiresKey => config.keys(Keys::new(KEY)),
            Keyless => config,
            Repairless => config.repair(false),
        };
        let mut node = Node::new(
            start(),
            US,
            &[LinkInfo::multicast_ipv4(source(1, true).address)],
            1,
            &config,
        );
        node.set_unix_time(start(), BEGAN);
        node
    }
}

/// Returns the first packet of a node.
fn first(node: &mut Node) -> Vec<u8> {
    node.handle_timeout(start());
    let first = node.poll_transmit();
    first.map_or_else(Vec::new, |packet| packet.as_ref().to_vec())
}

/// Each datagram has the fault that it is for, and as many of the later ones as are possible
/// together.
#[test]
fn datagrams_are_dropped_for_the_reasons_that_it_lists_in_this_order() {
    let allowed = source(2, true);
    let from = |source, reject, datagram| (reject, RequiresKey, source, vec![], datagram);
    let case =
        |reject, hearer, before, datagram: Vec<u8>| (reject, hearer, allowed, before, datagram);
    let list = |id, packet_type| zeros(id, packet_type, IPV4);
    let (ahead, late) = (EPOCH + 600, EPOCH - 100);
    let cases = [
        from(
            source(2, false),
            Reject::OwnPacket,
            first(&mut RequiresKey.node()),
        ),
        from(source(2, false), Reject::NotAllowed, vec![0; 3]),
        from(allowed, Reject::TooShort, US.0.to_vec()),
        from(allowed, Reject::UnknownType, zeros(US, 4, 0)),
        from(allowed, Reject::EmptyList, zeros(US, 3, 0)),
        from(allowed, Reject::TruncatedTail, zeros(US, 3, TELL - 1)),
        from(allowed, Reject::BadLength, zeros(US, 2, 5)),
        from(
            allowed,
            Reject::BadCount,
            [zeros(US, AGAIN + BEACON, 0), vec![0xff; 8]].concat(),
        ),
        from(allowed, Reject::BadNumbers, zeros(US, NAK, 16)),
        from(allowed, Reject::Untagged, zeros(US, AGAIN + BEACON, 8)),
        from(
            allowed,
            Reject::BadTag,
            tagged([8; 32], list(US, AGAIN), ahead, 0, 0),
        ),
        from(
            allowed,
            Reject::Replayed,
            tagged(KEY, list(US, AGAIN), EPOCH - 1, 90_000, 0),
        ),
        from(
            allowed,
            Reject::Skewed,
            tagged(KEY, list(US, AGAIN), ahead, 0, 0),
        ),
        case(
            Reject::BadNumbers,
            Repairless,
            vec![],
            numbered(zeros(OTHER, AGAIN + BEACON, 8), EPOCH, 0, 1),
        ),
        case(
            Reject::Duplicate,
            Repairless,
            vec![],
            numbered(list(OTHER, AGAIN), EPOCH, 0, 1),
        ),
        case(
            Reject::Replayed,
            RequiresKey,
            vec![tagged(KEY, heartbeat(0), EPOCH + 1, 0, 0)],
            tagged(KEY, list(OTHER, AGAIN), late, 0, 1),
        ),
        case(
            Reject::BadNumbers,
            Keyless,
            vec![numbered(heartbeat(0), EPOCH, 0, 0)],
            numbered(zeros(OTHER, AGAIN + 1, IPV6), EPOCH, 0, (1 << 17) + 1),
        ),
        case(
            Reject::Duplicate,
            RequiresKey,
            vec![tagged(KEY, heartbeat(0), EPOCH + 1, 0, 0)],
            tagged(KEY, zeros(OTHER, AGAIN + 1, IPV6), EPOCH, 0, 1),
        ),
        case(
            Reject::Replayed,
            RequiresKey,
            vec![tagged(KEY, heartbeat(0), EPOCH + 1, 0, 0)],
            tagged(KEY, zeros(OTHER, 1, IPV6), EPOCH, 0, 1),
        ),
        case(
            Reject::Replayed,
            RequiresKey,
            vec![tagged(KEY, heartbeat(0), EPOCH, 5, 0)],
            tagged(KEY, zeros(OTHER, BEACON, 8), EPOCH, 5, 0),
        ),
        case(
            Reject::Duplicate,
            Keyless,
            vec![numbered(list(OTHER, 0), EPOCH, 9000, 100)],
            numbered(zeros(OTHER, 1, IPV6), EPOCH, 0, 99),
        ),
        case(
            Reject::Ipv6Unsupported,
            RequiresKey,
            vec![tagged(KEY, heartbeat(1), EPOCH, 9, 0)],
            tagged(KEY, zeros(OTHER, AGAIN + 1, IPV6), EPOCH, 0, 1),
        ),
        case(
            Reject::ScrapeUnsupported,
            RequiresKey,
            vec![],
            tagged(KEY, zeros(OTHER, 3, TELL), EPOCH, 0, 1),
        ),
        case(
            Reject::TooLate,
            Keyless,
            vec![
                numbered(heartbeat(100), EPOCH, 9, 0),
                numbered(list(OTHER, 0), EPOCH, 4000, 100),
            ],
            numbered(list(OTHER, AGAIN), EPOCH, 3000, 99),
        ),
    ];
    let stated = section("## Receiving").table(0);
    let stated: Vec<_> = stated.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(stated, cases.each_ref().map(|case| case.0.name()));
    // That reason drops no datagram, only a record.
    let of_datagrams = |reject: &Reject| *reject != Reject::BadPeer;
    let all: BTreeSet<_> = Reject::ALL
        .iter()
        .copied()
        .filter(of_datagrams)
        .map(Reject::name)
        .collect();
    assert_eq!(stated.into_iter().collect::<BTreeSet<_>>(), all);

    for (reject, hearer, source, before, datagram) in cases {
        let mut node = hearer.node();
        first(&mut node);
        for datagram in before {
            assert_eq!(drops(&mut node, allowed, &datagram), None, "{reject:?}");
        }
        let now = node.id();
        assert_eq!(drops(&mut node, source, &datagram), Some(reject));
        assert_eq!(node.counters().drops.of(reject), 1, "{reject:?}");
        assert_eq!(node.counters().drops.total(), 1, "{reject:?}");
        assert_eq!(node.id(), now, "{reject:?}: what is dropped so early");
    }
}

#[test]
fn a_packet_replayed_is_one_that_the_page_says() {
    let mut node = RequiresKey.node();
    for (epoch, seq) in [(EPOCH - 1, 0), (EPOCH - 1, 1)] {
        let ours = tagged(KEY, zeros(US, 0, IPV4), epoch, 0, seq);
        let reject = drops(&mut node, source(2, true), &ours);
        assert_eq!((reject, node.id()), (Some(Reject::Replayed), US));
    }
    let first = tagged(KEY, heartbeat(0), EPOCH, 5, 0);
    let later = tagged(KEY, heartbeat(0), EPOCH, 6, 0);
    for (datagram, reject) in [
        (&first, None),
        (&first, Some(Reject::Replayed)),
        (&later, None),
        (&first, Some(Reject::Replayed)),
    ] {
        assert_eq!(drops(&mut node, source(2, true), datagram), reject);
    }
}

#[test]
fn without_a_key_nobody_takes_the_place_of_another_sender() {
    let mut node = Keyless.node();
    let list = |seq, epoch| numbered(zeros(OTHER, 0, IPV4), epoch, 0, seq);
    assert_eq!(drops(&mut node, source(2, true), &list(1, EPOCH)), None);
    let later = numbered(heartbeat(9), EPOCH + 9, 0, 0);
    assert_eq!(drops(&mut node, source(2, true), &later), None);
    let far = numbered(heartbeat(1 << 17), EPOCH, 0, 0);
    assert_eq!(drops(&mut node, source(3, true), &far), None);
    for (seq, reject) in [(2, None), (1, Some(Reject::Duplicate)), (3, None)] {
        assert_eq!(drops(&mut node, source(2, true), &list(seq, EPOCH)), reject);
    }
    assert_eq!(node.counters().repair.packets_recovered, 0, "none is late");
}

#[test]
fn what_has_our_id_changes_it_where_the_page_says() {
    let allowed = source(2, true);
    let last_of_all = [Reject::Ipv6Unsupported, Reject::ScrapeUnsupported];
    for (reject, packet_type) in last_of_all.into_iter().zip([1, 3]) {
        let mut node = Keyless.node();
        let id = node.id();
        let same_id = zeros(id, packet_type, 64);
        assert_eq!(drops(&mut node, allowed, &same_id), Some(reject));
        assert_ne!(node.id(), id);
    }
    let mut node = Keyless.node();
    let id = node.id();
    let wrong_numbers = zeros(id, PacketType::Heartbeat as u32, 8);
    let reject = drops(&mut node, allowed, &wrong_numbers);
    assert_eq!(reject, Some(Reject::BadNumbers));
    assert_ne!(node.id(), id);
}

#[test]
fn whole_records_are_used_and_a_tail_is_counted_unless_it_is_a_trailer() {
    let mut node = Keyless.node();
    let with_tail = zeros(OTHER, 0, IPV4 + IPV4 - 1);
    let with_trailer = numbered(zeros(OTHER, 0, IPV4), EPOCH, 0, 1);
    assert_eq!(with_tail.len(), with_trailer.len());
    for (datagram, tails) in [(with_tail, 1), (with_trailer, 1)] {
        match node.handle_datagram(start(), source(2, true), &datagram) {
            Ok(Received::Peers(peers)) => assert_eq!(peers.len(), 1),
            other => panic!("{other:?}"),
        }
        assert_eq!(node.counters().drops.of(Reject::TruncatedTail), tails);
    }
}

#[test]
fn what_is_not_to_be_believed_is_dropped_as_it_says() {
    for row in section("## Test vectors").table(2) {
        let config = Config::default()
            .keys(Keys::new(std::array::from_fn(|i| i as u8)))
            .cluster("example");
        let mut node = Node::new(
            start(),
            OTHER,
            &[LinkInfo::multicast_ipv4(source(1, true).address)],
            1,
            &config,
        );
        node.set_unix_time(start(), BEGAN);
        let reject = drops(&mut node, source(2, true), &vector(&row[0]));
        assert_eq!(reject.map(Reject::name), Some(&row[1][..]), "{}", row[0]);
    }
}

/// A second after the start, so that there is a time before it.
fn start() -> Time {
    Time::START + Duration::from_secs(1)
}

fn drops(node: &mut Node, source: Source, datagram: &[u8]) -> Option<Reject> {
    let now = start() + Duration::from_millis(20);
    node.handle_datagram(now, source, datagram).err()
}

fn heartbeat(highest: u32) -> Vec<u8> {
    let epoch = EPOCH;
    Heartbeat { epoch, highest }.emit(OTHER).to_vec()
}

/// Returns the packet with a trailer, but without a tag.
fn numbered(packet: Vec<u8>, epoch: u32, sent: u32, seq: u32) -> Vec<u8> {
    let trailer = Trailer {
        epoch,
        sent,
        seq,
        ..Trailer::default()
    };
    [packet, trailer.emit().to_vec()].concat()
}

/// Returns the packet with a trailer and a tag.
fn tagged(key: [u8; 32], packet: Vec<u8>, epoch: u32, sent: u32, seq: u32) -> Vec<u8> {
    let trailer = Trailer {
        epoch,
        sent,
        seq,
        ..Trailer::default()
    };
    tag::tagged(&key, "livesync", &packet, trailer)
}
