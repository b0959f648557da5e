//! The tags that a node accepts, and when.

use livesync::unstable::wire::{Header, PacketType};

use super::*;
use crate::support::tag::tagged;

#[test]
fn the_first_key_makes_the_tag_and_either_is_good() {
    let changing = |first, second| keyed(Keys::new(key(first)).and(key(second)));
    for (config, vector) in [
        (changing(0, 0x20), "tagged_live"),
        (changing(0x20, 0), "second_key"),
    ] {
        let mut node = node(US, &config);
        tell_peers(&mut node);
        assert_eq!(sent(&mut node)[0], bytes(vector));
        for vector in ["tagged_live", "second_key"] {
            let mut hearer = self::node(HEARER, &config);
            assert_eq!(drops(&mut hearer, 500, &bytes(vector)), None, "{vector}");
        }
    }
}

#[test]
fn what_proves_its_origin_is_used_once() {
    for (vector, left) in [
        ("tagged_live", 500),
        ("tagged_beacon", 700),
        ("tagged_heartbeat", 1500),
        ("tagged_inquire", 20_801),
    ] {
        let mut node = node(HEARER, &keyed(Keys::new(key(0))));
        assert_eq!(drops(&mut node, left, &bytes(vector)), None, "{vector}");
        assert_eq!(
            node.nodes(at(left))
                .filter(|node| node.authenticated)
                .count(),
            1
        );
        let twice = drops(&mut node, left, &bytes(vector));
        assert_eq!(twice, Some(Reject::Replayed), "{vector}");
    }
}

#[test]
fn a_copy_is_used_if_the_first_was_not() {
    let config = keyed(Keys::new(key(0)));
    let (first, copy) = (bytes("tagged_live"), bytes("tagged_again"));
    let mut heard = node(HEARER, &config);
    assert_eq!(drops(&mut heard, 500, &first), None);
    assert_eq!(drops(&mut heard, 900, &copy), Some(Reject::Duplicate));

    let mut missed = node(HEARER, &config);
    assert_eq!(
        drops(&mut missed, 900, &copy),
        Some(Reject::Duplicate),
        "no stream"
    );
    assert_eq!(drops(&mut missed, 1500, &bytes("tagged_heartbeat")), None);
    assert_eq!(drops(&mut missed, 1600, &copy), None);
    assert_eq!(missed.counters().records_heard, 2);
    assert_eq!(missed.counters().repair.packets_recovered, 1);
    assert_eq!(drops(&mut missed, 1700, &first), Some(Reject::Replayed));
}

#[test]
fn what_proves_nothing_is_refused_or_only_counted() {
    let cases = [
        ("ours_live", Reject::Untagged),
        ("live_1", Reject::Untagged),
        ("truncated", Reject::Untagged),
        ("bad_tag", Reject::BadTag),
        ("flipped_bit", Reject::BadTag),
        ("other_cluster", Reject::BadTag),
        ("second_key", Reject::BadTag),
    ];
    let mut requires = node(HEARER, &keyed(Keys::new(key(0))));
    for (vector, reason) in cases {
        let dropped = drops(&mut requires, 500, &bytes(vector));
        assert_eq!(dropped, Some(reason), "{vector}");
        let accepting = keyed(Keys::new(key(0))).auth(Auth::Accept);
        let mut accepts = node(HEARER, &accepting);
        assert_eq!(drops(&mut accepts, 500, &bytes(vector)), None, "{vector}");
        assert_eq!(accepts.counters().packets_unauthenticated, 1);
    }
    let counters = requires.counters();
    assert_eq!(
        (counters.records_heard, counters.packets_unauthenticated),
        (0, 0)
    );
    assert_eq!(requires.nodes(at(500)).count(), 0);
    assert_eq!(drops(&mut requires, 500, &bytes("tagged_live")), None);
}

#[test]
fn every_bit_of_a_packet_with_a_tag_counts() {
    let good = bytes("tagged_live");
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let mut node = node(HEARER, &keyed(Keys::new(key(0))));
        assert!(drops(&mut node, 500, &bad).is_some(), "bit {bit}");
        assert_eq!(node.counters().records_heard, 0, "bit {bit}");
    }
}

