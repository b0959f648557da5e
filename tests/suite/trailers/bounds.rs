//! Bounds for strangers: they can make a node do or keep little.

use livesync::unstable::protocol::NewId;

use super::*;

#[test]
fn packets_forged_under_our_id_do_not_move_our_epoch_ahead() {
    let config = keyed(Keys::new(key(0)));
    let mut node = node(US, &config.clone().auth(Auth::Accept));
    for second in 1..=20 {
        let id = node.id();
        let forged = Inquire { asked: OTHER }.emit(id);
        for millis in 0..100 {
            hear(&mut node, second * 1000 + millis, &forged);
        }
        assert_ne!(node.id(), id);
        assert_eq!(node.counters().id_collisions, second, "one in a second");
    }
    assert_eq!(node.epoch(), Some(EPOCH + 200), "by the time");
    announce_at(&mut node, 20_500, list().next().expect("an announce"));
    let packet = &sent(&mut node)[0];
    let mut hearer = self::node(HEARER, &config);
    assert_eq!(drops(&mut hearer, 20_500, packet), None);
}

#[test]
fn gaps_are_bounded_also_where_packets_split_them() {
    const LAST: u64 = 100_000;
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
    let lost = node.counters().repair.packets_lost;
    assert_eq!(missing + lost + numbers.len() as u64, LAST);
    assert_eq!(lost, 10_001 - 512);
}

/// More nodes than can be known: each is new time after time, but no further packets are sent
/// for it.
#[test]
fn more_nodes_than_are_known_cost_no_more() {
    let [few, many] = [250, 400].map(|nodes: u32| {
        let mut node = node(HEARER, &Config::default());
        let mut packets = [0, 0];
        for round in 0..20 {
            for number in 0..nodes {
                let now = 1000 * round + u64::from(number) * 2;
                let id = TrackerId([9, 0, (number >> 8) as u8, number as u8]);
                let list = [&Header::new(id, PacketType::Live).emit()[..], &[0; 28]].concat();
                let list = with_trailer(&list, 3_600_000 + now as u32, 100 + round as u32);
                hear(&mut node, now, &list);
                node.handle_timeout(at(now));
                for packet in sent(&mut node) {
                    // In the first round each of them is greeted.
                    let is_nak = matches!(frame(&packet).packet, Packet::Nak(_));
                    packets[usize::from(is_nak)] += u32::from(round > 0);
                }
            }
        }
        packets
    });
    assert_eq!(many[1], 0, "nothing is missing");
    assert!(many[0] <= few[0], "greetings: {many:?}, not {few:?}");
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

/// Returns a stranger's NAK for a packet.
fn nak(target: TrackerId, epoch: u32, number: u32, now: u64) -> Vec<u8> {
    let nak = Nak::emit(TrackerId([9; 4]), target, epoch, &[number..=number]);
    with_trailer(&nak, now as u32, 0)
}

fn naks(packets: &[Vec<u8>]) -> usize {
    let is_nak = |packet: &&Vec<u8>| matches!(frame(packet).packet, Packet::Nak(_));
    packets.iter().filter(is_nak).count()
}

/// A stranger sends NAKs for our missing packets all the time, but not so that their sender
/// receives them.
#[test]
fn others_put_our_naks_off_only_for_a_while() {
    let mut node = node(HEARER, &Config::default());
    hear(&mut node, 100, &numbered_list(1));
    hear(&mut node, 200, &numbered_list(3));
    let mut naks_sent = 0;
    for now in 200..2200 {
        hear(&mut node, now, &nak(OTHER, OTHERS_EPOCH, 2, now));
        node.handle_timeout(at(now));
        naks_sent += naks(&sent(&mut node));
    }
    assert!(
        (4..=20).contains(&naks_sent),
        "{naks_sent} NAKs in two seconds"
    );
}

#[test]
fn a_heartbeat_alone_is_worth_one_nak() {
    let mut node = node(HEARER, &Config::default());
    let epoch = OTHERS_EPOCH;
    let heartbeat = Heartbeat { epoch, highest: 9 }.emit(OTHER);
    let mut naks_sent = 0;
    for now in 100..5000 {
        if now % 1000 == 100 {
            hear(&mut node, now, &with_trailer(&heartbeat, now as u32, 0));
        }
        node.handle_timeout(at(now));
        naks_sent += naks(&sent(&mut node));
    }
    assert_eq!(naks_sent, 5, "as many as heartbeats");
    hear(&mut node, 5000, &numbered_list(10));
    for now in 5000..6000 {
        node.handle_timeout(at(now));
        naks_sent += naks(&sent(&mut node));
    }
    assert!(naks_sent > 10, "{naks_sent} once it has sent a packet");
}

/// Other nodes have received packets under our id that we have neither sent nor received.
#[test]
fn whose_id_is_forged_goes_on_under_another_one_and_answers_for_the_old_one() {
    let mut node = node(US, &Config::default());
    announce_at(&mut node, 500, list().next().expect("an announce"));
    let first = sent(&mut node).remove(0);
    let epoch = node.epoch().expect("it numbers its packets");
    hear(&mut node, 1000, &nak(US, epoch, 1, 1));
    assert_eq!(node.take_new_id(), None, "that is a packet of ours");
    hear(&mut node, 1100, &nak(US, epoch - 1, 9, 2));
    assert_eq!(node.take_new_id(), None, "so may that have been");
    // A number that it has not used, and a later epoch.
    for (now, number, later) in [(2000, 2, 0), (5000, 1, 1)] {
        let (target, epoch) = (node.id(), node.epoch().expect("an epoch"));
        hear(&mut node, now, &nak(target, epoch + later, number, now));
        assert_eq!(node.take_new_id(), Some(node.id()));
        assert_eq!(node.why_new_id(), NewId::NeverSent);
        let target = node.id();
        hear(&mut node, now + 1, &nak(target, epoch + 900, 9, now + 1));
        node.handle_timeout(at(now + 999));
        assert_eq!(node.take_new_id(), None, "one in a second");
        node.handle_timeout(at(now + 1000));
        assert_eq!(node.take_new_id(), Some(node.id()));
    }
    sent(&mut node);
    hear(&mut node, 9000, &nak(US, epoch, 1, 9000));
    node.handle_timeout(at(9000));
    let retransmitted = sent(&mut node)
        .into_iter()
        .find(|packet| frame(packet).retransmitted);
    assert_eq!(retransmitted.expect("a copy")[8..], first[8..]);
}

/// It has sent no packet that another node could miss.
#[test]
fn a_nak_to_a_node_that_only_listens_keeps_it_from_no_sleep() {
    let mut node = node(US, &Config::default().speak(false));
    hear(&mut node, 100, &nak(US, 1, 1, 1));
    node.handle_timeout(at(100));
    assert!(node.poll_timeout() > at(100));
    assert_eq!(sent(&mut node), [[0; 0]; 0]);
}
