//! Tests the state under the engine lock, step by step.

use super::super::clock::Clock;
use super::*;
use crate::keys::Keys;
use crate::net;
use crate::types::{Announce, InfoHash, Peer, PeerFlags};

fn announce(number: u32) -> Announce {
    Announce {
        info_hash: InfoHash([0xab; 20]),
        peer: Peer {
            ip: std::net::Ipv4Addr::from(number).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        },
    }
}

/// Starts a node with this configuration, on the links that it asks for.
fn start(config: &Config) -> (Clock, Arc<AnnounceQueue>, Live) {
    let (clock, queue) = (Clock::new(), Arc::new(AnnounceQueue::new()));
    let links = net::links(config).expect("join the group");
    let (now, id) = (clock.now_and_unix_time(), TrackerId([1; 4]));
    let live = Live::new(now, id, links, queue.clone(), config, None);
    queue.open(clock.now(), Duration::ZERO);
    (clock, queue, live)
}

#[test]
fn while_the_network_is_blocked_the_event_loop_sleeps_however_much_was_told() {
    let config = Config::on([127, 0, 0, 1]).listen(false);
    let (clock, queue, mut live) = start(&config);
    for number in 0..30_000 {
        live.node.announce(clock.now(), announce(number));
    }
    assert!(!live.node.has_room());
    live.links.send_later(0, std::iter::empty(), &mut live.node);
    for number in 0..3 * ANNOUNCE_PORTION as u32 {
        let push = queue.push(&clock, 1, announce(number));
        push.expect("there is room");
    }
    let mut taken = false;
    while live.take_some(clock.now(), true, &mut taken) {}
    std::thread::sleep(Duration::from_millis(2));
    // A turn of the event loop: the network seems to take packets again, and takes none.
    live.wakeup.wake();
    live.links.unblock(0);
    live.take_some(clock.now(), true, &mut false);
    assert!(live.begin_sending().is_some());
    let mut batch = Vec::new();
    live.next_to_send(0, &mut batch);
    live.send_later(0, batch.into_iter());
    let mut taken = false;
    while live.take_while_blocked(clock.now(), &mut taken) {}
    let now = clock.now();
    assert!(live.loop_sleeps(now) > now);
}

/// Announces are handed to the node in portions, and the packets are as full as without.
#[test]
fn a_portion_leaves_no_packet_half_empty() {
    let config = Config::on([127, 0, 0, 1]).flush_after(Duration::ZERO);
    let (clock, queue, mut live) = start(&config);
    for number in 0..4 * ANNOUNCE_PORTION as u32 {
        let push = queue.push(&clock, 1, announce(number));
        push.expect("there is room");
    }
    let mut taken = false;
    while live.take_some(clock.now(), true, &mut taken) {}
    let packets = iter::from_fn(|| live.node.poll_transmit()).count();
    // 51 records fit into a packet with a number.
    assert_eq!(packets, (4 * ANNOUNCE_PORTION).div_ceil(51));
}

/// With a key each packet takes some microseconds to seal, so the lock is released in between.
#[test]
fn only_so_many_packets_get_their_trailers_at_once() {
    let config = Config::on([127, 0, 0, 1]).keys(Keys::new([7; 32]));
    let config = config.listen(false);
    let (clock, _queue, mut live) = start(&config);
    (0..10_000).for_each(|number| live.node.announce(clock.now(), announce(number)));
    assert!(live.begin_sending().is_some());
    let mut batch = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let more = live.next_to_send(0, &mut batch);
        sizes.push(batch.len());
        if !more {
            break;
        }
    }
    assert_eq!(sizes, [16, 32, 48, 64]);
    assert!(live.is_sending());
}

#[test]
fn nothing_more_is_taken_while_there_is_no_room_for_what_was() {
    let config = Config::on([127, 0, 0, 1]).listen(false);
    let (clock, queue, mut live) = start(&config);
    let push = |count| {
        (0..count).for_each(|number| {
            queue
                .push(&clock, 1, announce(number))
                .expect("there is room");
        })
    };
    // Each of three threads fills a lane; the node has room for some 500 packets of 51 announces.
    std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(|| push(16_384)))));
    let mut portions = 1;
    let mut taken = false;
    while live.take_some(clock.now(), true, &mut taken) {
        portions += 1;
    }
    assert_eq!((taken, portions), (true, 26));
    let left = live.left();
    assert_eq!(left, 3 * 16_384 - portions * ANNOUNCE_PORTION);
    push(5);
    assert!(!live.take_some(clock.now(), true, &mut false));
    assert_eq!((live.left(), queue.waiting()), (left, 5));
    while live.node.poll_transmit().is_some() {}
    let mut taken = false;
    while live.take_some(clock.now(), true, &mut taken) {}
    assert!(taken);
    assert_eq!((live.left(), queue.waiting()), (0, 0));
}
