//! The six functions in a C program: its announces go on the wire, and arrive in other
//! trackers.

mod heard;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::group::{TRAILER, Wire, port};
use crate::support::host::{Host, program};
use crate::support::{cc, skip};

/// Time limit for everything that is not measured. No test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A wrong call has most likely happened after this time; if not, the test does not see it.
const MOMENT: Duration = Duration::from_millis(50);

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Returns a SYNC_LIVE packet of tracker 7 with records for torrents 1, 2, …
fn live_packet(records: u8) -> Vec<u8> {
    let mut packet = 7u32.to_ne_bytes().to_vec();
    packet.extend([0, 0, 0, 0]);
    for torrent in 1..=records {
        packet.extend([torrent; 20]);
        packet.extend([10, 0, 0, torrent, 0x1a, 0xe1, 0x90, 0x55]);
    }
    packet
}

/// Returns a SYNC_LIVE packet of tracker 7 with one record.
fn packet_of(torrent: u8) -> Vec<u8> {
    let mut packet = live_packet(1);
    packet[8..28].fill(torrent);
    packet
}

/// Returns how many peers are added before this one.
fn calls_before(host: &mut Host, last: &str) -> usize {
    let mut calls = std::iter::from_fn(|| Some(host.expect("add")));
    calls
        .by_ref()
        .take_while(|call| !call.starts_with(last))
        .count()
}

/// Returns how many peers a quiet host has added.
fn counted(host: &mut Host) -> u32 {
    host.run("count");
    let line = host.expect("count ");
    line["count ".len()..].parse().expect("a number")
}

#[test]
fn an_announce_is_on_the_wire_within_150_ms_to_the_byte() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(0x0102_0304, port);
    let mut times = Vec::new();
    // Other programs use this machine, too: a late packet is measured again.
    for number in 1..=100 {
        if number > 5 && times.iter().any(|time| *time <= Duration::from_millis(150)) {
            break;
        }
        let start = Instant::now();
        host.run("tell ab 192.0.2.1 6881 f0");
        let packet = wire.receive(PATIENCE).expect("a packet");
        times.push(start.elapsed());
        let mut expected = 0x0102_0304u32.to_ne_bytes().to_vec();
        expected.extend([0, 0, 0, 0]);
        expected.extend([0xab; 20]);
        // FROM_SYNC, 0x10, and the host's minutes are not sent.
        expected.extend([192, 0, 2, 1, 0x1a, 0xe1, 0xe0, 0]);
        let (packet, trailer) = packet.split_at(expected.len());
        assert_eq!(packet, expected);
        // A number, no tag, and a mark; old trackers take it for the beginning of a record.
        assert_eq!(trailer.len(), TRAILER);
        assert_eq!(trailer[20..], [0, 0, 0, number, 0, b'L', b'S']);
    }
    let shortest = *times.iter().min().expect("a time");
    assert!(shortest <= Duration::from_millis(150), "{times:?}");
    assert!(median(times) >= Duration::from_millis(90), "not batched");
    // At the end the host sends the remaining packets, of which there are none.
    assert_eq!(host.end(), Some(0));
    assert!(wire.receive(MOMENT).is_none(), "an empty packet");
}

#[test]
fn an_announce_is_in_another_tracker_within_250_ms() {
    let port = port();
    let mut teller = Host::syncing(1, port);
    let mut hearers = [Host::syncing(2, port), Host::syncing(3, port)];
    let mut times = Vec::new();
    for number in 0..100 {
        if number >= 5 && times.iter().any(|time| *time <= Duration::from_millis(250)) {
            break;
        }
        let start = Instant::now();
        teller.run("tell ab 192.0.2.1 6881 80");
        for hearer in &mut hearers {
            let call = hearer.expect("add");
            let expected = "add ab 192.0.2.1 6881 0x80 0 proto=2 reply=NULL amount=0 ";
            assert!(call.starts_with(expected), "{call}");
            assert_eq!(hearer.expect("event"), "event 5 proto=0 data=1");
        }
        times.push(start.elapsed());
    }
    let shortest = *times.iter().min().expect("a time");
    assert!(shortest <= Duration::from_millis(250), "{times:?}");
    teller.run("tell ab 192.0.2.1 6881 20");
    for hearer in &mut hearers {
        let call = hearer.expect("remove");
        let expected = "remove ab 192.0.2.1 6881 0x20 0 proto=2 reply=NULL amount=0 ";
        assert!(call.starts_with(expected), "{call}");
    }
    // An announce that came back to the host would come before this one.
    hearers[0].run("tell cd 192.0.2.1 6881 80");
    let call = teller.expect("add");
    assert!(call.starts_with("add cd "), "it heard itself: {call}");
}

/// Threads of other Rust programs may have little memory.
#[test]
fn the_environment_does_not_say_how_large_our_stack_is() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::start(Command::new(program()).env("RUST_MIN_STACK", "16384"));
    host.sync(1, port);
    host.run("tell ab 192.0.2.1 6881 80");
    assert!(wire.receive(Duration::from_secs(20)).is_some());
    wire.send(&live_packet(1));
    let add = host.expect("add");
    assert!(add.starts_with("add 01 10.0.0.1 6881"), "{add}");
    assert_eq!(host.end(), Some(0));
}

