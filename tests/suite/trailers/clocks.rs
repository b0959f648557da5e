//! Clocks that are wrong, and clocks that are set.

use super::*;

const HOUR: u64 = 3_600_000;

/// The clock of a tracker is this fast until ten seconds have passed. Returns which of its
/// packets, one each second, a node with a right clock uses.
fn used_while_a_clock_is_set_back(config: &Config, fast: u64) -> (Node, Vec<u64>) {
    let mut hearer = node(HEARER, config);
    let mut speaker = node(OTHER, config);
    speaker.set_unix_time(at(0), BEGAN + millis(fast));
    let mut used = Vec::new();
    for second in 1..=20 {
        let now = second * 1000;
        if second == 10 {
            speaker.set_unix_time(at(now), BEGAN + millis(now));
        }
        announce_at(&mut speaker, now, list().next().expect("an announce"));
        let packets = sent(&mut speaker);
        if drops(&mut hearer, now, &packets[0]).is_none() {
            used.push(second);
        }
    }
    (speaker, used)
}

#[test]
fn who_has_a_key_draws_a_new_id_when_its_clock_was_set_back() {
    let config = keyed(Keys::new(key(0)));
    let (mut speaker, used) = used_while_a_clock_is_set_back(&config, HOUR);
    assert_eq!(used, Vec::from_iter(10..=20));
    assert_ne!(speaker.id(), OTHER);
    assert_eq!(speaker.take_new_id(), Some(speaker.id()));
    assert_eq!(speaker.epoch(), Some(EPOCH + 100), "by the right time");
    assert_eq!(speaker.counters().id_collisions, 0);
}

/// An attacker has recorded a tracker's packets while its clock was fast, and sends them when
/// their time has come.
#[test]
fn what_was_refused_because_its_time_had_not_come_is_refused_when_it_has() {
    let config = keyed(Keys::new(key(0)));
    for fast in [31_000, HOUR] {
        let [mut hearer, mut speaker] = [HEARER, OTHER].map(|id| node(id, &config));
        speaker.set_unix_time(at(0), BEGAN + millis(fast));
        let mut recorded = Vec::new();
        for second in 1..=10 {
            announce_at(
                &mut speaker,
                second * 1000,
                list().next().expect("an announce"),
            );
            let packets = sent(&mut speaker);
            let dropped = drops(&mut hearer, second * 1000, &packets[0]);
            assert_eq!(dropped, Some(Reject::Skewed));
            recorded.push((second, packets[0].clone()));
        }
        speaker.set_unix_time(at(11_000), BEGAN + millis(11_000));
        announce_at(&mut speaker, 12_000, list().next().expect("an announce"));
        let packets = sent(&mut speaker);
        assert_eq!(
            drops(&mut hearer, 12_000, &packets[0]),
            None,
            "it is right now"
        );
        for (second, packet) in recorded {
            let now = fast + second * 1000;
            assert_eq!(drops(&mut hearer, now, &packet), Some(Reject::Replayed));
        }
        assert_eq!(hearer.counters().records_heard, 1);
    }
}

/// A tracker was slow, and its clock is set while the others go on.
#[test]
fn whose_clock_was_slow_hears_the_others_once_it_is_right() {
    let config = keyed(Keys::new(key(0)));
    let [mut hearer, mut speaker] = [HEARER, OTHER].map(|id| node(id, &config));
    hearer.set_unix_time(at(0), BEGAN - millis(HOUR));
    let mut used = Vec::new();
    for second in 1..=20 {
        let now = second * 1000;
        if second == 10 {
            hearer.set_unix_time(at(now), BEGAN + millis(now));
        }
        announce_at(&mut speaker, now, list().next().expect("an announce"));
        if drops(&mut hearer, now, &sent(&mut speaker)[0]).is_none() {
            used.push(second);
        }
    }
    assert_eq!(used, Vec::from_iter(10..=20));
}

/// The receiver stood still, and its buffer holds packets that had arrived in time.
#[test]
fn how_old_a_packet_is_counts_from_its_arrival() {
    let config = keyed(Keys::new(key(0)));
    for (waited, reason) in [(69_500, None), (69_499, Some(Reject::Skewed))] {
        let mut node = node(HEARER, &config);
        let packet = bytes("tagged_live");
        let source = Source {
            address: address(9),
            allowed: true,
        };
        // It left at 500 ms, and took 30 s.
        let received = node.handle_datagram_after(
            at(100_000),
            Waited::exactly(millis(waited)),
            source,
            &packet,
        );
        assert_eq!(received.err(), reason, "waited for {waited} ms");
    }
}

