//! BEP 15 over real UDP: the peers and counts that clients get.

use std::collections::HashSet;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::running::{HASH, LOCALHOST, OTHER_HOST, PATIENCE, Tracker, counts, leecher, seeder};
use crate::support::bep15::{Announce, Announced, Event};

#[test]
fn peers_of_a_swarm_learn_of_each_other() {
    let tracker = Tracker::start(&["-i", "77"]);
    let mut near = tracker.client(LOCALHOST);
    let mut far = tracker.client(OTHER_HOST);

    let first = near.announce(&leecher(4001)).expect("announce");
    assert_eq!(
        first,
        Announced {
            interval: 77,
            leechers: 1,
            seeders: 0,
            peers: vec![]
        }
    );
    let second = far.announce(&seeder(4002)).expect("announce");
    assert_eq!((second.leechers, second.seeders), (1, 1));
    assert_eq!(second.peers, [SocketAddrV4::new(LOCALHOST, 4001)]);
    let second = near.announce(&leecher(4001)).expect("announce");
    assert_eq!(second.peers, [SocketAddrV4::new(OTHER_HOST, 4002)]);

    let mut other_swarm = leecher(4001);
    other_swarm.info_hash[19] ^= 1;
    let alone = near.announce(&other_swarm).expect("announce");
    assert_eq!(
        (alone.leechers, alone.seeders, alone.peers.len()),
        (1, 0, 0)
    );
}

#[test]
fn seeders_are_not_told_of_seeders() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    client.announce(&seeder(4001)).expect("announce");
    client.announce(&leecher(4002)).expect("announce");
    let reply = client.announce(&seeder(4003)).expect("announce");
    assert_eq!((reply.leechers, reply.seeders), (1, 2));
    assert_eq!(reply.peers, [SocketAddrV4::new(LOCALHOST, 4002)]);
}

#[test]
fn scrape_answers_for_each_torrent_in_order() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    let unknown = [0xff; 20];

    client.announce(&seeder(4001)).expect("announce");
    client.announce(&leecher(4002)).expect("announce");
    client.announce(&leecher(4003)).expect("announce");
    let scraped = client.scrape(&[unknown, HASH]).expect("scrape");
    assert_eq!(scraped, [counts(0, 0, 0), counts(1, 0, 2)]);
    // A scrape does not create a torrent without peers.
    assert_eq!(
        client.scrape(&[unknown]).expect("scrape"),
        [counts(0, 0, 0)]
    );
}

#[test]
fn a_completed_download_counts_once() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    let completed = Announce {
        event: Event::Completed,
        ..seeder(4001)
    };

    client.announce(&leecher(4001)).expect("announce");
    client.announce(&completed).expect("announce");
    client.announce(&seeder(4001)).expect("announce");
    client.announce(&completed).expect("announce");
    assert_eq!(client.scrape(&[HASH]).expect("scrape"), [counts(1, 1, 0)]);
}

#[test]
fn a_stopped_peer_is_gone() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);

    client.announce(&seeder(4001)).expect("announce");
    client.announce(&leecher(4002)).expect("announce");
    let stopped = Announce {
        event: Event::Stopped,
        ..seeder(4001)
    };
    let reply = client.announce(&stopped).expect("announce");
    assert_eq!(
        (reply.leechers, reply.seeders, reply.peers.len()),
        (1, 0, 0)
    );
    assert_eq!(client.scrape(&[HASH]).expect("scrape"), [counts(0, 0, 1)]);
    let reply = client.announce(&leecher(4002)).expect("announce");
    assert_eq!(reply.peers, []);
    // Stopping twice changes nothing.
    client.announce(&stopped).expect("announce");
    assert_eq!(client.scrape(&[HASH]).expect("scrape"), [counts(0, 0, 1)]);
}

#[test]
fn as_many_peers_as_wanted_each_once_and_in_turn() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    for port in 5001..=5250 {
        client.announce(&leecher(port)).expect("announce");
    }
    let mut seen = HashSet::new();
    for (num_want, expected) in [(-1, 50), (0, 0), (1, 1), (10, 10), (200, 200), (1000, 200)] {
        let reply = client
            .announce(&Announce {
                num_want,
                ..leecher(5001)
            })
            .expect("announce");
        assert_eq!(reply.leechers, 250);
        assert_eq!(reply.peers.len(), expected, "num_want {num_want}");
        let peers: HashSet<_> = reply.peers.into_iter().collect();
        assert_eq!(peers.len(), expected, "a peer came twice");
        assert!(
            !peers.contains(&SocketAddrV4::new(LOCALHOST, 5001)),
            "its own address"
        );
        seen.extend(peers);
    }
    // One of the 249 stays unseen through 20 replies of 200 about once in 10^12 runs.
    for _ in 0..18 {
        let wanted = Announce {
            num_want: 200,
            ..leecher(5001)
        };
        seen.extend(client.announce(&wanted).expect("announce").peers);
    }
    assert_eq!(seen.len(), 249);
}

#[test]
fn silent_peers_are_forgotten() {
    let tracker = Tracker::start(&["-e", "2"]);
    let mut client = tracker.client(LOCALHOST);
    let announced = Instant::now();
    let reply = client.announce(&seeder(4001)).expect("announce");
    assert_eq!((reply.leechers, reply.seeders), (0, 1));
    while client.scrape(&[HASH]).expect("scrape") != [counts(0, 0, 0)] {
        assert!(announced.elapsed() < PATIENCE, "still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        announced.elapsed() > Duration::from_millis(1900),
        "forgotten too soon"
    );
    let reply = client.announce(&leecher(4002)).expect("announce");
    assert_eq!(
        (reply.leechers, reply.seeders, reply.peers.len()),
        (1, 0, 0)
    );
}
