//! Which announce of a peer holds, whatever is heard of the peer in whatever order.

use super::super::corrections::MAX_CORRECTIONS;
use super::*;
use crate::protocol::number::Number;
use crate::types::{InfoHash, Peer, TrackerId};

const US: TrackerId = TrackerId([5; 4]);
const OTHER: TrackerId = TrackerId([9; 4]);
const NAME: Name = Name { id: US, epoch: 1 };
const SEEDING: PeerFlags = PeerFlags::SEEDING;
const STOPPED: PeerFlags = PeerFlags::STOPPED;

fn at(millis: u64) -> Time {
    Time::START + Duration::from_millis(millis)
}

fn order() -> AnnounceOrder {
    AnnounceOrder::new(at(0), 8 << 20, Rng::with_seed(1))
}

fn announce(peer: u32, flags: PeerFlags) -> Announce {
    Announce {
        info_hash: InfoHash([1; 20]),
        peer: Peer {
            ip: std::net::Ipv4Addr::from(peer).into(),
            port: 6881,
            flags,
        },
    }
}

/// The other node has sent an announce with these flags, in a packet of its own.
fn hear(order: &mut AnnounceOrder, now: u64, sent: u64, seq: u32, flags: PeerFlags) -> Holds {
    let (holds, restated) = hear_and_restate(order, now, sent, seq, flags);
    assert_eq!(restated, None);
    holds
}

fn hear_and_restate(
    order: &mut AnnounceOrder,
    now: u64,
    sent: u64,
    seq: u32,
    flags: PeerFlags,
) -> (Holds, Option<Time>) {
    order.set_now(at(now));
    let number = Number {
        id: OTHER,
        epoch: 7,
        seq,
    };
    let heard = ListOrigin {
        at: sent as i64,
        number,
        stream: 0,
        restated: false,
        late: false,
    };
    let mut restated = None;
    let peer = order.recent.peer(&announce(1, flags));
    let holds = order.hear(&heard, (peer, flags), NAME, |made, _| {
        restated = Some(made);
        true
    });
    (holds, restated)
}

fn make(order: &mut AnnounceOrder, made: u64, packet: u32, flags: PeerFlags) -> bool {
    order.set_now(at(made + 20));
    let made = Made {
        at: at(made),
        delivery: order.delivery,
    };
    let peer = order.recent.peer(&announce(1, flags));
    (order.announce(made, &announce(1, flags), peer, (packet, NAME), || true)).is_some()
}

fn leaves(order: &mut AnnounceOrder, packet: u32, at: i64) {
    order.departs(packet, Left { at, name: NAME });
}

#[test]
fn what_was_made_before_it_left_is_restated_only_where_that_matters() {
    let mut order = order();
    let packet = order.begin_packet();
    make(&mut order, 1000, packet, STOPPED);
    assert_eq!(hear(&mut order, 1021, 999, 1, SEEDING), Holds::Nothing);
    assert_eq!(hear(&mut order, 1022, 1010, 2, STOPPED), Holds::This);
    let waits = hear_and_restate(&mut order, 1023, 1019, 3, SEEDING);
    assert_eq!(waits, (Holds::This, Some(at(1000))));
    assert_eq!(hear(&mut order, 1030, 1029, 4, SEEDING), Holds::This);

    let packet = order.begin_packet();
    make(&mut order, 2000, packet, STOPPED);
    leaves(&mut order, packet, 2100);
    assert_eq!(hear(&mut order, 2110, 2101, 5, SEEDING), Holds::This);
    let packet = order.begin_packet();
    make(&mut order, 3000, packet, STOPPED);
    leaves(&mut order, packet, 3100);
    let left = hear_and_restate(&mut order, 3200, 3050, 6, SEEDING);
    assert_eq!(left, (Holds::This, Some(at(3000))));
}

#[test]
fn what_could_not_be_restated_holds_from_when_it_left() {
    let mut order = order();
    assert_eq!(hear(&mut order, 1000, 1150, 1, SEEDING), Holds::This);
    order.set_delivery(2);
    let packet = order.begin_packet();
    let (now, flags) = (
        Made {
            at: at(1010),
            delivery: 2,
        },
        STOPPED,
    );
    let peer = order.recent.peer(&announce(1, flags));
    let restated = order.announce(now, &announce(1, flags), peer, (packet, NAME), || false);
    assert_eq!(restated, None);
    leaves(&mut order, packet, 1100);
    assert_eq!(hear(&mut order, 1110, 1120, 2, SEEDING), Holds::This);
}

