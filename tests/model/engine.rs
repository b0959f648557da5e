//! The models.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Mutex;
use shuttle::thread::JoinHandle;

use super::schedules::{check, sleep};
use super::tracker::{self, FLUSH_AFTER, ID, NEIGHBOUR_ID, Tracker, won};
use super::world::WORLD;

/// The largest value of a setting.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A few announces fewer than a packet holds.
const NEARLY_FULL: u8 = 49;

#[test]
fn every_announce_leaves_once_in_order_and_on_time() {
    check(tell_from_all_sides);
}

#[test]
fn also_when_the_network_refuses_packets_now_and_then() {
    check(|| {
        WORLD.refuse_now_and_then();
        tell_from_all_sides();
    });
}

fn tell_from_all_sides() {
    // Either each announce leaves in its own packet, or packets are full or late.
    let at_once = thread_rng().gen_ratio(1, 2);
    let flush_after = if at_once { Duration::ZERO } else { FLUSH_AFTER };
    let tracker = Arc::new(Tracker::start(flush_after, NEVER));
    if !at_once {
        announce_some(&tracker, 0, NEARLY_FULL);
    }
    join([
        tracker.spawn(|tracker| announce_some(tracker, 1, 3)),
        tracker.spawn(|tracker| announce_some(tracker, 2, 3)),
        tracker.spawn(|tracker| announce_some(tracker, 3, 2)),
        tracker.spawn(tick),
    ]);
    sleep(Duration::from_secs(1));
    tracker.assert_told_is_sent();
    tracker.assert_sent_on_time();
    tracker.engine.close();
}

#[test]
fn announces_of_one_peer_keep_their_order_whoever_tells_them() {
    check(|| {
        let tracker = Arc::new(Tracker::start(FLUSH_AFTER, NEVER));
        let next = Arc::new(Mutex::new(0));
        let announce = |count| {
            let next = next.clone();
            tracker.spawn(move |tracker| {
                for _ in 0..count {
                    let mut next = next.lock().expect("no panic");
                    tracker.announce(0, *next, Duration::ZERO);
                    *next += 1;
                    drop(next);
                    pause();
                }
            })
        };
        join([announce(5), announce(4), announce(3)]);
        sleep(Duration::from_secs(1));
        tracker.assert_told_is_sent();
        tracker.engine.close();
    });
}

#[test]
fn our_thread_wakes_twice_in_a_flush_time_at_most_while_packets_are_not_full() {
    check(|| {
        const FLUSHES: u32 = 10;
        let tracker = Arc::new(Tracker::start(FLUSH_AFTER, NEVER));
        let ticks = thread_rng().gen_ratio(1, 2);
        let before = WORLD.waits();
        for number in 0..FLUSHES * 2 {
            tracker.announce(0, number as u8, Duration::ZERO);
            if ticks {
                tracker.engine.tick();
            }
            sleep(FLUSH_AFTER / 2);
        }
        let wakeups = WORLD.waits() - before;
        assert!(wakeups <= 2 * FLUSHES, "{wakeups} times, ticks: {ticks}");
        sleep(FLUSH_AFTER * 2);
        tracker.assert_told_is_sent();
        tracker.assert_sent_on_time();
        tracker.engine.close();
    });
}

#[test]
fn a_loop_of_the_hosts_sends_what_others_tell_on_time() {
    check(|| {
        forgive_a_loop();
        let at_once = thread_rng().gen_ratio(1, 2);
        let flush_after = if at_once { Duration::ZERO } else { FLUSH_AFTER };
        let tracker = Arc::new(Tracker::bound(flush_after, NEVER));
        tracker.engine.start_polling(ID).expect("start");
        let looping = tracker.spawn(poll);
        join([
            tracker.spawn(|tracker| announce_some(tracker, 1, 3)),
            tracker.spawn(|tracker| announce_some(tracker, 2, 3)),
            tracker.spawn(|_| WORLD.arrives(tracker::announces(NEIGHBOUR_ID, &[0, 1]))),
            tracker.spawn(tick),
        ]);
        sleep(Duration::from_secs(1));
        tracker.assert_told_is_sent();
        tracker.assert_sent_on_time();
        assert_eq!(tracker.applied(), [0, 1]);
        // The loop hears of the stop, and ends.
        announce_some(&tracker, 3, 2);
        tracker.stop();
        join([looping]);
        tracker.assert_told_is_sent();
        tracker.works_again();
        tracker.engine.close();
    });
}

