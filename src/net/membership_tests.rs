//! Tests with interfaces that vanish and come back, each in a network namespace of its own.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, io, thread};

use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Membership, udp_socket};
use crate::config::Config;
use crate::net::tests::{ip, skip};
use crate::net::{Inbox, Link, Multicast, thread_number};

const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 42, 5);
const PORT: u16 = 9696;

/// Runs a test in a network namespace of its own, with an interface whose peer has no address.
fn in_a_network(test: impl FnOnce() + Send + 'static) {
    let run = move || match unshare(CloneFlags::CLONE_NEWNET) {
        Err(e) => skip("interfaces", e),
        Ok(()) => {
            ip("link set lo up");
            make(2);
            test();
        }
    };
    thread::spawn(run).join().unwrap();
}

/// Creates the interface `e0` with this number.
fn make(index: u32) {
    let veth = format!("type veth peer name there-{index} index {}", 500 + index);
    ip(&format!("link add e0 index {index} {veth}"));
    ip(&format!("link set there-{index} up"));
    give_address();
    ip("link set e0 up");
}

fn give_address() {
    ip(&format!("address add {HERE}/24 dev e0"));
}

fn remove() {
    ip("link delete e0");
}

/// Moves the interface to another network namespace and back, where it has the same number again.
fn visit_another_network() {
    let home = thread_number();
    let (send, network) = mpsc::channel();
    let visit = move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        send.send(thread_number()).unwrap();
        while !Command::new("ip")
            .args(["link", "set", "e0", "netns", &home.to_string()])
            .output()
            .is_ok_and(|output| output.status.success())
        {
            thread::sleep(Duration::from_millis(1));
        }
    };
    let visit = thread::spawn(visit);
    ip(&format!("link set e0 netns {}", network.recv().unwrap()));
    visit.join().unwrap();
    give_address();
    ip("link set e0 up");
}

fn join(interface: Ipv4Addr) -> Multicast {
    let config = Config::on(interface).port(PORT).loopback(true);
    Multicast::join(&config).unwrap()
}

/// Returns whether a packet that another socket sends to the group arrives. It loops back on the
/// interface on which it leaves, if that interface has a membership.
fn hears(group: &Multicast) -> bool {
    let sender = udp_socket().unwrap();
    sender.set_multicast_if_v4(&HERE).unwrap();
    sender.set_multicast_loop_v4(true).unwrap();
    let sender = UdpSocket::from(sender);
    let mut inbox = Inbox::new(1500);
    let receiver = group.receiver().unwrap();
    while inbox.receive(receiver, usize::MAX).is_ok() {}
    sender.send_to(&[7], (GROUP, PORT)).unwrap();
    inbox.receive(receiver, usize::MAX).is_ok()
}

/// Returns the number of memberships of the interface in the group.
fn users() -> Option<u32> {
    let listed = fs::read_to_string("/proc/thread-self/net/igmp").unwrap();
    let interface = listed.split("\te0 ").nth(1)?;
    let group = format!("{:08X}", u32::from_ne_bytes(GROUP.octets()));
    let line = interface.lines().find(|line| line.contains(&group))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Joins the group with a socket that is not part of the link.
fn another_member() -> Socket {
    let socket = udp_socket().unwrap();
    socket.set_reuse_address(true).unwrap();
    let group = SocketAddrV4::new(GROUP, PORT);
    socket.bind(&group.into()).unwrap();
    socket.join_multicast_v4(&GROUP, &HERE).unwrap();
    socket
}

/// Makes the socket leave the group. Closing it might take effect later, because a process that
/// another test starts has the descriptor, too, until it runs its own program.
fn ends(member: Socket) {
    let _ = member.leave_multicast_v4(&GROUP, &HERE);
}

/// Checks that one check finds that the membership was lost and repairs it.
fn finds_and_mends(group: &Multicast) {
    assert!(group.check_membership().unwrap());
    assert!(hears(group));
    assert!(!group.check_membership().unwrap());
    assert_eq!(group.send_all(&[[1; 8]; 3]).0, 3);
    assert_eq!(users(), Some(1));
}

#[test]
fn an_interface_may_be_made_anew_for_ever() {
    in_a_network(|| {
        for (interface, indices) in [(HERE, 10..35), (Ipv4Addr::UNSPECIFIED, 35..38)] {
            ip("route add 224.0.0.0/4 dev e0");
            let group = join(interface);
            assert_eq!(group.info().address().ip(), HERE);
            for index in indices {
                remove();
                make(index);
                finds_and_mends(&group);
            }
        }
    });
}

#[test]
fn an_interface_may_come_back_under_its_number() {
    in_a_network(|| {
        for interface in [HERE, Ipv4Addr::UNSPECIFIED] {
            ip("route add 224.0.0.0/4 dev e0");
            let group = join(interface);
            for _ in 0..3 {
                remove();
                make(2);
                assert!(!hears(&group));
                finds_and_mends(&group);
            }
            visit_another_network();
            assert!(!hears(&group));
            finds_and_mends(&group);
        }
    });
}

#[test]
fn one_membership_is_enough_where_no_more_are_allowed() {
    in_a_network(|| {
        fs::write("/proc/sys/net/ipv4/igmp_max_memberships", "1").unwrap();
        let group = join(HERE);
        for index in [3, 4, 4] {
            remove();
            make(index);
            finds_and_mends(&group);
        }
    });
}

#[test]
fn where_there_is_no_list_a_look_at_the_gap_is_enough() {
    in_a_network(|| {
        fs::write("/proc/sys/net/ipv4/igmp_max_memberships", "1").unwrap();
        let receiver = another_member();
        let leave = receiver.leave_multicast_v4(&GROUP, &HERE);
        leave.unwrap();
        let group = SocketAddrV4::new(GROUP, PORT);
        let mut membership = Membership::join((&receiver).into(), group, HERE).unwrap();
        membership.listing = None;
        membership.index = 0.into();
        for index in [2, 3] {
            assert!(!membership.join_again((&receiver).into()).unwrap());
            remove();
            assert!(membership.join_again((&receiver).into()).is_err());
            make(index);
            assert!(membership.join_again((&receiver).into()).unwrap());
            assert_eq!(users(), Some(1));
        }
    });
}

#[test]
fn who_is_a_member_stays_it() {
    in_a_network(|| {
        let group = join(HERE);
        let stays = || {
            assert!(!group.check_membership().unwrap());
            assert!(hears(&group));
            assert_eq!(users(), Some(1));
        };
        stays();
        // The membership stays on an interface without an address.
        ip(&format!("address delete {HERE}/24 dev e0"));
        let gone = group.check_membership().unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ENODEV));
        assert_eq!(users(), Some(1));
        give_address();
        stays();
        ip("link set e0 down");
        assert!(!group.check_membership().unwrap());
        ip("link set e0 up");
        stays();
    });
}

