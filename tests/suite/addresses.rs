//! Sources of both address families: which are allowed, and under which address they are known.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Source};
use livesync::{Announce, Config, Host, InfoHash, Livesync, Peer, PeerFlags, TrackerId};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::support::group::port;

const PEER: Peer = Peer {
    ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    port: 6881,
    flags: PeerFlags::SEEDING,
};

/// A packet in which tracker 9.9.9.9 announces a peer.
fn packet() -> Vec<u8> {
    let config = Config::default().repair(false);
    let address = ([10, 0, 0, 9], 9696).into();
    let mut node = Node::new(
        Time::START,
        TrackerId([9; 4]),
        &[LinkInfo::multicast_ipv4(address)],
        9,
        &config,
    );
    node.announce(
        Time::START,
        Announce {
            info_hash: InfoHash([0xab; 20]),
            peer: PEER,
        },
    );
    node.flush();
    node.poll_transmit().expect("a packet").as_ref().to_vec()
}

fn networks(texts: &[&str]) -> Config {
    let networks = texts.iter().map(|text| text.parse().expect("a network"));
    Config::on(Ipv4Addr::LOCALHOST).allow(networks.collect::<Vec<_>>())
}

#[test]
fn both_kinds_of_networks_may_be_allowed() {
    let config = networks(&[
        "10.0.0.0/8",
        "2001:db8::/32",
        "fe80::1/128",
        "::ffff:192.0.2.0/120",
    ]);
    config.validate().expect("valid");
    let address = ([10, 0, 0, 1], 9696).into();
    let mut node = Node::new(
        Time::START,
        TrackerId([1; 4]),
        &[LinkInfo::multicast_ipv4(address)],
        1,
        &config,
    );
    for (source, is_allowed) in [
        ("10.1.2.3:1", true),
        ("11.1.2.3:1", false),
        ("[2001:db8::1]:1", true),
        ("[2001:db9::1]:1", false),
        ("[fe80::1%2]:1", true),
        ("[fe80::2%2]:1", false),
        // A mapped address is the IPv4 address, both as a source and as a network.
        ("[::ffff:10.1.2.3]:1", true),
        ("[::ffff:11.1.2.3]:1", false),
        ("192.0.2.1:1", true),
        ("[::ffff:192.0.2.1]:1", true),
        ("192.0.3.1:1", false),
        // Sources that are no address.
        ("0.0.0.0:0", false),
        ("[::]:0", false),
    ] {
        let from = Source {
            address: source.parse().expect("an address"),
            allowed: false,
        };
        let packet = packet();
        let heard = node.handle_datagram(Time::START, from, &packet);
        let refused = heard.err();
        assert_eq!(refused.is_none(), is_allowed, "{source}: {refused:?}");
        assert!(is_allowed || refused == Some(Reject::NotAllowed));
    }
}

/// Notes the sources that it must judge, and allows none.
#[derive(Default)]
struct Judge {
    sources: Mutex<Vec<IpAddr>>,
    peers: Mutex<Vec<Peer>>,
}

impl Host for Judge {
    fn is_allowed(&self, source: IpAddr) -> bool {
        self.sources.lock().expect("no panic").push(source);
        false
    }

    fn add_peer(&self, _: &InfoHash, peer: &Peer) {
        self.peers.lock().expect("no panic").push(*peer);
    }

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}
}

/// The host's own socket takes both; the library's is IPv4.
#[test]
fn a_socket_of_the_host_may_hear_both_kinds() {
    let here: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for (allow, used) in [
        (vec![], [false, false]),
        (vec!["127.0.0.0/8"], [true, false]),
        (vec!["::1/128"], [false, true]),
        (vec!["::ffff:127.0.0.1/128", "::1/128"], [true, true]),
    ] {
        let host = Arc::new(Judge::default());
        let config = networks(&allow).port(port());
        let livesync = Livesync::open(config, host.clone()).expect("open");
        livesync.start(TrackerId([1; 4])).expect("start");
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a socket of the host");
        let to = socket.local_addr().expect("its address").port();
        let mut expected = Vec::new();
        for (ip, used) in here.into_iter().zip(used) {
            let sender = UdpSocket::bind((ip, 0)).expect("a socket");
            sender.send_to(&packet(), (ip, to)).expect("a packet");
            // On a busy machine the kernel delivers later.
            let mut arrival = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
            poll(&mut arrival, PollTimeout::from(60_000_u16)).expect("a packet");
            livesync.receive_from(socket.as_fd());
            if used {
                expected.push(sender.local_addr().expect("its address"));
            }
        }
        // They have one id, so the node has the address of the last one.
        let heard = livesync.nodes().first().map(|node| node.address);
        assert_eq!(heard.as_ref(), expected.last(), "{allow:?}");
        livesync.close();
        let peers = host.peers.lock().expect("no panic");
        assert_eq!(peers.len(), expected.len(), "{allow:?}");
        // The host judges our own packets, too: an IPv4 source always comes in this form.
        let judged = host.sources.lock().expect("no panic");
        assert!(
            judged.iter().all(|source| here.contains(source)),
            "{judged:?}"
        );
        assert!(
            here.iter().all(|source| judged.contains(source)),
            "{judged:?}"
        );
    }
}