#[test]
fn what_left_too_early_or_too_late_is_refused() {
    let config = keyed(Keys::new(key(0)));
    let packet = bytes("tagged_live");
    for (heard, reason) in [
        (30_500, None),
        (30_501, Some(Reject::Skewed)),
        (500, None),
        (0, None),
    ] {
        let mut node = node(HEARER, &config);
        assert_eq!(drops(&mut node, heard, &packet), reason, "{heard} ms");
    }
    for (ahead, reason) in [(30_000, None), (30_001, Some(Reject::Skewed))] {
        let mut node = node(HEARER, &config);
        let now = at(0);
        node.set_unix_time(now, BEGAN + millis(500) - millis(ahead));
        assert_eq!(drops(&mut node, 0, &packet), reason, "{ahead} ms ahead");
    }
    for (started, reason) in [(500, None), (501, Some(Reject::Replayed))] {
        let mut node = Node::new(
            at(started),
            HEARER,
            &[LinkInfo::multicast_ipv4(address(2))],
            1,
            &config,
        );
        node.set_unix_time(at(started), BEGAN + millis(started));
        assert_eq!(drops(&mut node, 501, &packet), reason, "start at {started}");
    }
}

#[test]
fn where_no_key_is_required_a_wrong_time_is_no_worse_than_no_tag() {
    let mut node = node(HEARER, &keyed(Keys::new(key(0))).auth(Auth::Accept));
    for (vector, records) in [("tagged_live", 2), ("ours_live", 4)] {
        assert_eq!(drops(&mut node, 30_501, &bytes(vector)), None, "{vector}");
        assert!(node.take_unauthenticated());
        assert_eq!(node.counters().records_heard, records);
    }
    assert_eq!(node.counters().packets_unauthenticated, 2);
    assert!(!node.take_unauthenticated(), "said already");
}

/// If no key is required, a source without one sends under the id of a tracker that has one.
#[test]
fn who_has_proven_itself_is_not_believed_without_a_proof() {
    let mut node = node(HEARER, &keyed(Keys::new(key(0))).auth(Auth::Accept));
    assert_eq!(drops(&mut node, 400, &bytes("ours_live")), None);
    assert_eq!(drops(&mut node, 500, &bytes("tagged_live")), None);
    for (vector, now, reason) in [
        ("ours_live_ipv6", 600, Some(Reject::Untagged)),
        ("bad_tag", 700, Some(Reject::BadTag)),
        ("tagged_live", 40_000, Some(Reject::Skewed)),
        ("heartbeat", 120_499, Some(Reject::Untagged)),
        ("heartbeat", 120_500, None),
    ] {
        assert_eq!(
            drops(&mut node, now, &bytes(vector)),
            reason,
            "{vector} at {now}"
        );
    }
}

#[test]
fn what_is_missing_is_no_replay_though_it_left_before_we_started() {
    let config = keyed(Keys::new(key(0)));
    for vector in ["tagged_live", "tagged_again"] {
        let mut node = Node::new(
            at(1000),
            HEARER,
            &[LinkInfo::multicast_ipv4(address(2))],
            1,
            &config,
        );
        node.set_unix_time(at(1000), BEGAN + millis(1000));
        let packet = bytes(vector);
        assert_eq!(drops(&mut node, 1500, &packet), Some(Reject::Replayed));
        hear(&mut node, 2500, &bytes("tagged_heartbeat"));
        hear(&mut node, 2600, &packet);
        assert_eq!(node.counters().repair.packets_recovered, 1, "{vector}");
    }
}

/// The check would take longer than others should wait.
#[test]
fn the_tag_of_a_packet_that_nobody_sends_is_not_looked_at() {
    for (records, reject) in [(321, None), (322, Some(Reject::BadTag))] {
        let mut node = node(HEARER, &keyed(Keys::new(key(0))));
        assert_eq!(drops(&mut node, 500, &signed_list(records)), reject);
    }
}

/// Returns a list with this many records, as a node with the key would send it.
fn signed_list(records: usize) -> Vec<u8> {
    let header = Header::new(US, PacketType::Live).emit();
    let packet = [&header[..], &[0xab; 28].repeat(records)].concat();
    let trailer = Trailer {
        epoch: EPOCH,
        sent: 500,
        seq: 1,
        ..Trailer::default()
    };
    tagged(&key(0), "example", &packet, trailer)
}
