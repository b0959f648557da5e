//! The destination and the reason of each packet, and the order in which packets leave.

use livesync::unstable::protocol::{Class, Destination, Transmit};

use super::*;

fn transmits(node: &mut Node) -> Vec<Transmit> {
    std::iter::from_fn(|| node.poll_transmit()).collect()
}

fn what(transmit: &Transmit) -> (Class, Destination) {
    (transmit.class(), transmit.to())
}

#[test]
fn each_packet_says_where_to_and_why() {
    let everyone = |class| (class, Destination::Everyone);
    let other = |class| (class, Destination::Node(OTHER));
    let mut node = node(US, &Config::default());
    tell_peers(&mut node);
    node.handle_timeout(at(500));
    let left = transmits(&mut node);
    let left: Vec<_> = left.iter().map(what).collect();
    assert_eq!(
        left,
        [Class::Control, Class::Live, Class::Live].map(everyone)
    );

    for seq in [3, 6] {
        hear(&mut node, 600, &numbered_list(seq));
    }
    hear(&mut node, 600, &nak_for_the_first());
    hear(&mut node, 600, &Inquire { asked: US }.emit(OTHER));
    node.handle_timeout(at(650));
    assert!(matches!(node.poll_task(), Some(Task::Walk { .. })));
    let torrent = Torrent {
        info_hash: info_hash(0x6d),
        base_offset: 7,
        downloaded: 258,
    };
    node.handle_walked(&[torrent], None);
    let left = transmits(&mut node);
    let left: Vec<_> = left
        .iter()
        .filter(|transmit| !matches!(frame(transmit.as_ref()).packet, Packet::Heartbeat(_)))
        .map(what)
        .collect();
    let nak = other(Class::Control);
    assert_eq!(left, [nak, other(Class::Repair), everyone(Class::Bulk)]);

    let worth_asking = Beacon { torrents: 5000 };
    let config = Config::default().beacon_interval(Duration::from_millis(100));
    let mut inquires = self::node(US, &config);
    hear(&mut inquires, 800, &worth_asking.emit(OTHER));
    answer_count(&mut inquires, 800);
    inquires.handle_timeout(at(1100));
    answer_count(&mut inquires, 1100);
    let left = transmits(&mut inquires);
    let is_inquiry =
        |transmit: &&Transmit| matches!(frame(transmit.as_ref()).packet, Packet::ScrapeInquire(_));
    let inquiry = left.iter().find(is_inquiry).expect("an inquiry");
    assert_eq!(what(inquiry), other(Class::Control));
}

#[test]
fn what_two_have_asked_for_is_for_everyone() {
    let mut node = node(US, &Config::default());
    tell_peers(&mut node);
    sent(&mut node);
    hear(&mut node, 600, &nak_for_the_first());
    let nak = Nak::emit(HEARER, US, EPOCH, &[1..=2]);
    hear(&mut node, 600, &with_trailer(&nak, 200, 0));
    node.handle_timeout(at(600));
    let left = transmits(&mut node);
    let repair = left.iter().filter(|left| left.class() == Class::Repair);
    let to: Vec<_> = repair.map(Transmit::to).collect();
    assert_eq!(to, [Destination::Everyone, Destination::Node(HEARER)]);
}

/// The network takes no packets for ten seconds, and meanwhile others send NAKs for all earlier
/// packets.
#[test]
fn however_much_is_to_be_sent_again_no_announce_waits_for_it_or_is_lost() {
    const PACKETS: usize = 500;
    let mut node = node(US, &Config::default());
    let announce = list().next().expect("an announce");
    for _ in 0..PACKETS {
        announce_at(&mut node, 100, announce);
        assert_eq!(sent(&mut node).len(), 1);
    }
    for _ in 0..PACKETS {
        announce_at(&mut node, 200, announce);
    }
    for now in (300..10_000).step_by(10) {
        let nak = Nak::emit(OTHER, US, EPOCH, &[1..=PACKETS as u32]);
        hear(&mut node, now, &with_trailer(&nak, now as u32, 0));
        node.handle_timeout(at(now));
    }
    let left = transmits(&mut node);
    let classes: Vec<_> = left.iter().map(Transmit::class).collect();
    let count = |class| classes.iter().filter(|one| **one == class).count();
    assert_eq!(count(Class::Live), PACKETS);
    assert!(count(Class::Repair) > PACKETS, "only few NAKs");
    assert!(classes.is_sorted_by_key(|class| *class as usize));
}
