//! A host that receives with a socket of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use livesync::{
    Config, Cursor, Host, InfoHash, Livesync, Merged, Peer, Torrent, Torrents, TrackerId,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::support::group::{TRAILER, Wire, port};

/// Time limit for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_host_that_receives_a_packet_itself_may_leave_the_rest_to_our_thread() {
    let beacon = [&[9, 9, 9, 9, 0, 0, 0, 1][..], &100u64.to_be_bytes()].concat();
    let inquiry = [1, 1, 1, 1, 0, 0, 0, 2, 9, 9, 9, 9];
    assert_eq!(answer_to_what_the_host_received(&beacon), inquiry);

    let inquiry = [9, 9, 9, 9, 0, 0, 0, 2, 1, 1, 1, 1];
    let expected = [
        &[1, 1, 1, 1, 0, 0, 0, 3][..],
        &[0xab; 20],
        &[0, 0, 0, 5],
        &[0, 0, 0, 0, 0, 0, 0, 7],
    ]
    .concat();
    let answer = answer_to_what_the_host_received(&inquiry);
    let (answer, trailer) = answer.split_at(expected.len());
    assert_eq!((answer, trailer.len()), (&expected[..], TRAILER));
}

/// Hands a packet of tracker 9.9.9.9 to tracker 1.1.1.1 by way of a socket of its host, which
/// makes no further call; returns the tracker's answer.
fn answer_to_what_the_host_received(packet: &[u8]) -> Vec<u8> {
    let port = port();
    let wire = Wire::join(port);
    let config = Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .beacon_interval(Duration::from_millis(100));
    let engine = Livesync::open(config, Arc::new(OneTorrent)).expect("open");
    engine.start(TrackerId([1; 4])).expect("start");
    // Most likely the receive thread sleeps by then, until the next heartbeat in half a minute.
    thread::sleep(Duration::from_secs(3));

    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket of the host");
    wire.send_to(packet, address_of(&socket));
    // On a busy machine the kernel delivers later.
    let mut arrival = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut arrival, PollTimeout::from(60_000_u16)).expect("a packet");
    engine.receive_from(socket.as_fd());
    let answer = wire.receive(PATIENCE).expect("an answer");
    engine.stop();
    answer
}

fn address_of(socket: &UdpSocket) -> SocketAddrV4 {
    match socket.local_addr() {
        Ok(SocketAddr::V4(address)) => address,
        other => panic!("{other:?}"),
    }
}

struct OneTorrent;

impl Host for OneTorrent {
    fn is_allowed(&self, _source: IpAddr) -> bool {
        true
    }

    fn add_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn packet_applied(&self, _records: usize) {}

    fn torrents(&self) -> Option<&dyn Torrents> {
        Some(self)
    }
}

impl Torrents for OneTorrent {
    fn count(&self) -> u64 {
        1
    }

    fn walk(&self, _cursor: Cursor, _limit: usize, torrents: &mut Vec<Torrent>) -> Option<Cursor> {
        torrents.extend(self.look_up(&InfoHash([0xab; 20])));
        None
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        Some(Torrent {
            info_hash: *info_hash,
            base_offset: 5,
            downloaded: 7,
        })
    }

    fn merge(&self, _heard: &Torrent) -> Merged {
        Merged::AsHeard
    }
}
