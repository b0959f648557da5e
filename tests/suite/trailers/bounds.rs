//! What strangers cannot do: there is little that they can make of us.

use super::*;

#[test]
fn packets_forged_under_our_id_do_not_move_our_epoch_ahead() {
    let config = keyed(Keys::new(key(0)));
    let mut node = node(US, &config.clone().auth(Auth::Accept));
    for forged in 1..=1000 {
        let id = node.id();
        hear(&mut node, 100, &Inquire { asked: OTHER }.emit(id));
        assert_ne!(node.id(), id);
        assert_eq!(node.counters().id_collisions, forged);
    }
    assert_eq!(node.epoch(), Some(EPOCH + 1), "by the time");
    tell(&mut node, 500, list().next().expect("an announce"));
    let packet = &sent(&mut node)[0];
    let mut hearer = self::node(HEARER, &config);
    assert_eq!(drops(&mut hearer, 500, packet), None);
}

#[test]
fn gaps_are_bounded_also_where_packets_split_them() {
    const LAST: u64 = 4_000_000;
    let mut node = node(HEARER, &Config::default());
    let odd = (1..=10_000).map(|number| 2 * number + 1);
    let numbers: Vec<_> = [1, LAST as u32].into_iter().chain(odd).collect();
    for seq in &numbers {
        hear(&mut node, 200, &numbered_list(*seq));
    }
    node.handle_timeout(at(300));
    let asked_for = sent(&mut node)
        .iter()
        .map(|packet| match frame(packet).packet {
            Packet::Nak(nak) => nak.ranges().count(),
            _ => 0,
        })
        .sum::<usize>();
    assert_eq!(asked_for, 512);
    // None is forgotten without being counted.
    let missing: u64 = node.nodes(at(300)).map(|node| node.missing).sum();
    let given_up = node.counters().repair.packets_given_up;
    assert_eq!(missing + given_up + numbers.len() as u64, LAST);
    assert_eq!(given_up, 10_001 - 512);
}

#[test]
fn who_is_heard_only_by_a_packet_sent_again_is_nobody() {
    let mut node = node(HEARER, &Config::default());
    node.handle_timeout(at(0));
    sent(&mut node);
    let packet = bytes("again");
    assert_eq!(drops(&mut node, 900, &packet), Some(Reject::Duplicate));
    assert_eq!(node.nodes(at(900)).count(), 0);
    node.handle_timeout(at(999));
    assert_eq!(sent(&mut node).len(), 0, "it is not greeted");
}