#[test]
fn a_clock_that_was_set_back_but_not_behind_the_epoch_begins_another_one() {
    let config = keyed(Keys::new(key(0)));
    let (mut speaker, used) = used_while_a_clock_is_set_back(&config, 5000);
    assert_eq!(used, Vec::from_iter(1..=20));
    assert_eq!((speaker.id(), speaker.take_new_id()), (OTHER, None));
    assert_eq!(speaker.epoch(), Some(EPOCH + 100));
}

#[test]
fn who_has_no_key_goes_on_whatever_becomes_of_its_clock() {
    for fast in [HOUR, 5000] {
        let (mut speaker, used) = used_while_a_clock_is_set_back(&Config::default(), fast);
        assert_eq!(used, Vec::from_iter(1..=20));
        assert_eq!((speaker.id(), speaker.take_new_id()), (OTHER, None));
    }
}

/// A packet of our previous epoch is not one of another tracker with the same id.
#[test]
fn who_hears_its_own_packet_of_before_its_clock_was_set_keeps_its_id() {
    let mut node = node(US, &keyed(Keys::new(key(0))));
    announce_at(&mut node, 1000, list().next().expect("an announce"));
    let recorded = sent(&mut node).remove(0);
    node.set_unix_time(at(2000), BEGAN + millis(7000));
    assert_eq!(node.epoch(), Some(EPOCH + 70));
    assert_eq!(drops(&mut node, 3000, &recorded), Some(Reject::OwnPacket));
    assert_eq!((node.id(), node.take_new_id()), (US, None));
}

/// Two trackers have drawn the same id in the same tenth of a second.
#[test]
fn who_hears_its_number_on_another_packet_draws_a_new_id() {
    let config = keyed(Keys::new(key(0)));
    let [mut one, mut other] = [0; 2].map(|_| self::node(US, &config));
    let mut announces = list();
    let mut packet = |node: &mut Node, now| {
        announce_at(node, now, announces.next().expect("an announce"));
        sent(node).remove(0)
    };
    let [first, second] = [packet(&mut one, 1000), packet(&mut other, 1001)];
    assert_eq!(drops(&mut one, 1200, &first), Some(Reject::OwnPacket));
    assert_eq!(one.take_new_id(), None);
    assert_eq!(drops(&mut one, 1200, &second), None);
    assert_eq!(one.take_new_id(), Some(one.id()));
    let unused = packet(&mut other, 1300);
    let mut third = self::node(US, &config);
    assert_eq!(drops(&mut third, 1500, &unused), None);
    assert_ne!(third.id(), US);
}

/// The network did not take the packets before the id changed.
#[test]
fn packets_that_are_put_back_leave_under_the_id_of_now() {
    let [mut one, mut other] = [0; 2].map(|_| self::node(US, &Config::default()));
    let mut announces = list();
    let mut packet = |node: &mut Node, now| {
        announce_at(node, now, announces.next().expect("an announce"));
        node.flush();
        node.poll_transmit().expect("a packet")
    };
    packet(&mut one, 100);
    let second = packet(&mut one, 200);
    hear(&mut one, 800, &nak_for_the_first());
    one.handle_timeout(at(900));
    let mut left = std::iter::from_fn(|| one.poll_transmit());
    let retransmitted = left.find(|packet| frame(packet.as_ref()).retransmitted);
    let retransmitted = retransmitted.expect("it is retransmitted");
    hear(&mut one, 1000, packet(&mut other, 100).as_ref());
    assert_ne!(one.id(), US, "the same number on another packet");

    let before = one.counters();
    for datagram in [retransmitted, second] {
        one.put_back(datagram);
    }
    let first = one.poll_transmit().expect("a packet");
    let after = one.counters();
    let first = frame(first.as_ref());
    assert_eq!((first.header.id, first.retransmitted), (one.id(), false));
    // The two that have left under the old id have numbers under the new one, too.
    assert_eq!(first.trailer.expect("a trailer").seq, 3);
    // A NAK has requested it from the old id.
    let retransmitted = one.poll_transmit().expect("a packet");
    let retransmitted = frame(retransmitted.as_ref());
    assert_eq!(
        (retransmitted.header.id, retransmitted.retransmitted),
        (US, true)
    );
    assert_eq!(after.packets_overflowed, before.packets_overflowed);
    assert_eq!(after.bytes_out, before.bytes_out);
}