#[test]
fn a_burst_of_2000_arrives_in_as_few_packets_as_possible() {
    let port = port();
    let wire = Wire::join(port);
    let mut hearer = Host::start(Command::new(program()).arg("-q"));
    hearer.sync(2, port);
    let mut teller = Host::syncing(1, port);
    teller.run("burst 2000");
    let packets: Vec<_> = (0..40).map_while(|_| wire.receive(PATIENCE)).collect();
    let lengths: Vec<usize> = packets.iter().map(Vec::len).collect();
    let full = 8 + 51 * 28 + TRAILER;
    assert_eq!(
        lengths,
        [&[full; 39][..], &[8 + 11 * 28 + TRAILER]].concat()
    );
    assert!(lengths.iter().all(|len| *len <= 1472));
    let start = Instant::now();
    while counted(&mut hearer) < 2000 {
        assert!(start.elapsed() < PATIENCE, "{}", counted(&mut hearer));
        std::thread::sleep(MOMENT);
    }
    assert_eq!(counted(&mut hearer), 2000);
}

#[test]
fn trackers_that_drew_the_same_id_draw_others_and_sync() {
    let port = port();
    let mut hosts = [Host::syncing(7, port), Host::syncing(7, port)];
    for host in &mut hosts {
        host.run("tell aa 192.0.2.1 6881 80");
    }
    // The packet that reveals the collision is used; at least the node that it reaches first
    // draws a new id.
    for host in &mut hosts {
        host.expect("add aa");
    }
    let ids = hosts.each_mut().map(|host| {
        host.run("show-id");
        host.expect("id")
    });
    assert_ne!(ids[0], ids[1], "stored to g_tracker_id");
    for (teller, hearer, torrent) in [(0, 1, "bb"), (1, 0, "cc")] {
        hosts[teller].run(&format!("tell {torrent} 192.0.2.1 6881 80"));
        hosts[hearer].expect(&format!("add {torrent}"));
    }
}

#[test]
fn deinit_sends_what_is_left_and_init_starts_again() {
    let port = port();
    let wire = Wire::join(port);
    let mut host = Host::syncing(1, port);
    for round in 0..3 {
        host.run("tell ab 192.0.2.1 6881 80");
        host.run("deinit");
        let left = wire.receive(PATIENCE).expect("what was left");
        assert_eq!(left[8..28], [0xab; 20], "round {round}");
        // No earlier announce may come before this one.
        host.run("tell dd 192.0.2.1 6881 80");
        host.run("ticker");
        wire.send(&packet_of(0xdd));
        host.run("init");
        wire.send(&packet_of(0xee));
        assert_eq!(calls_before(&mut host, "add ee"), 0, "round {round}");
        host.run("tell ac 192.0.2.1 6881 80");
        let ours = [packet_of(0xdd), packet_of(0xee)];
        for packet in ours {
            assert_eq!(wire.receive(PATIENCE), Some(packet), "round {round}");
        }
        let packet = wire.receive(PATIENCE).expect("what is told then");
        assert_eq!(packet[8..28], [0xac; 20], "round {round}");
    }
    host.run("deinit");
    host.sync(9, port);
    host.run("tell ab 192.0.2.1 6881 80");
    assert_eq!(
        wire.receive(PATIENCE).expect("a packet")[..4],
        9u32.to_ne_bytes()
    );
    assert_eq!(host.end(), Some(0));
}

#[test]
fn is_clean_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        skip(
            "drop_in::is_clean_under_valgrind",
            "valgrind is not installed",
        );
        return;
    }
    let port = port();
    let wire = Wire::join(port);
    let valgrind = || {
        let mut command = Command::new("valgrind");
        command
            .args([
                "-q",
                "--error-exitcode=99",
                "--leak-check=full",
                "--errors-for-leak-kinds=definite",
            ])
            .arg(program());
        command
    };
    let mut hosts = [Host::start(&mut valgrind()), Host::start(&mut valgrind())];
    for (host, id) in hosts.iter_mut().zip(1..) {
        host.sync(id, port);
    }
    let [mut teller, mut hearer] = hosts;
    teller.run("burst 100");
    teller.run("tell ab 192.0.2.1 6881 80");
    hearer.expect("add ab");
    for len in [0, 7, 8, 40, 64] {
        wire.send(&live_packet(2)[..len]);
    }
    hearer.expect("event 5 proto=0 data=2");
    teller.run("deinit");
    teller.run("init");
    teller.run("tell cd 192.0.2.1 6881 80");
    hearer.expect("add cd");
    assert_eq!(teller.end(), Some(0));
    assert_eq!(hearer.end(), Some(0));
}

#[test]
fn links_into_a_program_that_is_no_tracker() {
    let source = cc::root().join("c-tests/no_host.c");
    let with_archive = cc::link_statically("no_host", &[&source], &[], &cc::built("liblivesync.a"));
    let with_shared = cc::link_shared("no_host_shared", &source);
    for (program, arguments) in [
        (&with_archive, &[][..]),
        (&with_archive, &["without bind and init"]),
        (&with_shared, &[]),
    ] {
        let output = cc::run(Command::new(program).args(arguments));
        let log = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(
            log.starts_with("livesync: error: this program is not a tracker that livesync knows"),
            "{log}"
        );
        assert!(log.contains("g_opentracker_running"), "{log}");
        let version = format!("livesync {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), version);
    }
}