#[test]
fn a_loop_goes_on_when_another_thread_stops_and_starts_again() {
    check(|| {
        forgive_a_loop();
        let tracker = Arc::new(Tracker::bound(FLUSH_AFTER, NEVER));
        tracker.engine.start_polling(ID).expect("start");
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let looping = tracker.spawn(move |tracker| {
            while !ends.load(SeqCst) {
                WORLD.wait(false, tracker.engine.next_timeout().unwrap_or(None));
                let _ = tracker.engine.process();
            }
        });
        pause();
        tracker.engine.stop();
        pause();
        tracker.engine.start_polling(ID).expect("start again");
        announce_some(&tracker, 1, 3);
        sleep(Duration::from_secs(1));
        tracker.assert_told_is_sent();
        over.store(true, SeqCst);
        WORLD.wake();
        join([looping]);
        tracker.engine.close();
    });
}

#[test]
fn a_thread_takes_over_from_a_loop() {
    check(|| {
        forgive_a_loop();
        let tracker = Arc::new(Tracker::bound(FLUSH_AFTER, NEVER));
        tracker.engine.start_polling(ID).expect("start");
        let looping = tracker.spawn(|tracker| {
            for _ in 0..3 {
                let _ = tracker.engine.process();
            }
        });
        tracker.engine.stop();
        tracker.engine.start(ID).expect("start again");
        announce_some(&tracker, 1, 3);
        join([looping]);
        announce_some(&tracker, 2, 3);
        sleep(Duration::from_secs(1));
        tracker.assert_told_is_sent();
        tracker.assert_sent_on_time();
        tracker.engine.close();
    });
}

/// Allows a loop to log the end of a run after its stop: it may still hold the sockets of that
/// run when there are new ones.
fn forgive_a_loop() {
    WORLD.forgive("joined the group twice");
    WORLD.forgive("called after the stop: stopped after");
}

/// Runs a host loop, without a receive thread.
fn poll(tracker: &Tracker) {
    while let Ok(timeout) = tracker.engine.next_timeout() {
        WORLD.wait(false, timeout);
        let _ = tracker.engine.process();
    }
    let _ = tracker.engine.process();
}

#[test]
fn a_stop_is_final_and_loses_nothing() {
    check(|| {
        let flush_after = if thread_rng().gen_ratio(1, 2) {
            Duration::ZERO
        } else {
            FLUSH_AFTER
        };
        let tracker = Arc::new(Tracker::start(flush_after, Duration::ZERO));
        join([
            tracker.spawn(|tracker| announce_some(tracker, 1, 3)),
            tracker.spawn(|tracker| announce_some(tracker, 2, 3)),
            tracker.spawn(tick),
            tracker.spawn(|_| arrive()),
            tracker.spawn(|tracker| {
                pause();
                stop(tracker);
            }),
        ]);
        tracker.engine.close();
        tracker.assert_told_is_sent();
        tracker.works_again();
        tracker.engine.close();
    });
}

#[test]
fn a_stop_is_final_also_while_the_tracker_holds_a_call_up() {
    check(|| {
        let tracker = Arc::new(Tracker::start(FLUSH_AFTER, Duration::ZERO));
        join([
            tracker.spawn(|tracker| {
                for number in 0..3 {
                    tracker.announce(1, number, Duration::from_millis(300));
                }
            }),
            tracker.spawn(tick),
            tracker.spawn(|_| arrive()),
            tracker.spawn(|tracker| {
                pause();
                tracker.stop();
            }),
        ]);
        tracker.close();
        tracker.assert_told_is_sent();
        tracker.works_again();
        tracker.engine.close();
    });
}