/// Of several packets without a number in the same millisecond, each has a later time than the
/// one before.
#[test]
fn how_long_packets_take_is_measured_with_numbered_ones() {
    let mut hearer = node(HEARER, &Config::default());
    for sent in [900, 950] {
        let heartbeat = Heartbeat {
            epoch: OTHERS_EPOCH,
            highest: 0,
        };
        let heartbeat = with_trailer(&heartbeat.emit(OTHER), sent, 0);
        hear(&mut hearer, 1000, &heartbeat);
    }
    // A numbered packet that was sent at 100.
    for (now, lag) in [(1200, 0), (1230, 30)] {
        let seq = if now == 1200 { 1 } else { 2 };
        hear(&mut hearer, now, &numbered_list(seq));
        let node = hearer.nodes(at(now)).next().expect("the sender");
        let rounded = Duration::from_millis(node.lag.as_secs_f64().mul_add(1000.0, 0.5) as u64);
        assert_eq!(rounded, millis(lag), "at {now}");
    }
}

#[test]
fn a_repaired_packet_is_late_until_the_next_one() {
    let mut hearer = node(HEARER, &Config::default());
    let heartbeat = |sent, highest| {
        let epoch = OTHERS_EPOCH;
        with_trailer(&Heartbeat { epoch, highest }.emit(OTHER), sent, 0)
    };
    let list = |header: Header, sent, seq| {
        let packet = [&header.emit()[..], &[0; 28]].concat();
        with_trailer(&packet, sent, seq)
    };
    let first = Header::new(OTHER, PacketType::Live);
    for (now, packet, lag) in [
        // Packets take 100 ms. The second list is lost at first.
        (200, list(first, 100, 1), 0),
        (400, heartbeat(300, 2), 0),
        (2300, list(first.retransmitted(), 200, 2), 2000),
        (2500, heartbeat(2400, 2), 0),
        (2650, heartbeat(2500, 2), 50),
        // A packet without a number may have a later time than that at which it left: no packet
        // is that fast.
        (2700, heartbeat(2690, 2), 0),
        (2850, list(first, 2750, 3), 0),
    ] {
        hear(&mut hearer, now, &packet);
        let node = hearer.nodes(at(now)).next().expect("the sender");
        let off = node.lag.abs_diff(millis(lag));
        // Clocks may drift this far in that time.
        assert!(off < millis(5), "{:?} at {now}", node.lag);
    }
    assert_eq!(hearer.counters().repair.packets_recovered, 1);
}

/// A machine that keeps no time while it is off, and asks a time server later.
#[test]
fn who_starts_before_its_clock_is_set_keeps_the_id_that_it_was_given() {
    for config in [Config::default(), keyed(Keys::new(key(0)))] {
        let has_key = config.keys.is_some();
        let mut hearer = node(HEARER, &config);
        let mut speaker = Node::new(
            at(0),
            OTHER,
            &[LinkInfo::multicast_ipv4(address(2))],
            1,
            &config,
        );
        let mut used = Vec::new();
        for second in 1..=20 {
            let now = second * 1000;
            let unix = match second {
                ..10 => millis(now),
                _ => BEGAN + millis(now),
            };
            speaker.set_unix_time(at(now), unix);
            announce_at(&mut speaker, now, list().next().expect("an announce"));
            let packets = sent(&mut speaker);
            // The last heartbeat of an epoch may come before it.
            if drops(&mut hearer, now, packets.last().expect("a packet")).is_none() {
                used.push(second);
            }
            assert_eq!((speaker.id(), speaker.take_new_id()), (OTHER, None));
        }
        // With a key, no node accepts such an early time.
        let first = if has_key { 10 } else { 1 };
        assert_eq!(used, Vec::from_iter(first..=20));
        assert_eq!(speaker.epoch(), Some(EPOCH + 100), "by the right time");
    }
}
