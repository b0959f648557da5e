//! Tests a node with two links, one of which takes no packets for a while.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::super::engine::Engine;
use super::super::live::Live;
use super::*;
use crate::config::Config;
use crate::host::Memory;
use crate::host::memory::Limits;
use crate::types::{Announce, InfoHash, Peer, PeerFlags, TrackerId};

/// The number of announces in a full packet of 1472 bytes with a trailer.
const FULL: u32 = 51;

/// A network that takes a given number of packets, and then no more.
#[derive(Debug)]
struct Network {
    info: LinkInfo,
    room: AtomicUsize,
    sent: Mutex<Vec<Vec<u8>>>,
    /// The error when there is no room.
    error: io::ErrorKind,
}

impl Network {
    fn new(last: u8, error: io::ErrorKind) -> Arc<Self> {
        let address = SocketAddr::from(([10, 0, 0, last], 9696));
        Arc::new(Self {
            info: LinkInfo::multicast_ipv4(address),
            room: usize::MAX.into(),
            sent: Mutex::default(),
            error,
        })
    }

    fn has_room_for(&self, packets: usize) {
        self.room.store(packets, SeqCst);
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.sent.lock().expect("nobody panics here").clone()
    }
}

impl Link for Network {
    fn info(&self) -> LinkInfo {
        self.info
    }