#[test]
fn a_stop_is_final_also_for_what_the_threads_of_the_tracker_do() {
    check(|| {
        let tracker = Arc::new(Tracker::start(FLUSH_AFTER, FLUSH_AFTER));
        WORLD.arrives_at_host(tracker::announces(NEIGHBOUR_ID, &[0]));
        // The first beacon is due, and the host must count its torrents.
        sleep(FLUSH_AFTER);
        join([
            tracker.spawn(receive),
            tracker.spawn(|tracker| tracker.engine.tick()),
            tracker.spawn(stop),
        ]);
        tracker.engine.close();
        tracker.works_again();
        tracker.engine.close();
    });
}

#[test]
fn of_two_starts_at_once_one_wins() {
    check(|| {
        let tracker = Arc::new(Tracker::bound(FLUSH_AFTER, NEVER));
        let starts = [(); 2].map(|()| {
            let tracker = tracker.clone();
            shuttle::thread::spawn(move || won(tracker.engine.start(ID)))
        });
        let [one, other] = starts.map(|start| start.join().expect("no panic"));
        assert!(one != other, "{one} and {other}");
        tracker.engine.close();
    });
}

#[test]
fn starts_and_stops_at_once_leave_it_usable() {
    check(|| {
        let tracker = Arc::new(Tracker::bound(FLUSH_AFTER, NEVER));
        let start = |tracker: &Tracker| {
            won(tracker.engine.start(ID));
        };
        let stop = |tracker: &Tracker| tracker.engine.stop();
        join([
            tracker.spawn(start),
            tracker.spawn(stop),
            tracker.spawn(start),
            tracker.spawn(stop),
            tracker.spawn(|tracker| announce_some(tracker, 1, 1)),
        ]);
        tracker.engine.close();
        tracker.works_again();
        tracker.engine.close();
    });
}

#[test]
fn what_arrives_is_applied_once_and_not_told_again() {
    check(|| {
        let tracker = Arc::new(Tracker::start(FLUSH_AFTER, NEVER));
        join([
            tracker.spawn(|tracker| announce_some(tracker, 1, 3)),
            tracker.spawn(tick),
            tracker.spawn(|_| {
                WORLD.arrives(tracker::announces(NEIGHBOUR_ID, &[0, 1]));
                pause();
                WORLD.arrives(tracker::announces(NEIGHBOUR_ID, &[2]));
            }),
            tracker.spawn(|tracker| {
                WORLD.arrives_at_host(tracker::announces(NEIGHBOUR_ID, &[3]));
                receive(tracker);
            }),
        ]);
        sleep(Duration::from_secs(1));
        assert_eq!(tracker.applied(), [0, 1, 2, 3]);
        // An echo would be an announce of a teller that has announced nothing.
        tracker.assert_sent_on_time();
        tracker.assert_told_is_sent();
        tracker.engine.close();
    });
}

fn stop(tracker: &Tracker) {
    tracker.stop();
    assert_eq!(tracker.calls(), 0, "a call goes on after the stop");
}

fn announce_some(tracker: &Tracker, teller: u8, count: u8) {
    for number in 0..count {
        tracker.announce(teller, number, Duration::ZERO);
        if count < NEARLY_FULL {
            pause();
        }
    }
}

fn tick(tracker: &Tracker) {
    for _ in 0..3 {
        pause();
        tracker.engine.tick();
    }
}

/// Calls the library as a tracker does that watches a socket itself.
fn receive(tracker: &Tracker) {
    tracker.engine.receive_from(io::stderr().as_fd());
}

/// Delivers packets of all types, each of them first in some schedules.
fn arrive() {
    let mut packets = [
        tracker::announces(NEIGHBOUR_ID, &[0, 1]),
        tracker::announces(ID, &[2]),
        tracker::garbage(),
        tracker::torrents(&[0, 1]),
        tracker::inquiry(),
    ];
    let first = thread_rng().gen_range(0..packets.len());
    packets.rotate_left(first);
    for packet in packets {
        WORLD.arrives(packet);
        pause();
    }
}

/// Lets some time pass, or none.
fn pause() {
    match thread_rng().gen_range(0..4) {
        0 => sleep(FLUSH_AFTER / 2),
        1 => sleep(FLUSH_AFTER),
        _ => {}
    }
}

fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().expect("no panic");
    }
}
