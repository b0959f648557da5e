//! A tracker with an adapter that goes down in a signal handler, as all of them do.

use std::process::Command;
use std::thread;
use std::time::Duration;

use super::PATIENCE;
use crate::support::generations::{DUALSTACK, V6, WORKSTRUCT, each};
use crate::support::group::{Wire, port};
use crate::support::host::Host;

#[test]
fn a_tracker_goes_down_in_a_signal_handler_while_peers_and_torrents_arrive() {
    each([V6, WORKSTRUCT, DUALSTACK], |generation| {
        let port = port();
        let mut teller = generation.syncing_scrapes(1, port);
        teller.run("fill 0 20000 7");
        for round in 0..5 {
            let mut hearer = generation.syncing_scrapes(2, port);
            thread::scope(|scope| {
                scope.spawn(|| teller.run("burst 20000 4"));
                thread::sleep(Duration::from_millis(5 + 170 * round));
                hearer.run("go-down");
            });
            assert_eq!(hearer.end(), Some(0), "round {round}");
        }
        teller.run("go-down");
        assert_eq!(teller.end(), Some(0));
    });
}

#[test]
fn a_tracker_goes_down_in_a_signal_handler_while_it_tells_its_torrents() {
    each([V6, WORKSTRUCT, DUALSTACK], |generation| {
        let port = port();
        let wire = Wire::join(port);
        let mut host = generation.syncing(1, port);
        host.run("fill 0 100000 7");
        let inquiry = [7u32.to_ne_bytes(), 2u32.to_be_bytes(), 1u32.to_ne_bytes()];
        wire.send(&inquiry.concat());
        // The first packet is our own.
        wire.receive(PATIENCE).expect("the inquiry");
        wire.receive(PATIENCE).expect("a tell packet");
        host.run("go-down");
        assert_eq!(host.end(), Some(0));
    });
}

/// The limit does not hold if the thread gets no processor for a millisecond, which may happen.
#[test]
fn what_waits_is_sent_when_the_tracker_goes_down() {
    each([V6, WORKSTRUCT, DUALSTACK], |generation| {
        let is_sent = |_| {
            let port = port();
            let wire = Wire::join(port);
            let mut host =
                Host::start(Command::new(generation.program()).env("LIVESYNC_FLUSH_MS", "60000"));
            host.sync(1, port);
            host.run("announce ab 192.0.2.1 6881 80");
            host.run("go-down");
            assert_eq!(host.end(), Some(0));
            // It has sent its last packet.
            let packet = wire.receive(Duration::from_millis(1));
            packet.is_some_and(|packet| packet[8..28] == [0xab; 20])
        };
        assert!((0..50).any(is_sent));
    });
}