#[test]
fn the_address_may_move_to_another_interface() {
    in_a_network(|| {
        let group = join(HERE);
        ip("link set e0 name old");
        ip(&format!("address delete {HERE}/24 dev old"));
        make(9);
        assert!(!hears(&group));
        finds_and_mends(&group);
        remove();
        ip("link set old name e0");
        give_address();
        finds_and_mends(&group);
    });
}

#[test]
fn other_members_keep_what_is_theirs() {
    in_a_network(|| {
        let elsewhere = udp_socket().unwrap();
        let loopback = Ipv4Addr::LOCALHOST;
        elsewhere.join_multicast_v4(&GROUP, &loopback).unwrap();
        let group = join(HERE);
        let other = another_member();
        assert_eq!(users(), Some(2));
        assert!(!group.check_membership().unwrap());
        assert_eq!(users(), Some(2));
        remove();
        make(3);
        let new = another_member();
        assert!(group.check_membership().unwrap());
        assert!(!group.check_membership().unwrap());
        assert_eq!(users(), Some(2));
        // If the interface has the same number, the kernel delivers to the old members as long as
        // another socket has joined since.
        remove();
        make(3);
        ends(other);
        ends(new);
        let new = another_member();
        assert!(!group.check_membership().unwrap());
        assert!(hears(&group));
        ends(new);
        finds_and_mends(&group);
        assert!(elsewhere.leave_multicast_v4(&GROUP, &loopback).is_ok());
    });
}

#[test]
fn an_interface_that_is_down_is_used_when_it_is_up() {
    in_a_network(|| {
        ip("link set e0 down");
        let group = join(HERE);
        let down = group.send_error().unwrap();
        assert_eq!(down.kind(), io::ErrorKind::NetworkUnreachable);
        let (sent, error) = group.send_all(&[[1; 8]; 3]);
        assert_eq!((sent, error.unwrap().kind()), (0, down.kind()));
        let nothing: [&[u8]; 0] = [];
        assert!(group.send_all(&nothing).1.is_none());
        assert!(!group.check_membership().unwrap());
        ip("link set e0 up");
        assert_eq!(group.send_all(&[[1; 8]; 3]).0, 3);
        assert!(group.send_error().is_none());
        assert!(hears(&group));
        // An address that no interface has is refused, however.
        let elsewhere = Config::on([10, 77, 0, 2]).port(PORT);
        assert!(Multicast::join(&elsewhere).is_err());
    });
}

#[test]
fn a_strict_reverse_path_filter_is_seen() {
    in_a_network(|| {
        let filter = |of: &str, value: u8| {
            let path = format!("/proc/sys/net/ipv4/conf/{of}/rp_filter");
            fs::write(path, value.to_string()).unwrap();
        };
        for (all, own, is_strict) in [(0, 0, false), (0, 1, true), (1, 0, true), (1, 2, false)] {
            filter("all", all);
            filter("e0", own);
            let group = join(HERE);
            let hint = group.filter_hint();
            assert_eq!(hint.is_some(), is_strict, "{all} {own}: {hint:?}");
            assert!(hint.is_none_or(|hint| hint.contains("interface e0 is strict")));
        }
    });
}

#[test]
fn routers_may_cut_our_packets() {
    in_a_network(|| {
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)).unwrap();
        raw.join_multicast_v4(&GROUP, &HERE).unwrap();
        raw.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let raw = UdpSocket::from(raw);
        let group = join(HERE);
        // This holds for a packet alone and for packets together.
        for batch in [vec![[1; 8]], vec![[2; 8]; 3]] {
            assert_eq!(group.send_all(&batch).0, batch.len());
            let mut packet = [0; 100];
            assert!(raw.recv(&mut packet).unwrap() >= 36);
            let do_not_fragment = packet[6] & 0x40 != 0;
            assert!(!do_not_fragment);
        }
    });
}
