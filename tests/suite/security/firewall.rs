//! The nftables rules, on a host that is on two networks.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use livesync::Config;
use socket2::{Domain, SockRef, Socket, Type};

use super::{block, load};
use crate::repair::segment::{Tracker, announce};
use crate::support::netns::{self, Host, Network};
use crate::support::skip;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 42, 5);
const PORT: u16 = 9696;
const MOMENT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(120);

/// The addresses of the page.
const TRACKER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const MEMBER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const STRANGER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

#[test]
fn members_get_through_on_their_interface_and_nobody_else() {
    const TEST: &str = "security::members_get_through_on_their_interface_and_nobody_else";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let mut outside = Network::new().unwrap();
    let [tracker, member, stranger] =
        ["tracker", "member", "stranger"].map(|name| outside.add_host(name).unwrap());
    let cluster = Network::new().unwrap();
    for (host, address) in [
        (&tracker, TRACKER),
        (&member, MEMBER),
        (&stranger, STRANGER),
    ] {
        cluster.attach(host, "eth1", address).unwrap();
    }
    let elsewhere = tracker.address();
    let hears = receiver(&tracker, &[TRACKER, elsewhere]);
    // The address of a node, on the wrong network.
    stranger.add_address("eth0", MEMBER).unwrap();
    let tries = [
        ("member", sender(&member, MEMBER, MEMBER)),
        ("stranger", sender(&stranger, STRANGER, STRANGER)),
        (
            "outside",
            sender(&stranger, stranger.address(), stranger.address()),
        ),
        ("forged", sender(&stranger, MEMBER, stranger.address())),
    ];
    let arrives = || {
        for (name, socket) in &tries {
            socket.send_to(name.as_bytes(), (GROUP, PORT)).unwrap();
        }
        heard(&hears)
    };
    // An interface takes a moment until it is up.
    let start = Instant::now();
    while arrives() != ["forged", "member", "outside", "stranger"] {
        assert!(start.elapsed() < PATIENCE, "without rules all arrive");
    }
    let out = sender(&tracker, elsewhere, elsewhere);
    out.send_to(b"leak", (GROUP, PORT)).unwrap();
    assert_eq!(heard(&hears), ["leak"]);

    load(&tracker, &block("nft", "set members"));
    assert_eq!(arrives(), ["member"]);
    let refused = out.send_to(b"leak", (GROUP, PORT)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    drop(hears);

    // A host that forges an address on the nodes' own segment does get through: the page says
    // so.
    let hears = receiver(&tracker, &[TRACKER]);
    stranger.add_address("eth1", MEMBER).unwrap();
    let forged = sender(&stranger, MEMBER, STRANGER);
    forged.send_to(b"forged", (GROUP, PORT)).unwrap();
    assert_eq!(heard(&hears), ["forged"]);
    drop(hears);

    two_trackers_sync(&tracker, &member);
}

fn two_trackers_sync(tracker: &Host, member: &Host) {
    let config = || Config::default().port(PORT).scrape(false);
    let one = Tracker::start_at(
        TRACKER,
        tracker,
        config().allow([IpAddr::from(MEMBER).into()]),
    );
    let other = Tracker::start_at(
        MEMBER,
        member,
        config().allow([IpAddr::from(TRACKER).into()]),
    );
    one.announce(announce(1));
    other.announce(announce(2));
    let start = Instant::now();
    while !(one.knows(2) && other.knows(2)) {
        assert!(start.elapsed() < PATIENCE, "they do not hear each other");
        std::thread::sleep(MOMENT / 10);
    }
}

/// Returns a socket that receives from the group on the interfaces with these addresses.
fn receiver(host: &Host, interfaces: &[Ipv4Addr]) -> UdpSocket {
    host.inside(|| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
        // A program that another test is about to start may still hold the previous socket.
        socket.set_reuse_address(true).expect("share the port");
        let address = SocketAddrV4::new(GROUP, PORT);
        socket.bind(&address.into()).expect("bind");
        let socket = UdpSocket::from(socket);
        for interface in interfaces {
            socket.join_multicast_v4(&GROUP, interface).expect("join");
        }
        socket.set_read_timeout(Some(MOMENT)).expect("a timeout");
        socket
    })
}

/// Returns a socket that sends from this address by the interface that has the other one.
fn sender(host: &Host, source: Ipv4Addr, interface: Ipv4Addr) -> UdpSocket {
    host.inside(|| {
        let socket = UdpSocket::bind((source, 0)).expect("bind");
        let options = SockRef::from(&socket);
        options.set_multicast_if_v4(&interface).expect("interface");
        options.set_multicast_loop_v4(true).expect("loop");
        socket
    })
}

/// Returns the contents of the datagrams that arrive until none does, sorted.
fn heard(socket: &UdpSocket) -> Vec<String> {
    let mut heard = Vec::new();
    let mut buffer = [0; 64];
    while let Ok(length) = socket.recv(&mut buffer) {
        heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    heard.sort();
    heard
}