    fn receiver(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn sender(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn send_batch(&self, packets: &[Transmit]) -> (usize, Option<io::Error>) {
        let room = self.room.load(SeqCst).min(packets.len());
        self.room.fetch_sub(room, SeqCst);
        let taken = packets[..room].iter().map(|p| p.as_ref().to_vec());
        self.sent.lock().expect("nobody panics here").extend(taken);
        let error = (room < packets.len()).then(|| self.error.into());
        (room, error)
    }

    fn receive_buffer_errors(&self) -> u64 {
        1
    }

    fn close_inherited(&self) {}
}

/// Makes an engine whose node has these links, and which has no event loop.
fn engine(links: &[Arc<Network>]) -> Engine {
    let engine = Engine::new(Arc::new(Memory::new(Limits::default()))).expect("an engine");
    let config = Config::default().isolated_after(Duration::MAX);
    let links = links.iter().map(|link| link.clone() as Arc<dyn Link>);
    let live = Live::new(
        engine.clock.now_and_unix_time(),
        TrackerId([1; 4]),
        links.collect(),
        engine.queue.clone(),
        &config,
        None,
    );
    engine.lock().live = Some(live);
    engine
}

/// Announces enough for the given number of full packets, and sends as many as the networks take.
fn announce_packets(engine: &Engine, packets: u32) {
    for number in 0..packets * FULL {
        let peer = Peer {
            ip: std::net::Ipv4Addr::from(number).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        };
        let info_hash = InfoHash([0xab; 20]);
        let now = engine.clock.now();
        let mut state = engine.lock();
        let live = state.live.as_mut().expect("it lives");
        live.node.announce(now, Announce { info_hash, peer });
        if number % FULL == FULL - 1 {
            engine.act(state);
        }
    }
}

/// Lets the network of a link take packets again, and sends in several calls, as each sends only
/// a few batches.
fn unblock(engine: &Engine, place: usize) {
    let mut state = engine.lock();
    let live = state.live.as_mut().expect("it lives");
    live.links.unblock(place);
    drop(state);
    (0..LINK_MAX_WAITING / 64).for_each(|_| engine.act(engine.lock()));
}

fn overflowed(engine: &Engine) -> u64 {
    let state = engine.lock();
    let live = state.live.as_ref().expect("it lives");
    live.node.counters().overflowed_live
}

#[test]
fn a_link_that_takes_nothing_holds_up_no_other_and_gets_all_later() {
    for slow in 0..2 {
        let links = [1, 2].map(|last| Network::new(last, io::ErrorKind::WouldBlock));
        let engine = engine(&links);
        links[slow].has_room_for(3);
        announce_packets(&engine, 200);
        let all = links[1 - slow].sent();
        assert!(all.len() >= 200, "{}", all.len());
        assert_eq!(links[slow].sent(), all[..3]);
        links[slow].has_room_for(100);
        unblock(&engine, slow);
        assert_eq!(links[slow].sent(), all[..103]);
        links[slow].has_room_for(usize::MAX);
        unblock(&engine, slow);
        assert_eq!(links[slow].sent(), links[1 - slow].sent());
        assert_eq!(overflowed(&engine), 0);
    }
}

#[test]
fn only_so_much_waits_for_a_link() {
    let links = [1, 2].map(|last| Network::new(last, io::ErrorKind::WouldBlock));
    let engine = engine(&links);
    links[0].has_room_for(0);
    announce_packets(&engine, 1500);
    let all = links[1].sent();
    links[0].has_room_for(usize::MAX);
    unblock(&engine, 0);
    let late = links[0].sent();
    assert!(
        (LINK_MAX_WAITING..=LINK_MAX_WAITING + 64).contains(&late.len()),
        "{}",
        late.len()
    );
    assert!(all.ends_with(&late[late.len() - LINK_MAX_WAITING..]));
    assert_eq!(overflowed(&engine) as usize, all.len() - late.len());
}

/// Each call sends only a few batches, and the node always has more than that.
#[test]
fn no_link_falls_behind_while_there_is_always_more() {
    let links = [1, 2].map(|last| Network::new(last, io::ErrorKind::WouldBlock));
    let engine = engine(&links);
    for _ in 0..5 {
        links.iter().for_each(|link| link.has_room_for(0));
        announce_packets(&engine, 300);
        links.iter().for_each(|link| link.has_room_for(usize::MAX));
        let mut state = engine.lock();
        let live = state.live.as_mut().expect("it lives");
        (0..2).for_each(|place| live.links.unblock(place));
        engine.act(state);
    }
    unblock(&engine, 0);
    assert!(links[0].sent().len() >= 1500);
    assert_eq!(links[0].sent(), links[1].sent());
    assert_eq!(overflowed(&engine), 0);
}

#[test]
fn while_all_links_take_nothing_packets_stay_with_the_node() {
    let links = [1, 2].map(|last| Network::new(last, io::ErrorKind::WouldBlock));
    let engine = engine(&links);
    links.iter().for_each(|link| link.has_room_for(0));
    announce_packets(&engine, 300);
    {
        let state = engine.lock();
        let live = state.live.as_ref().expect("it lives");
        assert!(live.links.are_blocked() && live.node.has_transmit());
    }
    links.iter().for_each(|link| link.has_room_for(usize::MAX));
    unblock(&engine, 1);
    unblock(&engine, 0);
    assert!(links[0].sent().len() >= 300);
    assert_eq!(links[0].sent(), links[1].sent());
}

#[test]
fn what_a_link_cannot_send_is_counted_and_reaches_the_others() {
    let links = [io::ErrorKind::HostUnreachable, io::ErrorKind::WouldBlock];
    let links = links.map(|error| Network::new(1, error));
    let engine = engine(&links);
    links[0].has_room_for(0);
    announce_packets(&engine, 20);
    assert!(links[0].sent().is_empty());
    let sent = links[1].sent().len();
    let mut state = engine.lock();
    let live = state.live.as_mut().expect("it lives");
    assert_eq!(live.node.counters().send_errors, sent as u64);
    assert_eq!(live.links.take_send_errors().len(), 1, "it is news once");
    assert!(live.links.take_send_errors().is_empty());
    assert_eq!(live.stats(engine.clock.now()).receive_buffer_errors, 2);
}

#[test]
fn packets_are_as_long_as_the_narrowest_link_takes() {
    let wide = Network::new(1, io::ErrorKind::WouldBlock);
    let mut narrow = Network::new(2, io::ErrorKind::WouldBlock);
    let info = narrow.info.with_max_packet(600);
    Arc::get_mut(&mut narrow).expect("the only one").info = info;
    let engine = engine(&[wide.clone(), narrow]);
    announce_packets(&engine, 20);
    let longest = wide.sent().iter().map(Vec::len).max();
    assert!(
        longest.is_some_and(|longest| (573..=600).contains(&longest)),
        "{longest:?}"
    );
}

#[test]
fn each_link_is_deaf_and_checked_for_itself() {
    let links = [1, 2].map(|last| Network::new(last, io::ErrorKind::WouldBlock));
    let links = links.map(|link| link as Arc<dyn Link>);
    let mut state = Links::new(Time::START, links.to_vec());
    let later = Time::START + Duration::from_millis(1);
    assert!(state.receive_failed(1, later));
    assert!(!state.receive_failed(1, later), "it is no news");
    let paused: Vec<_> = state.awaits().iter().map(|at| at.is_paused).collect();
    assert_eq!(paused, [false, true]);
    let again = state.due();
    assert!(again > later && again < later + CHECK_INTERVAL);
    let resumed = state.take_resumed(again);
    assert_eq!(resumed.len(), 1);
    assert!(Arc::ptr_eq(&resumed[0], &links[1]));
    assert_eq!(state.due(), Time::START + CHECK_INTERVAL);
    assert_eq!(state.take_unchecked(Time::START + CHECK_INTERVAL).len(), 2);
    assert_eq!(state.due(), Time::START + CHECK_INTERVAL * 2);
}
