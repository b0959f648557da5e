//! Tests of batches of packets on the way from a sender through the group to an inbox.

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::{env, thread};

use nix::sched::{CloneFlags, unshare};

#[cfg(not(target_env = "musl"))]
use super::mmsg::tests::refuse;
use super::sender::Sender;
use super::{Inbox, Link, Multicast};
use crate::config::Config;

const LONGEST: usize = 65_507;

/// Joins a group on the loopback interface. Each test has a port of its own.
fn group(port: u16) -> Multicast {
    let config = Config::on(Ipv4Addr::LOCALHOST).port(port).loopback(true);
    Multicast::join(&config).unwrap()
}

/// Makes packets of these lengths, each with different bytes.
fn packets(lengths: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
    let lengths = lengths.into_iter().enumerate();
    let packets = lengths.map(|(i, len)| (0..len).map(|j| (i * 7 + j * 31) as u8).collect());
    packets.collect()
}

/// Receives all waiting datagrams. Returns them, and the number of messages that contained them.
fn receive_all(group: &Multicast) -> (Vec<Vec<u8>>, usize) {
    let receiver = group.receiver().unwrap();
    let mut inbox = Inbox::new(LONGEST);
    let (mut datagrams, mut messages) = (Vec::new(), 0);
    while let Ok(count) = inbox.receive(receiver, usize::MAX) {
        messages += count;
        // The datagrams are taken in two parts, which must be in order.
        for most in [count, usize::MAX] {
            for (source, datagram) in inbox.take(most) {
                assert_eq!(source, Some(group.info().address()));
                datagrams.push(datagram.to_vec());
            }
        }
        assert!(inbox.is_empty());
    }
    (datagrams, messages)
}

/// Sends batches of all kinds, and returns the number of messages in which each arrived.
fn all_batches_arrive(group: &Multicast) -> Vec<usize> {
    let batches = [
        packets([]),
        packets([0]),
        packets([1464; 60]),
        packets([600; 200]),
        packets([
            1464, 1464, 20, 1472, 0, 0, 1464, 1472, 1472, 40_000, 40_000, 8, 8,
        ]),
        packets((0..100).map(|i| 8 + i * 11 % 53)),
    ];
    let messages = batches.map(|batch| {
        let (sent, error) = group.send_all(&batch);
        assert_eq!(sent, batch.len(), "{error:?}");
        let (datagrams, messages) = receive_all(group);
        assert!(datagrams == batch, "{} of {sent} arrived", datagrams.len());
        messages
    });
    messages.to_vec()
}

/// Tests that a batch ends before a packet that is too long for any network.
fn a_batch_ends_where_it_fails(group: &Multicast) {
    let batch = packets([100, 100, 70_000, 100]);
    let (sent, error) = group.send_all(&batch);
    assert_eq!(sent, 2);
    assert_eq!(error.unwrap().raw_os_error(), Some(libc::EMSGSIZE));
    assert_eq!(group.send_all(&batch[3..]).0, 1);
    let arrived = receive_all(group).0;
    assert!(arrived.iter().eq([&batch[0], &batch[1], &batch[3]]));
}

fn sender(group: &Multicast) -> &Sender {
    group.sender.as_ref().unwrap()
}

#[test]
fn packets_of_one_length_leave_together() {
    let group = group(19_701);
    assert_eq!(all_batches_arrive(&group), [0, 1, 2, 4, 9, 80]);
    a_batch_ends_where_it_fails(&group);
    assert_eq!(longest_segment(&group), LONGEST);
}

#[test]
fn where_packets_may_not_leave_together_each_is_a_message() {
    let group = group(19_702);
    sender(&group).longest_segment.store(0, Ordering::Relaxed);
    assert_eq!(all_batches_arrive(&group), [0, 1, 60, 200, 13, 100]);
    a_batch_ends_where_it_fails(&group);
    assert!(!sender(&group).one_by_one.load(Ordering::Relaxed));
}

/// With musl each message takes a system call of its own, whatever the kernel can do.
#[cfg(not(target_env = "musl"))]
#[test]
fn where_there_are_no_batches_each_packet_has_a_call_of_its_own() {
    let test = || {
        let group = group(19_703);
        refuse(&[libc::SYS_sendmmsg, libc::SYS_recvmmsg]);
        assert_eq!(all_batches_arrive(&group), [0, 1, 60, 200, 13, 100]);
        a_batch_ends_where_it_fails(&group);
        assert!(sender(&group).one_by_one.load(Ordering::Relaxed));
    };
    thread::spawn(test).join().unwrap();
}