#[test]
fn what_crosses_something_older_is_applied_once_more() {
    let mut order = order();
    hear(&mut order, 1000, 990, 1, SEEDING);
    let packet = order.begin_packet();
    // The host has made it a moment earlier, and has applied what was heard after it.
    make(&mut order, 995, packet, STOPPED);
    assert!(order.has_corrections());
    assert_eq!(order.take_corrections(9), [announce(1, STOPPED)]);
    order.set_delivery(3);
    assert!(!make(&mut order, 5000, packet, SEEDING));
    assert_eq!(order.take_corrections(9), []);
    leaves(&mut order, packet, 5001);
    // The announce of the other node is the newer one.
    hear(&mut order, 6000, 6000, 2, STOPPED);
    assert!(make(&mut order, 5999, packet, SEEDING));
    assert_eq!(order.take_corrections(9), [announce(1, STOPPED)]);
}

#[test]
fn what_is_heard_again_under_another_id_is_not_counted_again() {
    let mut order = order();
    let completed = PeerFlags::COMPLETED;
    let peer = order.recent.peer(&announce(1, completed));
    let retransmitted = |order: &mut AnnounceOrder, id, at| {
        let heard = ListOrigin {
            at,
            number: Number {
                id,
                epoch: 9,
                seq: 1,
            },
            stream: 1,
            restated: false,
            late: true,
        };
        order.hear(&heard, (peer, completed), NAME, |_, _| true)
    };
    assert_eq!(hear(&mut order, 1000, 900, 1, completed), Holds::This);
    let uncounted = Holds::Another(completed);
    let nothing = Holds::Nothing;
    assert_eq!(retransmitted(&mut order, TrackerId([10; 4]), 900), nothing);
    // The clocks of the nodes differ.
    assert_eq!(
        retransmitted(&mut order, TrackerId([10; 4]), 905),
        uncounted
    );
    assert_eq!(hear(&mut order, 1001, 910, 2, STOPPED), Holds::This);
    assert_eq!(retransmitted(&mut order, TrackerId([8; 4]), 900), nothing);
}

#[test]
fn what_a_node_says_later_replaces_what_it_has_said() {
    let mut order = order();
    assert_eq!(hear(&mut order, 1000, 900, 2, SEEDING), Holds::This);
    assert_eq!(hear(&mut order, 1001, 950, 1, STOPPED), Holds::Nothing);
    assert_eq!(hear(&mut order, 1002, 800, 3, STOPPED), Holds::This);
}

#[test]
fn announces_are_forgotten_by_age_and_by_number() {
    let mut order = order();
    for number in 0..=MAX_ANNOUNCES as u32 + 1024 {
        order.set_now(at(1000 + u64::from(number) / 1000));
        let packet = order.begin_packet();
        let announce = announce(number, SEEDING);
        let peer = order.recent.peer(&announce);
        order.announce(Made::now(at(0)), &announce, peer, (packet, NAME), || true);
    }
    order.set_now(at(1500));
    assert!((MAX_ANNOUNCES - 1024..=MAX_ANNOUNCES).contains(&order.recent.len()));
    assert!(!order.reaches_back_to(at(999)) && order.reaches_back_to(at(1004)));
    let (full, later) = (order.recent.len(), at(1500) + KEPT_FOR);
    order.set_now(later);
    assert_eq!(order.recent.len(), full - MAX_OLD_BLOCKS * 1024);
    order.forget(later, usize::MAX);
    assert_eq!(order.recent.len(), 0);
    assert!(!order.reaches_back_to(at(1200)));
}

#[test]
fn corrections_are_bounded() {
    let mut order = order();
    for number in 0..=MAX_CORRECTIONS as u32 {
        for (made, flags) in [(1000, SEEDING), (1000, STOPPED)] {
            order.set_now(at(made));
            let heard = ListOrigin {
                at: 900,
                number: Number {
                    id: OTHER,
                    epoch: 7,
                    seq: number + 1,
                },
                stream: 0,
                restated: false,
                late: false,
            };
            let peer = order.recent.peer(&announce(number, flags));
            if flags == SEEDING {
                order.hear(&heard, (peer, flags), NAME, |_, _| true);
            } else {
                let made = Made {
                    at: at(made),
                    delivery: 1,
                };
                order.announce(made, &announce(number, flags), peer, (0, NAME), || true);
            }
        }
    }
    let corrections = order.take_corrections(usize::MAX);
    assert_eq!(
        (corrections.len(), order.corrections_dropped()),
        (MAX_CORRECTIONS, 1)
    );
    assert_eq!(corrections[0], announce(1, STOPPED));
}
