//! Starts and stops of an engine, also while the host blocks its thread; and the panic that
//! trips it.

use std::thread;
use std::time::{Duration, Instant};

use livesync::{SetupError, TrackerId};

use super::table::{PATIENCE, announce_one, engine, packet};
use crate::support::group::{Wire, port};

#[test]
fn a_stop_is_bounded_and_final_also_while_the_host_holds_the_receive_thread() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, table) = engine(port);
    engine.start(TrackerId([1; 4])).expect("start");
    let bucket = table.lock();
    wire.send(&[packet(1), packet(2)[8..].to_vec()].concat());
    table.wait_for(1);
    // The stop returns although the bucket is locked, or this test never ends.
    engine.stop();
    for _ in 0..520 {
        announce_one(&engine);
    }
    drop(bucket);
    engine.start(TrackerId([2; 4])).expect("start again");
    // A packet or a call after the stop would come before this one.
    announce_one(&engine);
    wire.send(&packet(3));
    while let Some(packet) = wire.receive(PATIENCE)
        && packet[..4] != [2; 4]
    {
        assert_ne!(packet[..4], [1; 4], "announced after the stop");
    }
    table.wait_for(2);
    assert_eq!(table.last(), 3, "called after the stop");
    engine.stop();
}

#[test]
fn of_two_starts_at_once_one_wins() {
    let (engine, _table) = engine(port());
    for round in 0..50 {
        let starts: Vec<_> = (0..2)
            .map(|_| {
                let engine = engine.clone();
                thread::spawn(move || engine.start(TrackerId([1; 4])))
            })
            .collect();
        let won = starts
            .into_iter()
            .map(|start| start.join().expect("no panic"))
            .filter(|started| match started {
                Ok(()) => true,
                Err(e) => {
                    assert!(matches!(e, SetupError::AlreadyRunning), "{e}");
                    false
                }
            })
            .count();
        assert_eq!(won, 1, "round {round}");
        engine.stop();
    }
}

#[test]
fn a_panic_trips_the_engine_and_says_so_once() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, table) = engine(port);
    engine.start(TrackerId([1; 4])).expect("start");
    wire.send(&packet(0xff));
    let start = Instant::now();
    while !engine.is_tripped() {
        assert!(start.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(1));
    }
    announce_one(&engine);
    wire.send(&packet(1));
    assert!(!engine.stats().expect("it has run").running);
    // Its thread ends, and its sockets with it.
    while sockets_at(port) > 1 {
        assert!(start.elapsed() < PATIENCE, "not only that of the test");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(table.added(), 1);
    engine.stop();
    let started = engine.start(TrackerId([1; 4]));
    assert!(matches!(started, Err(SetupError::Tripped)));
    assert_eq!(
        *table.errors(),
        ["sync is off from now on: the receive thread panicked"]
    );
}

/// Returns how many UDP sockets are bound to a port.
fn sockets_at(port: u16) -> usize {
    let sockets = std::fs::read_to_string("/proc/net/udp").expect("/proc/net/udp");
    let at = format!(":{port:04X} ");
    let local = |line: &&str| {
        line.split_once(": ")
            .is_some_and(|(_, rest)| rest[8..].starts_with(&at))
    };
    sockets.lines().skip(1).filter(local).count()
}
