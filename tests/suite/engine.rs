//! The engine at its worst moments: announces leave on time even if the receive thread or the
//! host loop is blocked.

mod lifetime;
mod table;
mod waiting;

use std::thread;
use std::time::{Duration, Instant};

use livesync::{Config, TrackerId};

use self::table::{PATIENCE, announce_one, engine, engine_with, packet};
use crate::support::group::{Wire, port};

#[test]
fn announces_are_sent_on_time_while_the_host_holds_the_receive_thread() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, table) = engine(port);
    engine.start(TrackerId([1; 4])).expect("start");
    let bucket = table.lock();
    wire.send(&packet(1));
    table.wait_for(1);
    is_sent_on_time(&wire, || announce_one(&engine));
    drop(bucket);
    engine.stop();
}

/// After a second of silence the receive thread sleeps without a deadline. It is woken, and
/// then blocked.
#[test]
fn announces_are_sent_on_time_while_the_host_holds_a_thread_that_slept() {
    let port = port();
    let wire = Wire::join(port);
    let config = Config::default().repair(false);
    let (engine, table) = engine_with(config.flush_after(Duration::from_millis(20)), port);
    engine.start(TrackerId([1; 4])).expect("start");
    let sleep = 10 * Duration::from_millis(20);
    for silence in [sleep, Duration::from_secs(1)] {
        thread::sleep(silence);
        let bucket = table.lock();
        let added = table.added();
        wire.send(&packet(1));
        table.wait_for(added + 1);
        let start = Instant::now();
        announce_one(&engine);
        while wire
            .receive(Duration::from_millis(10))
            .is_none_or(|packet| packet[..4] != [1; 4])
        {
            assert!(start.elapsed() < PATIENCE, "it waits for the thread");
            engine.tick();
        }
        drop(bucket);
    }
    engine.stop();
}

#[test]
fn announces_are_sent_on_time_while_the_host_logs() {
    let port = port();
    let wire = Wire::join(port);
    let isolated = Config::default().isolated_after(Duration::from_millis(200));
    let (engine, table) = engine_with(isolated, port);
    engine.start(TrackerId([1; 4])).expect("start");
    let bucket = table.lock();
    announce_one(&engine);
    table.wait_for(1);
    is_sent_on_time(&wire, || announce_one(&engine));
    drop(bucket);
    engine.stop();
}

#[test]
fn announces_are_sent_on_time_while_a_loop_is_held_up_and_somebody_counts() {
    let port = port();
    let wire = Wire::join(port);
    let (engine, _) = engine(port);
    engine.start_polling(TrackerId([1; 4])).expect("start");
    is_sent_on_time(&wire, || {
        announce_one(&engine);
        assert!(engine.stats().is_some_and(|stats| stats.running));
    });
    engine.stop();
}

#[test]
fn to_ask_for_statistics_sends_nothing() {
    let config = Config::default().flush_after(Duration::from_secs(600));
    let (engine, _) = engine_with(config.listen(false), port());
    engine.start_polling(TrackerId([1; 4])).expect("start");
    (0..200).for_each(|_| announce_one(&engine));
    let counters = engine.stats().expect("it runs").counters;
    assert_eq!((counters.records_announced, counters.packets_out), (200, 0));
    engine.stop();
}

/// Announces leave although they fill no packet and the receive thread or the loop does not
/// send them: checks five of their packets, of which the first may be from before.
fn is_sent_on_time(wire: &Wire, announce: impl Fn()) {
    let start = Instant::now();
    let mut packets = 0;
    while packets < 5 {
        assert!(start.elapsed() < PATIENCE, "{packets} packets");
        announce();
        let packet = wire.receive(Duration::from_millis(20));
        packets += usize::from(packet.is_some_and(|packet| packet.len() < 8 + 51 * 28));
    }
}

#[cfg(feature = "want_sync_scrape")]
#[test]
fn beacons_keep_their_distance_however_many_threads_tick() {
    let interval = Duration::from_millis(200);
    let config = Config::default()
        .first_beacon_delay(interval)
        .beacon_interval(interval);
    let port = port();
    let wire = Wire::join(port);
    let (engine, _table) = engine_with(config, port);
    engine.start(TrackerId([1; 4])).expect("start");
    let start = Instant::now();
    let mut beacons = 0;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while start.elapsed() < interval * 10 {
                    engine.tick();
                }
            });
        }
        while start.elapsed() < interval * 10 {
            beacons += u32::from(wire.receive(interval / 4).is_some());
        }
    });
    engine.stop();
    let intervals = start.elapsed().div_duration_f64(interval);
    assert!(
        (1.0..=intervals).contains(&f64::from(beacons)),
        "{beacons} beacons in {intervals} intervals"
    );
}