/// The test runs in a network namespace of its own, whose interface has an MTU of 1000 bytes.
#[test]
fn packets_that_the_interface_takes_only_in_fragments_leave_one_by_one() {
    let test = || {
        if let Err(e) = unshare(CloneFlags::CLONE_NEWNET) {
            return skip("a small MTU", e);
        }
        ip("link set lo up mtu 1000");
        let group = group(19_704);
        for (batch, messages, longest) in [
            (packets([900; 20]), 1, LONGEST),
            (packets([1464; 20]), 20, 1463),
            (packets([1464; 20]), 20, 1463),
            (packets([900; 20]), 1, 1463),
        ] {
            assert_eq!(group.send_all(&batch).0, 20);
            assert!(receive_all(&group) == (batch, messages));
            assert_eq!(longest_segment(&group), longest);
        }
        // An interface that is down is no reason to send packets one by one.
        ip("link set lo down");
        let batch = packets([900; 20]);
        let (sent, error) = group.send_all(&batch);
        assert!(sent == 0 && error.is_some());
        ip("link set lo up");
        assert_eq!(group.send_all(&batch).0, 20);
        assert_eq!(longest_segment(&group), 1463);
        // The next check finds out whether the interface takes them now, with one system call.
        receive_all(&group);
        let batch = packets([1464; 20]);
        for (mtu, messages, longest) in [(1000, 20, 1463), (1500, 1, LONGEST)] {
            ip(&format!("link set lo mtu {mtu}"));
            assert!(!group.check_membership().unwrap());
            assert_eq!(longest_segment(&group), LONGEST);
            assert_eq!(group.send_all(&batch).0, 20);
            assert_eq!(receive_all(&group).1, messages);
            assert_eq!(longest_segment(&group), longest);
        }
    };
    thread::spawn(test).join().unwrap();
}

#[test]
fn a_message_that_finds_no_room_counts_as_one() {
    let group = group(19_705);
    let batch = packets([1464; 40]);
    let mut sent = 0;
    assert!(group.buffer_warning().is_none());
    while group.receive_buffer_errors() == 0 {
        assert!(sent < 1000, "there is no end of room");
        assert_eq!(group.send_all(&batch).0, batch.len());
        sent += 1;
    }
    // The operator is warned of the first dropped message, and when their number has doubled.
    let warning = group.buffer_warning().unwrap();
    assert!(warning.contains("has dropped 1 packets"), "{warning}");
    for warns in [false, true, false, true, false] {
        assert_eq!(group.buffer_warning().is_some(), warns);
        group.send_all(&batch);
        sent += 1;
    }
    let (datagrams, messages) = receive_all(&group);
    assert_eq!(group.receive_buffer_errors(), sent - messages as u64);
    assert_eq!(datagrams.len(), messages * batch.len());
}

#[test]
fn an_inbox_receives_from_any_socket() {
    let mut inbox = Inbox::new(1000);
    let receiver = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    let port = receiver.local_addr().unwrap().port();
    let v4 = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let v6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    v4.send_to(&[9], (Ipv4Addr::LOCALHOST, port)).unwrap();
    v4.send_to(&[], (Ipv4Addr::LOCALHOST, port)).unwrap();
    v6.send_to(&[2; 10], (Ipv6Addr::LOCALHOST, port)).unwrap();
    v4.send_to(&[3; 1001], (Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_eq!(inbox.receive(receiver.as_fd(), 1).unwrap(), 1);
    assert_eq!(inbox.take(9).len(), 1);
    v4.send_to(&[1; 1000], (Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_eq!(inbox.receive(receiver.as_fd(), usize::MAX).unwrap(), 4);
    // An IPv4 source arrives mapped into IPv6, and is converted back.
    let from = v4.local_addr().unwrap();
    let expected: [(_, &[u8]); 4] = [
        (Some(from), &[]),
        (Some(v6.local_addr().unwrap()), &[2; 10]),
        // The end of this datagram is cut off.
        (Some(from), &[3; 1000]),
        (Some(from), &[1; 1000]),
    ];
    assert!(inbox.take(9).eq(expected));
    // The socket is in blocking mode, but receiving does not block.
    let nothing = inbox.receive(receiver.as_fd(), usize::MAX).unwrap_err();
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    assert!(inbox.is_empty());
}

#[test]
fn what_an_earlier_packet_left_behind_does_not_hide_the_next() {
    let ours = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let theirs = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (from, to) = (theirs.local_addr().unwrap(), ours.local_addr().unwrap());
    ours.connect(from).unwrap();
    theirs.send_to(&[1], to).unwrap();
    drop(theirs);
    // The other socket is closed, so the host answers with an ICMP error.
    ours.send(&[2]).unwrap();
    let mut inbox = Inbox::new(1000);
    assert_eq!(inbox.receive(ours.as_fd(), usize::MAX).unwrap(), 1);
}

fn longest_segment(group: &Multicast) -> usize {
    sender(group).longest_segment.load(Ordering::Relaxed)
}

pub(super) fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(status.unwrap().success(), "ip {arguments}");
}

pub(super) fn skip(test: &str, reason: impl fmt::Display) {
    assert!(env::var_os("LIVESYNC_TESTS_NO_SKIP").is_none(), "{reason}");
    let _ = writeln!(io::stderr(), "SKIPPED the test of {test}: {reason}");
}
