//! The last packets before a stop.

use super::*;

#[test]
fn who_stops_says_how_much_it_has_sent() {
    let mut node = node(US, &Config::default());
    tell_peers(&mut node);
    let lists = sent(&mut node).len() as u32;
    node.say_last_words(at(900));
    let last = sent(&mut node);
    assert_eq!(last.len(), 1);
    assert_eq!(heartbeat(&last[0]), Some(lists));
}

#[test]
fn who_has_said_nothing_stops_without_a_word() {
    let mut node = node(US, &Config::default());
    node.handle_timeout(at(0));
    sent(&mut node);
    node.say_last_words(at(900));
    assert_eq!(sent(&mut node), [] as [Vec<u8>; 0]);
}

#[test]
fn where_packets_get_lost_the_last_ones_leave_twice() {
    let mut node = node(US, &Config::default());
    let mut announces = list();
    let mut tell_at = |node: &mut Node, now| {
        announce_at(node, now, announces.next().expect("an announce"));
        node.flush();
        sent(node).remove(0)
    };
    tell_at(&mut node, 100);
    hear(&mut node, 600, &nak_for_the_first());
    node.handle_timeout(at(600));
    sent(&mut node);
    let lately = tell_at(&mut node, 1000);
    node.say_last_words(at(1200));
    let last = sent(&mut node);
    let (lists, heartbeats): (Vec<_>, Vec<_>) =
        last.iter().partition(|packet| frame(packet).retransmitted);
    let [copy] = lists[..] else {
        panic!("{} lists", lists.len());
    };
    assert_eq!(copy[8..], lately[8..]);
    assert_eq!(heartbeats.len(), 4);
    for packet in heartbeats {
        assert_eq!(heartbeat(packet), Some(2));
    }
}

/// Returns how many packets its sender has sent according to it, if it is a heartbeat.
fn heartbeat(packet: &[u8]) -> Option<u32> {
    match frame(packet).packet {
        Packet::Heartbeat(heartbeat) => Some(heartbeat.highest),
        _ => None,
    }
}
