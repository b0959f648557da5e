//! What holds of a peer, whatever is heard of it in whatever order.

use super::super::corrections::CORRECTIONS;
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

fn latest() -> Latest {
    Latest::new(at(0), 8 << 20, Rng::with_seed(1))
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

/// The other node has sent this in a packet of its own.
fn hear(latest: &mut Latest, now: u64, sent: u64, seq: u32, flags: PeerFlags) -> Holds {
    let (holds, restated) = hear_and_restate(latest, now, sent, seq, flags);
    assert_eq!(restated, None);
    holds
}

fn hear_and_restate(
    latest: &mut Latest,
    now: u64,
    sent: u64,
    seq: u32,
    flags: PeerFlags,
) -> (Holds, Option<Time>) {
    latest.set_now(at(now));
    let number = Number {
        id: OTHER,
        epoch: 7,
        seq,
    };
    let heard = Heard {
        at: sent as i64,
        number,
        stream: 0,
        restated: false,
        late: false,
    };
    let mut restated = None;
    let peer = latest.recent.peer(&announce(1, flags));
    let holds = latest.hear(&heard, (peer, flags), NAME, |made, _| {
        restated = Some(made);
        true
    });
    (holds, restated)
}

fn make(latest: &mut Latest, made: u64, packet: u32, flags: PeerFlags) -> bool {
    latest.set_now(at(made + 20));
    let made = Made {
        at: at(made),
        delivery: latest.delivery,
    };
    let peer = latest.recent.peer(&announce(1, flags));
    (latest.announce(made, &announce(1, flags), peer, (packet, NAME), || true)).is_some()
}

fn leaves(latest: &mut Latest, packet: u32, at: i64) {
    latest.departs(packet, Left { at, name: NAME });
}

#[test]
fn what_was_made_before_it_left_is_restated_only_where_that_matters() {
    let mut latest = latest();
    let packet = latest.begin_packet();
    make(&mut latest, 1000, packet, STOPPED);
    assert_eq!(hear(&mut latest, 1021, 999, 1, SEEDING), Holds::Nothing);
    assert_eq!(hear(&mut latest, 1022, 1010, 2, STOPPED), Holds::This);
    let waits = hear_and_restate(&mut latest, 1023, 1019, 3, SEEDING);
    assert_eq!(waits, (Holds::This, Some(at(1000))));
    assert_eq!(hear(&mut latest, 1030, 1029, 4, SEEDING), Holds::This);

    let packet = latest.begin_packet();
    make(&mut latest, 2000, packet, STOPPED);
    leaves(&mut latest, packet, 2100);
    assert_eq!(hear(&mut latest, 2110, 2101, 5, SEEDING), Holds::This);
    let packet = latest.begin_packet();
    make(&mut latest, 3000, packet, STOPPED);
    leaves(&mut latest, packet, 3100);
    let left = hear_and_restate(&mut latest, 3200, 3050, 6, SEEDING);
    assert_eq!(left, (Holds::This, Some(at(3000))));
}

#[test]
fn what_could_not_be_restated_holds_from_when_it_left() {
    let mut latest = latest();
    assert_eq!(hear(&mut latest, 1000, 1150, 1, SEEDING), Holds::This);
    latest.set_delivery(2);
    let packet = latest.begin_packet();
    let (now, flags) = (
        Made {
            at: at(1010),
            delivery: 2,
        },
        STOPPED,
    );
    let peer = latest.recent.peer(&announce(1, flags));
    let restated = latest.announce(now, &announce(1, flags), peer, (packet, NAME), || false);
    assert_eq!(restated, None);
    leaves(&mut latest, packet, 1100);
    assert_eq!(hear(&mut latest, 1110, 1120, 2, SEEDING), Holds::This);
}

#[test]
fn what_crosses_something_older_is_applied_once_more() {
    let mut latest = latest();
    hear(&mut latest, 1000, 990, 1, SEEDING);
    let packet = latest.begin_packet();
    // The host has made it a moment before, and applied what was heard behind it.
    make(&mut latest, 995, packet, STOPPED);
    assert!(latest.has_corrections());
    assert_eq!(latest.take_corrections(9), [announce(1, STOPPED)]);
    latest.set_delivery(3);
    assert!(!make(&mut latest, 5000, packet, SEEDING));
    assert_eq!(latest.take_corrections(9), []);
    leaves(&mut latest, packet, 5001);
    // The other node was later than ours.
    hear(&mut latest, 6000, 6000, 2, STOPPED);
    assert!(make(&mut latest, 5999, packet, SEEDING));
    assert_eq!(latest.take_corrections(9), [announce(1, STOPPED)]);
}

#[test]
fn what_is_heard_again_under_another_id_is_not_counted_again() {
    let mut latest = latest();
    let completed = PeerFlags::COMPLETED;
    let peer = latest.recent.peer(&announce(1, completed));
    let again = |latest: &mut Latest, id, at| {
        let heard = Heard {
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
        latest.hear(&heard, (peer, completed), NAME, |_, _| true)
    };
    assert_eq!(hear(&mut latest, 1000, 900, 1, completed), Holds::This);
    let uncounted = Holds::Another(completed);
    let nothing = Holds::Nothing;
    assert_eq!(again(&mut latest, TrackerId([10; 4]), 900), nothing);
    // Where the clocks do not agree.
    assert_eq!(again(&mut latest, TrackerId([10; 4]), 905), uncounted);
    assert_eq!(hear(&mut latest, 1001, 910, 2, STOPPED), Holds::This);
    assert_eq!(again(&mut latest, TrackerId([8; 4]), 900), nothing);
}

#[test]
fn what_a_node_says_later_replaces_what_it_has_said() {
    let mut latest = latest();
    assert_eq!(hear(&mut latest, 1000, 900, 2, SEEDING), Holds::This);
    assert_eq!(hear(&mut latest, 1001, 950, 1, STOPPED), Holds::Nothing);
    assert_eq!(hear(&mut latest, 1002, 800, 3, STOPPED), Holds::This);
}

#[test]
fn announces_are_forgotten_by_age_and_by_number() {
    let mut latest = latest();
    for number in 0..=REMEMBERED as u32 + 1024 {
        latest.set_now(at(1000 + u64::from(number) / 1000));
        let packet = latest.begin_packet();
        let announce = announce(number, SEEDING);
        let peer = latest.recent.peer(&announce);
        latest.announce(Made::now(at(0)), &announce, peer, (packet, NAME), || true);
    }
    latest.set_now(at(1500));
    assert!((REMEMBERED - 1024..=REMEMBERED).contains(&latest.recent.len()));
    assert!(!latest.reaches_back_to(at(999)) && latest.reaches_back_to(at(1004)));
    let (full, later) = (latest.recent.len(), at(1500) + KEPT_FOR);
    latest.set_now(later);
    assert_eq!(latest.recent.len(), full - OLD_AT_ONCE * 1024);
    latest.forget(later, usize::MAX);
    assert_eq!(latest.recent.len(), 0);
    assert!(!latest.reaches_back_to(at(1200)));
}

#[test]
fn corrections_are_bounded() {
    let mut latest = latest();
    for number in 0..=CORRECTIONS as u32 {
        for (made, flags) in [(1000, SEEDING), (1000, STOPPED)] {
            latest.set_now(at(made));
            let heard = Heard {
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
            let peer = latest.recent.peer(&announce(number, flags));
            if flags == SEEDING {
                latest.hear(&heard, (peer, flags), NAME, |_, _| true);
            } else {
                let made = Made {
                    at: at(made),
                    delivery: 1,
                };
                latest.announce(made, &announce(number, flags), peer, (0, NAME), || true);
            }
        }
    }
    let corrections = latest.take_corrections(usize::MAX);
    assert_eq!(
        (corrections.len(), latest.corrections_dropped()),
        (CORRECTIONS, 1)
    );
    assert_eq!(corrections[0], announce(1, STOPPED));
}
