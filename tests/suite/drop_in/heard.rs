//! The tracker's functions that the library calls for a packet, and the packets that are not
//! used.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;
use std::time::Duration;

use super::{MOMENT, PATIENCE, calls_before, live_packet, packet_of};
use crate::support::group::{TRAILER, Wire, port};
use crate::support::host::{GENERATIONS, Host, program_of};

#[test]
fn every_generation_is_told_apart_by_its_symbols() {
    for (name, flags, event) in GENERATIONS {
        let port = port();
        let wire = Wire::join(port);
        let mut host = Host::start(&mut Command::new(program_of(name, flags)));
        host.sync(1, port);
        wire.send(&live_packet(2));
        assert_eq!(
            host.expect("blessed"),
            "blessed 127.0.0.1 permissions=4",
            "{name}"
        );
        assert!(
            host.expect("add")
                .starts_with("add 01 10.0.0.1 6881 0x80 0 proto=2"),
            "{name}"
        );
        assert!(
            host.expect("add")
                .starts_with("add 02 10.0.0.2 6881 0x80 0 proto=2"),
            "{name}"
        );
        let expected = format!("event {event} proto=0 data=2");
        assert_eq!(host.expect("event"), expected, "{name}");
        assert_eq!(host.end(), Some(0), "{name}");
    }
}

#[test]
fn what_is_malformed_is_dropped_and_whole_records_before_a_tail_are_used() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(1, port);
    let mut packet = live_packet(3);
    for len in 0..packet.len() {
        wire.send(&packet[..len]);
    }
    // After them one complete packet.
    wire.send(&packet_of(0xee));
    // 28 lengths hold one record, 28 two (the three complete ones are not among them).
    assert_eq!(calls_before(&mut host, "add ee"), 28 + 2 * 28);
    for packet_type in [1u32, 2, 3, 4, 0x4C53_0000, u32::MAX] {
        packet[4..8].copy_from_slice(&packet_type.to_be_bytes());
        wire.send(&packet);
    }
    wire.send(&packet_of(0xef));
    assert_eq!(calls_before(&mut host, "add ef"), 0);
}

#[test]
fn only_blessed_sources_and_only_the_group_are_heard() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(1, port);
    host.run("bless 0");
    wire.send(&packet_of(0xec));
    // The host judges each packet, perhaps one of its own.
    (0..2).for_each(|_| drop(host.expect("blessed")));
    std::thread::sleep(MOMENT);
    host.run("bless 1");
    wire.send_to(
        &live_packet(1),
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
    );
    wire.send_to(
        &live_packet(1),
        SocketAddrV4::new(Ipv4Addr::new(224, 0, 42, 6), port),
    );
    wire.send(&packet_of(0xee));
    assert_eq!(calls_before(&mut host, "add ee"), 0);
}

#[test]
fn a_tracker_that_goes_down_is_not_touched() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(1, port);
    host.run("running 0");
    // It may be a packet of its own, since every packet that it sends comes back. After the
    // stop no packet is in flight.
    wire.send(&live_packet(1));
    std::thread::sleep(MOMENT);
    host.run("deinit");
    assert_eq!(host.call("add", Duration::ZERO), None);
}

#[test]
fn a_tell_while_we_deliver_is_not_sent_again() {
    let port = port();
    let wire = Wire::join(port);
    let mut hosts = [Host::syncing(1, port), Host::syncing(2, port)];
    for host in &mut hosts {
        host.run("echo 1");
    }
    wire.send(&live_packet(1));
    for host in &mut hosts {
        host.expect("add");
    }
    // The first packet is our own.
    assert_eq!(wire.receive(PATIENCE).expect("ours"), live_packet(1));
    // Each tracker announces one more peer, and nothing else.
    for (teller, hearer, torrent) in [(0, 1, 0xab), (1, 0, 0xcd)] {
        hosts[teller].run(&format!("tell {torrent:x} 192.0.2.1 6881 80"));
        hosts[hearer].expect(&format!("add {torrent:x}"));
        let packet = wire.receive(PATIENCE).expect("a packet");
        assert_eq!(packet.len(), 8 + 28 + TRAILER);
        assert_eq!(packet[8..28], [torrent; 20]);
    }
}

#[test]
fn handle_livesync_drains_a_socket_of_the_host_without_blocking() {
    let (ours, theirs) = (port(), port());
    let wire = Wire::join(theirs);
    let mut host = Host::syncing(1, ours);
    host.run(&format!("open 224.0.42.5 {theirs}"));
    host.run("handle");
    for _ in 0..3 {
        wire.send(&live_packet(2));
    }
    // On a busy machine the kernel delivers later. Each packet arrives everywhere at once.
    for _ in 0..3 {
        wire.receive(PATIENCE).expect("our own packet");
    }
    host.run("handle");
    for _ in 0..6 {
        host.expect("add");
    }
    host.run("handle");
    wire.send(&packet_of(0xee));
    wire.receive(PATIENCE).expect("our own packet");
    host.run("handle");
    assert_eq!(calls_before(&mut host, "add ee"), 0);
}
