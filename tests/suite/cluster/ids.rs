//! Packets under a node's own id: its own ones that came back, or those of another node with
//! the same id.

use std::time::Duration;

use livesync::TrackerId;
use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::Waited;

use super::nodes::{config, drain, hear, millis, node_with, node_with_id, record, source};

#[test]
fn nodes_that_drew_the_same_id_heal_and_lose_nothing_from_then_on() {
    let same = TrackerId([7; 4]);
    let [mut one, mut other] = [1, 2].map(|number| node_with_id(number, same));
    one.announce(Time::START, record(1));
    other.announce(Time::START, record(2));
    let due = millis(100);
    one.handle_timeout(due);
    other.handle_timeout(due);
    // Both send at once, before either has received a packet of the other.
    let (from_one, from_other) = (drain(&mut one), drain(&mut other));
    one.announce(due, record(3));
    other.announce(due, record(4));
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
    // A packet of our old id that comes back is still our own.
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
        node.announce(Time::START, record(1));
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
